"""Products and jobs that meet at one row of `products`: its questions are the union, and each is there once."""

from __future__ import annotations

from collections import Counter

import pytest

from postgres_shop import Shop, lamp, lamps, texts

SETS = (["a", "b", "b"], ["b", "c"], ["c", "d"])


@pytest.fixture
def shop(ready, tmp_path) -> Shop:
    return Shop(ready, tmp_path)


@pytest.fixture
def refs(shop) -> dict[str, int]:
    return {shop.sink().identity: shop.product()}


def test_products_of_equal_content_share_a_row_and_its_questions(shop):
    twins = [lamp(number, "a", "b", content_hash="same") for number in (1, 2)]
    assert shop.deliver(*twins) == (2, 2, 0)
    assert shop.database.value("SELECT count(*) FROM products") == 1
    assert shop.shown() == Counter("ab")
    assert shop.deliver(*twins) == (0, 4, 0)
    assert shop.deliver(lamp(1, "a", content_hash="same")) == (0, 1, 0), "the other one still has it"
    assert shop.shown() == Counter("ab")
    assert shop.deliver(lamp(2, "a", content_hash="same")) == (0, 1, 1)
    assert shop.shown() == Counter("a")


@pytest.mark.parametrize("previous", ["keep", "deactivate"])
@pytest.mark.parametrize("size", [1, 5000])
def test_a_row_that_stands_for_several_products_shows_the_union(shop, refs, previous: str, size: int):
    """The second and the third find the ledger taken in the same transaction in which the first writes."""
    outcomes = [lamp(number, *wanted, refs=refs) for number, wanted in enumerate(SETS)]
    assert shop.deliver(*outcomes, previous_jobs=previous, batch_size=size) == (5, 2, 0)
    union = Counter("abbcd")
    assert shop.shown() == union
    held = shop.rows()
    for again in (outcomes, outcomes[::-1], outcomes[1:]):
        totals = shop.deliver(*again, previous_jobs=previous, batch_size=size)
        assert totals == (0, sum(texts(*again).values()), 0)
        assert shop.rows() == held
    shop.deliver(lamp(2, refs=refs), lamp(0, "c", refs=refs), previous_jobs=previous, batch_size=size)
    assert shop.shown() == Counter("bc")
    shop.deliver(*outcomes, previous_jobs=previous, batch_size=size)
    assert [row for row in shop.rows() if row.active] == held


def test_a_reference_is_followed_and_those_of_other_databases_are_not(shop, refs):
    (row,) = refs.values()
    other = {"elsewhere:5432/shop/public": row}
    assert shop.deliver(lamp(1, "a", refs=refs), lamp(2, "b", refs=other)) == (2, 0, 0)
    found = {one.text: one.product_id for one in shop.rows()}
    assert found["a"] == row
    assert found["b"] != row
    assert shop.database.value("SELECT count(*) FROM products") == 2


def test_a_product_that_is_moved_to_another_row_takes_its_questions_along(shop, refs):
    (identity,) = refs
    shop.deliver(lamp(1, "a", "b", refs=refs), lamp(2, "b", refs=refs))
    first, new = shop.ids(), shop.product()
    assert shop.deliver(lamp(1, "a", "b", refs={identity: new})) == (2, 0, 1)
    assert {(one.product_id, one.text) for one in shop.rows() if one.active} == {
        (new, "a"),
        (new, "b"),
        (refs[identity], "b"),
    }
    assert shop.deliver(lamp(1, "a", "b", refs=refs)) == (1, 1, 2)
    assert [one.query_id for one in shop.rows() if one.active] == first


def test_two_products_that_change_places_do(shop, refs):
    (identity, one), other = *refs.items(), shop.product()
    for first, second in ((one, other), (other, one), (one, other)):
        shop.deliver(lamp(1, "a", refs={identity: first}), lamp(2, "b", refs={identity: second}))
        assert {(row.product_id, row.text) for row in shop.rows() if row.active} == {(first, "a"), (second, "b")}
    assert len(shop.rows()) == 4


def test_other_jobs_keep_what_they_have_if_told_so(shop):
    keep = {"previous_jobs": "keep"}
    assert shop.deliver(*lamps(3), **keep) == (3, 0, 0)
    assert shop.deliver(*lamps(3), job="winter", **keep) == (3, 0, 0)
    assert shop.shown() == texts(*lamps(3)) + texts(*lamps(3))
    assert shop.deliver(*lamps(3, "cheap"), job="winter", **keep) == (3, 0, 3)
    assert shop.shown() == texts(*lamps(3)) + texts(*lamps(3, "cheap"))
    assert shop.deliver(*lamps(3), **keep) == (0, 3, 0)
