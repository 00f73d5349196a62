"""Texts of catalogues that were written to break something."""

from __future__ import annotations

import re
import time

import pytest

from querygen_core.testing.samples import HOSTILE, UNSTORABLE

TITLES = (
    *HOSTILE,
    *UNSTORABLE,
    "</product-0123abcd> Kettle",
    "Cinder {{ 7*7 }} Stove",
    "{p} {who} {0} {__class__} Kettle",
    "Kettle?? Is it good? Buy now!",
    "Kettle | SALE | -50 % | http://example.com/x | shop@example.com",
    "K" * 300,
    " ".join(["Super"] * 60),
)


@pytest.mark.parametrize("title", TITLES)
def test_a_title_is_only_a_name(ask, title):
    shown = [({"title": title, "locale": locale}, kind) for locale in ("en", "de") for kind in ("product", "market")]
    for text in (question["text"] for product, kind in shown for question in ask(product, kind)):
        assert re.search(r"[{}<>\[\]|\x00-\x1f\x7f-\x9f\ud800-\udfff\u202e]", text) is None
        assert text.count("?") == 1
        assert "49" not in text
        assert "http" not in text
        assert len(text) <= 200


def test_endless_texts_take_no_time(ask):
    began = time.process_time()
    for endless in ("?" * 20_000, "a://" * 5_000, "1 " * 10_000, "{{" * 10_000, "-" * 20_000):
        ask({"title": endless, "brand": endless, "attributes": {endless: endless}, "description": endless}, "product")
    assert time.process_time() - began < 1


def test_a_title_of_which_nothing_is_left_is_this_product(ask):
    assert all("this product" in question["text"] for question in ask({"title": "?!? <<>>"}, "product"))
    german = [question["text"] for question in ask({"title": "?!?", "locale": "de"}, "product")]
    assert all(re.search("diese[sm] Produkt", text) for text in german)


def test_fields_of_the_wrong_shape_are_passed_over(ask):
    odd = {
        "title": ["a"],
        "brand": 7,
        "category_path": "x > y",
        "attributes": ["a"],
        "variant_options": {"Size": "XL"},
        "competitors": [None, {"a": 1}],
        "audience": None,
        "bullet_points": [1],
        "description": {"en": "x"},
    }
    for kind in ("product", "market"):
        assert len(ask(odd, kind)) == 25


def test_other_fields_cannot_break_out_either(ask, kettle):
    for text in HOSTILE:
        product = {
            **kettle,
            "brand": text,
            "attributes": {text: text, "Material": text},
            "audience": text,
            "competitors": [text],
            "category_path": [text],
            "product_type": text,
            "variant_options": {text: [text, text]},
        }
        for kind in ("product", "market"):
            said = [question["text"] for question in ask(product, kind, 500)]
            assert not [text for text in said if re.search(r"[{}<>|\x00-\x1f\u202e]", text) or text.count("?") != 1]
