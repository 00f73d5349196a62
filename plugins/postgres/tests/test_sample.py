"""A sample adds what a product shows nothing of, and changes no row that is there."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from postgres_shop import JOB, Shop, lamp, texts
from querygen_core.api import Outcome, Receipt
from querygen_core.testing import query

TABLES = ("products", "queries", "querygen.delivery", "querygen.product")


@pytest.fixture(params=["on", "off"])
def shop(request, ready, tmp_path) -> Shop:
    return Shop(ready, tmp_path, given={"ledger": request.param})


def both(number: int, word: str, **changes: object) -> Outcome:
    market = (query(f"Is lamp {number} {word} for {buyer}?", query_type="market") for buyer in ("home", "work"))
    return lamp(number, f"Is lamp {number} {word}?", *market, **changes)


def only(outcome: Outcome, query_type: str) -> Outcome:
    return replace(outcome, queries=tuple(one for one in outcome.queries if one.query_type == query_type))


def everything(shop: Shop) -> dict[str, list[tuple[object, ...]]]:
    has_ledger = shop.given != {"ledger": "off"}
    return {
        name: sorted(shop.database.rows(f"SELECT t::text FROM {name} t")) for name in TABLES[: 4 if has_ledger else 2]
    }


def sampled(shop: Shop, *outcomes: Outcome, job: str = JOB) -> tuple[int, int, int]:
    receipts = shop.receipts(*outcomes, job=job, sample=True)
    assert not any(one.retired or one.displaced or one.error for one in receipts)
    for outcome, one in zip(outcomes, receipts, strict=True):
        assert one.delivered + one.unchanged + one.held == len(outcome.queries)
    return totals(receipts)


def totals(receipts: list[Receipt]) -> tuple[int, int, int]:
    """Delivered, unchanged, held."""
    return tuple(sum(getattr(one, name) for one in receipts) for name in ("delivered", "unchanged", "held"))


@pytest.mark.parametrize("job", [JOB, "spring"])
def test_what_is_shown_stays_as_it_is_whosever_it_is(shop, job):
    shop.deliver(*(both(number, "bright") for number in range(3)))
    before = everything(shop)
    assert sampled(shop, *(both(number, "cheap", title="Renamed") for number in range(3)), job=job) == (0, 0, 9)
    assert everything(shop) == before


def test_the_same_again_is_unchanged(shop):
    shop.deliver(both(1, "bright"))
    before = everything(shop)
    expected = (0, 3, 0) if shop.given == {"ledger": "on"} else (0, 0, 3)  # without a ledger they could be anybody's
    assert sampled(shop, both(1, "bright")) == expected
    assert everything(shop) == before


def test_a_product_that_shows_nothing_gets_the_sample_s_questions(shop):
    shop.deliver(both(1, "bright"))
    assert sampled(shop, both(1, "cheap"), both(2, "cheap")) == (3, 0, 3)
    assert shop.shown() == texts(both(1, "bright"), both(2, "cheap"))
    assert sampled(shop, both(2, "red")) == (0, 0, 3)
    if shop.given == {"ledger": "on"}:
        assert shop.deliver(both(1, "cheap"), both(2, "cheap")) == (3, 3, 3), "the whole run then takes all of it"
        assert shop.shown() == texts(both(1, "cheap"), both(2, "cheap"))


@pytest.mark.parametrize("job", [JOB, "spring"])
def test_types_are_looked_at_each_by_itself(shop, job):
    shop.deliver(only(both(1, "bright"), "market"))
    before = [row for row in shop.rows() if row.active]
    assert sampled(shop, both(1, "cheap"), job=job) == (1, 0, 2)
    assert [row for row in shop.rows() if row.active][:2] == before
    expected = texts(only(both(1, "bright"), "market"), only(both(1, "cheap"), "product"))
    assert shop.shown() == expected
    assert sampled(shop, both(1, "red"), job=job) == (0, 0, 3)
    if shop.given == {"ledger": "on"}:
        shop.deliver(both(1, "new"), job=job)
        assert shop.shown() == texts(both(1, "new"))


def test_a_row_of_the_deployment_s_own_counts_too(shop):
    shop.deliver(lamp(1))
    product_id = shop.database.value("SELECT max(product_id) FROM products")
    sql = "INSERT INTO queries (product_id, query_text, query_type) VALUES (%s, 'Mine?', 'market') RETURNING query_id"
    shop.database.value(sql, product_id)
    assert sampled(shop, both(1, "cheap")) == (1, 0, 2)
    assert shop.shown() == Counter(["Mine?", "Is lamp 1 cheap?"])


def test_what_an_editor_has_deactivated_stays_so(shop):
    shop.deliver(both(1, "bright"))
    shop.database.value("UPDATE queries SET is_active = false WHERE query_type = 'product' RETURNING query_id")
    changed = lamp(1, "Is lamp 1 bright?", query("Is lamp 1 sold?", query_type="market"))
    delivered, unchanged, held = sampled(shop, changed)
    assert (delivered, unchanged, held) == (0, 1, 1)
    assert shop.shown() == texts(only(both(1, "bright"), "market"))
