"""Groups of products (devices, food, clothes, …), known by the nouns in their names.

A product's group decides which question patterns make sense for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

PRODUCT_GROUPS = {
    "device": """adapter cable camera cartridge charger computer console controller disk display drive drucker
        earbuds extender fernseher fuser headphone headset hub inverter kabel kamera
        keyboard kopfhörer laptop lautsprecher microphone mikrofon modem monitor mouse pdu phone
        player printer processor projector prozessor remote router scanner server smartphone smartwatch
        speaker splitter switch tablet tastatur telephone television toner transmitter turntable tv ups
        webcam""",
    "appliance": """aktenvernichter bohrer brotbackautomat dehumidifier dishwasher drill driver dryer espressomaschine
        fan freezer fridge grill grinder hairdryer headlamp heater kettle klimaanlage kocher küchenmaschine
        kühlschrank lamp lampe laser leuchte machine maschine mixer mower oven purifier radiator
        refrigerator saw shaver shredder siebträgermaschine staubsauger säge toaster toothbrush vacuum
        waschmaschine""",
    "furniture": """armchair bed bench bett bookcase campingstuhl chair couch desk dresser regal schrank shelf sideboard
        sofa stool stuhl table tisch wardrobe""",
    "home": """basket besteck blanket board bottle bowl box bracket buch candle carpet casserole chest chisel clock
        cookware cup curtain cushion decor dish farbe flasche frame geschirr glue hammer handtuch harness
        heft hundegeschirr jar kissen knife label ladder leine litter lock messer mirror mount mug
        notizbuch organiser pan paper pen pencil pfanne pillow plate pliers pot rack rug scissors
        screwdriver skillet stift teapot tool toolkit topf towel tray tumbler umbrella vase wandfarbe wrench""",
    "wear": """anzug backpack bag belt blouse boot boots bracelet cap cardigan coat dress earrings glasses gloves
        gürtel handbag hat hemd hoodie hut jacke jacket jeans jersey kleid leggings mantel mütze necklace
        pants pullover rock rucksack sandals scarf schal schuh shirt shoe shorts skirt slippers sneaker
        socken socks stiefel suit sunglasses sweater tasche tie trousers uhr wallet watch""",
    "food": """almonds beans beef beer bier biscuits bread brot butter cake candy cereal cheese chicken chips
        chocolate cocoa coffee cookies drink fish flour fruit futter granola honey honig jam juice kaffee
        kakao keks käse meat milk müsli noodles nuts nüsse oats oil olives pasta pizza rice saft salad
        salmon salt salz sauce schokolade snack spice steak sugar tea tee treats vegetables vinegar vitamins
        wein wine öl""",
    "body": """balm cleanser conditioner cosmetics cream creme deodorant duschgel gel gesichtsöl handcreme lipstick
        lotion mascara moisturiser moisturizer parfum perfume salve seife serum shampoo soap sonnencreme
        sunscreen toothpaste zahnpasta""",
    "play": """ball bicycle bike canoe dice doll drum fahrrad game guitar hantel helmet instrument kayak kite
        marble paddle piano pole puppe puzzle racket reel rod schlafsack scooter skateboard ski spiel
        spielzeug stove tent toy train trampoline ukulele violin zelt""",
    "plant": """arrangement blumenstrauß bonsai bouquet centerpiece flower orchid pflanze plant seeds succulent
        wreath""",
    "soft": """antivirus app betriebssystem licence license lizenz software subscription update""",
}

_ENDINGS = ("", "s", "n", "e", "es", "en")
"""Plural endings, English and German. A plural that is formed otherwise is not recognised."""

_MIN_COMPOUND_END = 5
"""Letters of a noun at the end of a compound: shorter ones match by accident."""

_GROUP_OF_NOUN = {noun: group for group, nouns in PRODUCT_GROUPS.items() for noun in nouns.split()}
_WORD = re.compile(r"[^\W\d_]+")


def find_product_group(names: Iterable[str], *, compounds: bool) -> tuple[str, str]:
    """The group of a product and the word that decided it; two empty strings if no word is known.

    names: names of the product, most telling first; the last known noun of the first name that has one decides.
    compounds: whether a noun may also be the end of a longer word, as in German: a `Wasserkocher` is a `kocher`.
    """
    for name in names:
        for word in reversed(_WORD.findall(name)):
            group = _look_up(word.casefold(), compounds=compounds)
            if group:
                return group, word
    return "", ""


def _look_up(word: str, *, compounds: bool) -> str:
    # Position 0 is the word itself; later ones are the ends of a compound.
    for start in range(max(1, len(word) - _MIN_COMPOUND_END + 1) if compounds else 1):
        for ending in _ENDINGS:
            group = _GROUP_OF_NOUN.get(word[start:].removesuffix(ending), "") if word.endswith(ending) else ""
            if group:
                return group
    return ""
