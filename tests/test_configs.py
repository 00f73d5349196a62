"""What the repository ships in `configs/` loads, and the sample catalogue holds what the README says of it."""

from __future__ import annotations

import re
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

import querygen_files
from querygen_core.api import Context, Product, Reject
from querygen_core.config import load_pipeline

CONFIGS = Path(__file__).parents[1] / "configs"
PIPELINES = sorted(CONFIGS.glob("*.yaml"))


@pytest.fixture(scope="module")
def records(tmp_path_factory) -> list[Product | Reject]:
    (catalogue,) = (part for part in querygen_files.querygen_inputs() if part.name == "catalogue")
    state = tmp_path_factory.mktemp("state")
    context = Context(job_id="quickstart", component="files/catalogue", state_dir=state, config_dir=CONFIGS)
    return list(catalogue.build(catalogue.options(path="sample_catalogue.jsonl"), context).read())


@pytest.fixture(scope="module")
def good(records) -> dict[str, Product]:
    """The first record of each key: what a run makes questions for."""
    products: dict[str, Product] = {}
    for record in records:
        if isinstance(record, Product):
            products.setdefault(record.key, record)
    return products


@pytest.mark.parametrize("path", PIPELINES, ids=lambda path: path.name)
def test_every_config_loads(path):
    load_pipeline(path, environ={})


def test_there_is_a_quickstart():
    assert "quickstart.yaml" in {path.name for path in PIPELINES}


def test_the_catalogue_has_enough_good_products_in_two_locales(records, good):
    assert 44 <= len(records) <= 50
    assert len(good) >= 40
    locales = Counter(product.locale for product in good.values())
    assert set(locales) == {"en", "de"}
    assert 0.2 <= locales["de"] / len(good) <= 0.3
    categories = {product.category_path[0] for product in good.values() if product.locale == "en" and product.brand}
    assert len(categories) >= 6


def test_one_record_repeats_one_conflicts_and_one_has_no_title(records, good):
    rejects = [record for record in records if isinstance(record, Reject)]
    later = [record for record in records if isinstance(record, Product) and record is not good[record.key]]
    same = [record.content_hash() == good[record.key].content_hash() for record in later]
    assert sorted(same) == [False, True]
    (reject,) = rejects
    assert (reject.line, "QG-7009" in reject.raw) == (_line_of("QG-7009"), True)
    assert (len(rejects) + same.count(False)) / len(records) <= 0.05


def test_the_mess_is_cleaned(good):
    assert good["default:QG-1004:de"].price == Decimal("1299.00")
    assert good["default:QG-1004:de"].currency == "EUR"
    assert good["default:QG-1007:en"].brand == good["default:QG-1007:en"].gtin == good["default:QG-1007:en"].mpn == ""
    assert good["default:QG-1002:en"].gtin.startswith("0")
    assert not re.search(r"[<>]|&\w+;|track\(", good["default:QG-2003:en"].description)
    assert not re.search(r"^\s|\s$|\t|\u00a0|  ", good["default:QG-2004:en"].description)
    assert 5_000 <= len(good["default:QG-2001:en"].description.encode()) <= 10_000


def test_a_product_may_be_a_title_and_nothing_else(good):
    (bare,) = (product for product in good.values() if set(product.visible()) and not product.attributes)
    assert (bare.title, bare.description, bare.brand) == ("Grendelby 7-Piece Wood Chisel Set", "", "")


def test_hostile_text_is_only_data(good):
    assert good["default:QG-2008:en"].title == "Skarnholt Cinder {{ 7*7 }} Windproof Gas Stove"
    assert "Ignore previous instructions" in good["default:QG-5006:en"].description
    assert "كوب سفر" in good["default:QG-1008:en"].title


def _line_of(text: str) -> int:
    lines = (CONFIGS / "sample_catalogue.jsonl").read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)
