"""What it takes, beside patterns, to read facts and to write questions in a language."""

from __future__ import annotations

from querygen_offline.grammar import Words

ENGLISH = Words(
    named="the {}",
    named_dative="the {}",
    nameless="this product",
    nameless_dative="this product",
    proper=False,
    spec="{topic} of {value}",
    either="{} or {}",
    contractions=(),
    polite="Just wondering, ",
    capitals=False,
    prefers_type=True,
    personas=(
        ("first_time_buyer", "first-time buyers"),
        ("parent", "families with children"),
        ("expert", "experienced users"),
        ("senior", "older people"),
        ("budget_buyer", "people on a tight budget"),
        ("professional", "busy professionals"),
        ("young_adult", "young adults"),
    ),
    parts=(
        "adapter", "backrest", "basket", "battery", "blade", "brakes", "buckle", "burrs", "cable", "cap",
        "cartridge", "charger", "clasp", "collar", "cushion", "door", "drawer", "ear pads", "feet", "filter",
        "frame", "gauge", "grip", "handle", "headband", "hinges", "hood", "hose", "keyboard", "laces", "legs",
        "lens", "lid", "lining", "magnet", "microphone", "mirror", "motor", "nozzle", "pedals", "platter",
        "pockets", "pump", "remote control", "rim", "screen", "seams", "seat", "sensor", "shelves", "sleeve",
        "sole", "speakers", "spout", "straps", "strings", "table top", "tank", "tray", "trigger", "tyres",
        "valve", "wheels", "zip",
    ),
    materials=frozenset({"material", "fabric", "cover", "shell", "upper", "upper material", "frame material"}),
    colours=frozenset({"colour", "color", "product colour", "product color"}),
    answers=("yes", "no"),
)  # fmt: skip

GERMAN = Words(
    named="das Produkt {}",
    named_dative="dem Produkt {}",
    nameless="dieses Produkt",
    nameless_dative="diesem Produkt",
    proper=True,
    spec="{value} {topic}",
    either="{} oder {}",
    contractions=(("bei dem ", "beim "), ("von dem ", "vom "), ("zu dem ", "zum "), ("an dem ", "am ")),
    polite="Kurze Frage: ",
    capitals=True,
    prefers_type=False,
    personas=(
        ("first_time_buyer", "Einsteiger"),
        ("parent", "Familien mit Kindern"),
        ("expert", "erfahrene Nutzer"),
        ("senior", "ältere Menschen"),
        ("budget_buyer", "preisbewusste Käufer"),
        ("professional", "Berufstätige"),
        ("young_adult", "junge Erwachsene"),
    ),
    parts=(
        "der Akku", "die Anzeige", "der Anschluss", "die Armlehne", "die Basis", "der Behälter", "der Bezug",
        "der Boden", "die Bremse", "die Bürste", "der Deckel", "das Display", "die Düse", "der Einband", "der Einsatz",
        "die Feder", "der Filter", "das Gehäuse", "das Gestell", "der Griff", "das Innenfutter", "das Kabel",
        "die Kamera", "die Kapuze", "die Kette", "die Klinge", "der Knopf", "der Kragen", "die Lampe", "die Lehne",
        "die Linse", "der Motor", "das Netzteil", "die Platte", "das Polster", "die Pumpe", "der Rahmen",
        "der Reißverschluss", "der Riemen", "der Ring", "der Rost", "das Scharnier", "der Schirm", "der Schlauch",
        "der Sitz", "der Sockel", "die Sohle", "der Ständer", "der Stecker", "das Stativ", "die Tasche", "die Tastatur",
        "die Tür", "das Ventil", "der Verschluss", "der Wassertank", "die Welle",
    ),
    materials=frozenset({"material", "obermaterial", "stoff", "bezug", "gestell", "stahl", "holz"}),
    colours=frozenset({"farbe", "farbton"}),
    answers=("ja", "nein"),
)  # fmt: skip
