"""Products of every kind of shop are the same when they are read back from PostgreSQL."""

from __future__ import annotations

import json

from querygen_core.api import Product, read_product
from querygen_postgres.records import data_of, source_of
from tests.products.shops import SHOPS


def read_back(given: Product) -> Product:
    """Through JSON, as PostgreSQL keeps it."""
    data = json.loads(json.dumps(data_of(given)))
    found = read_product(data, source=source_of(data, "default"))
    assert isinstance(found, Product), found
    return found


def test_a_shop_s_product_is_read_back_as_it_was():
    products = [found for record, _ in SHOPS.values() if isinstance(found := read_product(record), Product)]
    assert len(products) > 5
    for given in products:
        assert read_back(given).content_hash() == given.content_hash(), given
