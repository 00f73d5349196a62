"""Which of the four sources wins, and that a broken one is never passed over."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from files_catalogues import auto, brief
from querygen_core.api import InputError, MissingInput

PRODUCTS = '[{"id": "V", "title": "From the variable"}]'
FILE = "id,title\nF,From the file\n"
BUCKET = {"INPUT_S3_BUCKET": "shop", "INPUT_S3_KEY": "in/all.csv"}


class Storage:
    def open(self, url):
        assert url == "s3://shop/in/all.csv"
        return Path("bucket.csv").open("rb")


@pytest.fixture(autouse=True)
def _files():
    Path("file.csv").write_text(FILE)
    Path("bucket.csv").write_text("id,title\nB,From the bucket\n")


def surroundings(*present: str):
    return {
        "environ": {
            **({"PRODUCTS_JSON": PRODUCTS} if "variable" in present else {}),
            **(BUCKET if "bucket" in present else {}),
        },
        "products_file": "file.csv" if "file" in present else None,
        "products": ('{"id": "A", "title": "From an argument"}',) if "argument" in present else (),
        "open_storage": lambda url: Storage(),
    }


ORDER = ("variable", "bucket", "file", "argument")


@pytest.mark.parametrize("first", range(4))
def test_the_first_source_that_is_there_wins(first, caplog):
    caplog.set_level(logging.INFO)
    (product,) = auto(**surroundings(*ORDER[first:])).read()
    assert product.title == f"From {'an' if first == 3 else 'the'} {ORDER[first]}"
    told = ["PRODUCTS_JSON", "INPUT_S3_BUCKET and INPUT_S3_KEY", "--products-file file.csv", "--product, given 1 times"]
    assert f"reading products from {told[first]}" in caplog.messages


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("not json", "PRODUCTS_JSON"),
        ("[", "PRODUCTS_JSON"),
        ('{"id": 1,', "PRODUCTS_JSON"),
        ("[]", "PRODUCTS_JSON: contains no product"),
        ("17", "PRODUCTS_JSON"),
    ],
)
def test_a_broken_variable_is_an_error_and_not_passed_over(text, expected):
    given = surroundings("file", "argument")
    given["environ"] = {"PRODUCTS_JSON": text}
    with pytest.raises(InputError, match=expected) as caught:
        list(auto(**given).read())
    assert caught.value.exit_code == 65


def test_an_empty_variable_is_absent():
    given = surroundings("file")
    given["environ"] = {"PRODUCTS_JSON": " ", "INPUT_S3_BUCKET": ""}
    assert [brief(product) for product in auto(**given).read()] == ["2 F From the file"]


@pytest.mark.parametrize("name", BUCKET)
def test_half_a_bucket_is_an_error(name):
    with pytest.raises(InputError, match=f"{name} is set and"):
        auto({name: "x"}, products_file="file.csv").read()


def test_a_missing_file_is_missing_and_not_passed_over():
    with pytest.raises(MissingInput, match=r"gone\.csv"):
        list(auto(products_file="gone.csv", products=('{"title": "A"}',)).read())


def test_each_argument_is_a_product_or_a_list_and_has_its_name():
    products = list(auto(products=('{"id": 1, "title": "A"}', '[{"id": 2, "title": "B"}, {"id": 3}]')).read())
    assert [brief(product) for product in products] == ["1 1 A", "1 2 B", "1 !no_title"]
    assert products[0].raw_ref == "--product 1:1"
    assert products[2].file == "--product 2"


def test_a_broken_argument_is_an_error_that_names_it():
    with pytest.raises(InputError, match="--product 2"):
        list(auto(products=('{"id": 1, "title": "A"}', "{oops}")).read())


def test_no_source_says_all_four():
    with pytest.raises(MissingInput) as caught:
        auto().read()
    for name in ("PRODUCTS_JSON", "INPUT_S3_BUCKET", "INPUT_S3_KEY", "--products-file", "--product "):
        assert name in str(caught.value)


def test_the_fraction_is_the_files():
    reader = auto(products_file="file.csv")
    assert reader.fraction() is None
    assert list(reader.read())
    assert reader.fraction() == 1.0


def test_a_variable_may_hold_any_text():
    products = [{"id": 1, "title": "A {{ 7*7 }} \u202e\nB"}]
    (product,) = auto({"PRODUCTS_JSON": json.dumps(products, ensure_ascii=False)}).read()
    assert product.title == "A {{ 7*7 }} B"
