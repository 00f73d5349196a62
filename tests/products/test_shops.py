"""The whole product for one record of each kind of shop: nothing missing, nothing that does not belong."""

from __future__ import annotations

import random
from dataclasses import fields

import pytest

from querygen_core.api import Product, read_product
from tests.products.shops import SHOPS


def said(product):
    """What a product says beyond the defaults of its fields."""
    assert isinstance(product, Product), product
    default = Product(product_id="", title="")
    return {
        column.name: getattr(product, column.name)
        for column in fields(Product)
        if getattr(product, column.name) != getattr(default, column.name)
    }


@pytest.mark.parametrize("name", SHOPS)
def test_a_record_becomes_its_product(name):
    record, expected = SHOPS[name]
    found = said(read_product(record))
    if "product_id" not in expected:
        assert found.pop("product_id").startswith("auto-")
    assert found == expected


@pytest.mark.parametrize("name", SHOPS)
def test_the_order_of_keys_changes_nothing(name):
    record, _ = SHOPS[name]
    product = read_product(record)
    for seed in range(5):
        items = list(record.items())
        random.Random(seed).shuffle(items)
        shuffled = read_product(dict(items))
        assert shuffled == product
        assert shuffled.content_hash() == product.content_hash()
