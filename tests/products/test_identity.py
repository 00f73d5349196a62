from __future__ import annotations

import pytest

from querygen_core.api import Product, Reject, read_product

IDS = [
    ("A-1", "A-1"),
    (7, "7"),
    (0, "0"),
    (2**40, "1099511627776"),
    ("007", "007"),
    (" 7 ", "7"),
    ("'0042", "0042"),
    ("1E5", "1E5"),
    ("12.0", "12.0"),
    ({"$oid": "5f1"}, "5f1"),
    ("a:b%c", "a:b%c"),
]

NO_IDS = [
    (True, "true"),
    (False, "false"),
    (-1, "negative"),
    (12.0, "fraction"),
    (1.5, "fraction"),
    ("1.0E+05", "spreadsheet"),
    ("4,00611E+12", "spreadsheet"),
    ({"a": 1}, "object"),
    (["a"], "list"),
    ("x" * 600, "600 characters"),
]


@pytest.mark.parametrize(("value", "expected"), IDS)
def test_an_id_is_kept_as_text(value, expected):
    product = read_product({"id": value, "title": "Acme Kettle"})
    assert isinstance(product, Product)
    assert product.product_id == expected


@pytest.mark.parametrize(("value", "word"), NO_IDS)
def test_an_id_that_is_none_is_refused_and_says_why(value, word):
    result = read_product({"id": value, "title": "Acme Kettle"}, file="k.json", line=4)
    assert isinstance(result, Reject)
    assert (result.reason, result.file, result.line) == ("bad_id", "k.json", 4)
    assert word in result.message
    assert "Acme Kettle" in result.raw


@pytest.mark.parametrize("value", [None, "", "N/A", " ", float("nan")])
def test_no_id_becomes_a_hash_of_what_identifies_the_product(value):
    one = read_product({"id": value, "title": "Acme Kettle", "brand": "Acme", "color": "red"})
    other = read_product({"title": "Acme  Kettle ", "brand": "Acme", "color": "blue"})
    third = read_product({"title": "Acme Kettle", "brand": "Bolt"})
    assert one.product_id == other.product_id != third.product_id
    assert one.product_id.startswith("auto-")
    assert len(one.product_id) == len("auto-") + 16


def test_the_hash_of_a_product_without_an_id_never_changes():
    assert read_product({"title": "Acme Kettle", "brand": "Acme"}).product_id == "auto-6133a657bd7930fa"


def test_a_number_of_thousands_of_digits_is_no_id():
    result = read_product({"id": 10**5000, "title": "Acme Kettle"})
    assert isinstance(result, Reject)
    assert "too many digits" in result.message


def test_a_sku_is_an_id_where_there_is_no_other():
    assert read_product({"sku": "'0099", "title": "Acme Kettle"}).product_id == "0099"
    assert read_product({"sku": "0099", "id": "1", "title": "Acme Kettle"}).product_id == "1"


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"gtin": "04006381333931"}, "04006381333931"),
        ({"ean": ["", "0012502615620", "4006381333931"]}, "0012502615620"),
        ({"barcode": "'4006381333931"}, "4006381333931"),
        ({"upc": 12502615620}, "12502615620"),
        ({"gtin13": 4006381333931.0}, "4006381333931"),
        ({"isbn": "0-306-40615-x"}, "030640615X"),
        ({"gtin": "4 006381 333931"}, "4006381333931"),
        ({"gtin": "4.00638E+12"}, ""),
        ({"gtin": "does not apply"}, ""),
        ({"gtin": "0000000000000"}, ""),
        ({"gtin": True}, ""),
        ({"gtin": "N/A", "ean": "4006381333931"}, "4006381333931"),
    ],
)
def test_a_gtin_is_text_and_never_rounded(record, expected):
    assert read_product({"id": "1", "title": "Acme Kettle", **record}).gtin == expected
