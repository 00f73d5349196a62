from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from querygen_offline.names import (
    parse_measure,
    short_phrase,
    shorten_title,
    spoken_name,
    to_adjective,
    to_plural_kind,
    to_topic,
)
from querygen_offline.product_groups import find_product_group


@pytest.mark.parametrize(
    ("title", "brand", "name"),
    [
        ("Brassline Tarn Gooseneck Kettle 1.0 L", "Brassline", "Brassline Tarn Gooseneck Kettle"),
        ("Tarn Wasserkocher 1,0 l", "Brassline", "Brassline Tarn Wasserkocher"),
        ("Kettle 2", "Brassline", "Brassline Kettle 2"),
        ("ACME Kettle", "Acme Inc.", "ACME Kettle"),
        ("The Night Lamp", "", "Night Lamp"),
        ("Board Game, 85 Pieces, for children", "", "Board Game 85 Pieces"),
        ("Garden Chair Oslo with armrests and cushion", "", "Garden Chair Oslo"),
        ("Pocket Speaker Mini – كوب سفر", "", "Pocket Speaker Mini"),
        ("☕ Travel Mug", "", "Travel Mug"),
        ("One Two Three Four Five Six Seven and Nine Ten", "", "One Two Three Four Five Six Seven"),
        ("Lamp {{ 7*7 }} \x1b[31mred\x1b[0m <b>bold</b>", "", "Lamp red bold"),
        ("Mug http://example.com/a me@example.com", "", "Mug"),
        ("???", "Acme", ""),
        ("1234", "", ""),
    ],
)
def test_names(title, brand, name):
    assert shorten_title(title, brand) == name


@given(st.text(max_size=300), st.text(max_size=40))
@settings(max_examples=100)
def test_a_name_is_short_and_printable(title, brand):
    name = shorten_title(title, brand)
    assert name.isprintable()
    assert len(name) <= 60
    assert len(name.split()) <= 8
    assert not re.search(r"[?!{}<>\[\]|\"`*_#]", name.replace("_", ""))
    assert name == " ".join(name.split())


@pytest.mark.parametrize(
    ("attribute", "topic"),
    [
        ("noise_level", "noise level"),
        ("Noise Level", "noise level"),
        ("batteryLife", "battery life"),
        ("Bluetooth version", "Bluetooth version"),
        ("usb ports", "USB ports"),
        ("Tenant~Best-Use", "best use"),
        ("dimensions__wxdxh_", "dimensions"),
        ("Weight (kg)", "weight"),
        ("EAN", ""),
        ("Works between", ""),
        ("Suitable for", ""),
        ("Dishwasher safe", ""),
        ("usb_2_0_ports", ""),
        ("a name that goes on for too many words", ""),
        ("x", ""),
        ("", ""),
        ("{{ 7*7 }}", ""),
    ],
)
def test_topics(attribute, topic):
    assert to_topic(attribute, capitals=False) == topic


def test_german_topics_keep_their_capitals():
    assert to_topic("Haltbarkeit nach dem Öffnen", capitals=True) == "Haltbarkeit nach dem Öffnen"
    assert to_topic("gewicht", capitals=True) == "Gewicht"
    assert to_topic("Spülmaschinengeeignet", capitals=True) == ""


@pytest.mark.parametrize(
    ("value", "measure"),
    [
        ("45 minutes", "45 minutes"),
        ("2.4 kg", "2.4 kg"),
        ("1.5–13 mm", "1.5–13 mm"),
        ("±4°", "±4°"),
        ("11 %", "11 %"),
        ("50 h with noise cancelling", ""),
        ("1200 mAh lithium-ion", "1200 mAh lithium-ion"),
        ("52", ""),
        ("444 x 114 x 444", ""),
        ("304 stainless steel", ""),
        ("4 h at full power, 90 h at 10 lm", ""),
        ("yes", ""),
        ("5 V? {x}", ""),
    ],
)
def test_measures(value, measure):
    assert parse_measure(value) == measure


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("Kettle", "kettles"),
        ("electric gooseneck kettle", "electric gooseneck kettles"),
        ("Kettles & Teapots", "kettles and teapots"),
        ("Dog Food", "dog food"),
        ("Battery", "batteries"),
        ("Display", "displays"),
        ("Glass", "glasses"),
        ("Watch", "watches"),
        ("Bookshelf", "bookshelves"),
        ("USB Cables", "USB cables"),
        ("Women", ""),
        ("Other", ""),
        ("Home > Kettles, Teapots", ""),
        ("Kettles 2024", ""),
        ("", ""),
    ],
)
def test_kinds(name, kinds):
    assert to_plural_kind(name, capitals=False) == kinds


def test_phrases_and_qualities():
    assert short_phrase("  matt   black ") == "matt black"
    assert short_phrase("black, white") == ""
    assert to_adjective("Dishwasher_safe") == "dishwasher safe"
    assert to_adjective("Water resistant") == "water resistant"
    assert to_adjective("Warranty") == ""


@pytest.mark.parametrize(
    ("names", "compounds", "group"),
    [
        (["electric gooseneck kettle"], False, ("appliance", "kettle")),
        (["", "Zorvex Rain Jackets"], False, ("wear", "Jackets")),
        (["Schwanenhals-Wasserkocher"], True, ("appliance", "Wasserkocher")),
        (["portable thing"], False, ("", "")),
        (["Zorvex 3000"], True, ("", "")),
    ],
)
def test_product_groups(names, compounds, group):
    assert find_product_group(names, compounds=compounds) == group


@pytest.mark.parametrize(
    ("name", "brand", "spoken"),
    [
        ("Brassline Tarn X20 Gooseneck Kettle", "Brassline", "Brassline Tarn X20"),
        ("Brassline Tarn Gooseneck Kettle", "Brassline", "Brassline Tarn Kettle"),
        ("Brassline Torrent 18 V Cordless Drill", "Brassline", "Brassline Torrent Drill"),
        ("Brassline Aria 5 Headphones", "Brassline", "Brassline Aria 5"),
        ("Brassline Highsun Mineral Sunscreen SPF 50", "Brassline", "Brassline Highsun Mineral"),
        ("Spin Master Cool Maker Studio", "Spin Master", "Spin Master Cool Studio"),
        ("Kettle", "", "Kettle"),
        ("Spin Master Cool Maker", "Spin Master", "Spin Master Cool Maker"),
        ("3M Tape", "3M", "3M Tape"),
    ],
)
def test_people_say_the_beginning_and_the_kind_of_a_name(name: str, brand: str, spoken: str) -> None:
    assert spoken_name(name, brand) == spoken
