"""The real catalogues that lie beside the repository, where they do."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from files_catalogues import catalogue
from querygen_core.api import Product

DATA = Path(*Path(__file__).parts[:-5], "shared", "data")  # beside the repository


def products(name):
    if not (DATA / name).is_file():
        pytest.skip(f"no {name} beside the repository")
    results = list(catalogue(DATA / name).read())
    assert [result for result in results if not isinstance(result, Product)] == []
    assert len({product.key for product in results}) == len(results)
    for product in results:
        said = [product.title, product.description, *product.attributes, *product.attributes.values()]
        assert not [text for text in said if "<p" in text or "&nbsp;" in text or "&amp;" in text]
        assert not [text for text in product.attributes.values() if text.startswith(("http", "//"))]
    return {product.product_id: product for product in results}


def test_icecat_is_read_whole():
    found = products("icecat_sample.json")
    assert len(found) == 1_600
    cartridge = found["2067378"]
    assert (cartridge.brand, cartridge.gtin, cartridge.price) == ("Brother", "0012502615620", Decimal("17.95"))
    assert cartridge.attributes["printing colours"] == "Cyan"
    assert all(product.brand and product.price is not None for product in found.values())
    assert all(8 <= len(product.gtin) <= 14 for product in found.values() if product.gtin)
    assert sum(bool(product.gtin) for product in found.values()) > 1_500


def test_kibo_is_read_whole():
    found = products("kibo_products.jsonl")
    assert len(found) == 71
    bottle = found["MS-BTL-002"]
    assert (bottle.title, bottle.locale) == ("SoftBottle Water Bottle", "en-US")
    assert (bottle.price, bottle.currency) == (Decimal("15.00"), "USD")
    assert bottle.variant_options == {"color": ("Blue", "Pink")}
    assert bottle.attributes["package weight"] == "0.5 lbs"
    assert sum(not product.description for product in found.values()) <= 12


def test_the_retail_demo_is_read_whole():
    found = products("retail_demo_store_products.yaml")
    assert len(found) == 2_465
    backpack = found["6579c22f-be2b-444c-a52b-0116dd82df6c"]
    assert (backpack.title, backpack.price) == ("Adventure-Ready Expedition Backpack", Decimal("129.99"))
    assert backpack.category_path == ("accessories",)
    assert backpack.attributes == {"style": "backpack", "gender affinity": "F"}
    assert backpack.raw_ref.endswith(".yaml:1")
