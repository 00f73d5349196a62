"""A product that is stored in `products` and read again is equal, so both inputs lead to the same prompts."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from querygen_core.api import Product, read_product
from querygen_core.testing import HOSTILE, outcome, product
from querygen_postgres.records import data_of, lookup_of_outcome, lookup_of_product, source_of

VOLATILE = frozenset({"price", "currency", "availability", "condition", "rating", "review_count", "url", "tags"})
FULL = product(
    product_id="007",
    source="spring:sale",
    locale="de-DE",
    manufacturer="Halden Works",
    product_type="kettle",
    gtin="00012345678905",
    mpn="K-7/x",
    sku="SKU 7",
    bullet_points=("Boils fast", "Pours slowly"),
    variant_options={"Colour": ("black", "cream")},
    tags=("new",),
    audience="cooks",
    competitors=("Castermoor",),
    price=Decimal("19.90"),
    currency="EUR",
    availability="in stock",
    condition="new",
    rating=4.5,
    review_count=12,
    url="https://shop.example/7",
    image_urls=("https://shop.example/7.png",),
)


def read_back(given: Product) -> Product:
    """Through JSON, as PostgreSQL keeps it."""
    data = json.loads(json.dumps(data_of(given)))
    found = read_product(data, source=source_of(data, "default"))
    assert isinstance(found, Product), found
    return found


@pytest.mark.parametrize(
    "given", [FULL, product(), Product(product_id="1", title="A thing")], ids=["full", "usual", "bare"]
)
def test_a_product_is_read_back_as_it_was(given):
    found = read_back(given)
    assert found.key == given.key
    assert found.visible(VOLATILE) == given.visible(VOLATILE)
    assert found.content_hash() == given.content_hash()


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_kept(text):
    data = data_of(product(description=text, attributes={"Note": text}))
    assert (data["description"], data["attributes"]) == (text, {"Note": text})


def test_a_source_that_somebody_else_wrote_is_no_source_of_ours():
    assert source_of({"source": "ERP", "title": "Kettle"}, "mine") == "mine"
    assert source_of({"source": 7, "title": "Kettle", "product_id": "1", "locale": "en"}, "mine") == "mine"


def test_ids_of_databases_do_not_get_in():
    data = data_of(product(refs={"db/shop": 7}, raw_ref="a.csv:2"))
    assert not {"refs", "raw_ref"} & data.keys()


def test_an_outcome_says_enough_to_know_its_product_again():
    given = product()
    wanted = lookup_of_outcome(outcome(product_id=given.product_id, title=given.title, brand="Brassline"))
    same = lookup_of_product(product(source="shop", brand="Brassline"))
    assert (wanted.key, wanted.source, wanted.product_id, wanted.locale) == (
        same.key,
        same.source,
        same.product_id,
        same.locale,
    )
    assert wanted.data == {
        "product_id": given.product_id,
        "source": "shop",
        "locale": "en",
        "title": given.title,
        "brand": "Brassline",
    }
