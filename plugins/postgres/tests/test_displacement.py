"""Jobs that deliver the same products: the last one's questions are shown, of the types that it has."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from postgres_shop import JOB, Shop, lamp, lamps, texts
from querygen_core.api import Outcome
from querygen_core.testing import query


@pytest.fixture
def shop(ready, tmp_path) -> Shop:
    return Shop(ready, tmp_path)


def both(number: int, word: str, **changes: object) -> Outcome:
    """One question about the product, two about the market."""
    market = (query(f"Is lamp {number} {word} for {buyer}?", query_type="market") for buyer in ("home", "work"))
    return lamp(number, f"Is lamp {number} {word}?", *market, **changes)


def market(number: int, word: str) -> Outcome:
    whole = both(number, word)
    return replace(whole, queries=whole.queries[1:])


def displaced(shop: Shop, *outcomes: Outcome, job: str = JOB, **options: object) -> int:
    return sum(receipt.displaced for receipt in shop.receipts(*outcomes, job=job, **options))


def test_the_last_job_is_shown_and_the_first_can_come_back(shop):
    old, new = lamps(3), lamps(3, "cheap")
    assert displaced(shop, *old) == 0
    first = shop.rows()
    assert displaced(shop, *new, job="winter") == 3
    assert shop.shown() == texts(*new)
    assert shop.deliver(*new, job="winter") == (0, 3, 0)
    assert displaced(shop, *new, job="winter") == 0
    assert displaced(shop, *old) == 3
    assert [row for row in shop.rows() if row.active] == first
    assert shop.deliver(*new, job="winter", previous_jobs="keep") == (3, 0, 0)
    assert shop.shown() == texts(*new) + texts(*old), "one that keeps others comes back as well"
    assert displaced(shop, *old) == 3
    assert shop.shown() == texts(*old)
    assert len(shop.rows()) == 6


@pytest.mark.slow
@pytest.mark.parametrize("size", [1, 5000])
@pytest.mark.parametrize("word", ["bright", "cheap"])
def test_two_jobs_that_take_turns_write_each_row_once(shop, word: str, size: int):
    """Also with the same questions: each job has rows of its own."""
    catalogues = {"summer": [both(n, "bright") for n in range(4)], "winter": [both(n, word) for n in range(4)]}
    for turn in range(3):
        for job, outcomes in catalogues.items():
            receipts = shop.receipts(*outcomes, job=job, batch_size=size)
            assert sum(receipt.displaced for receipt in receipts) == (12 if turn or job == "winter" else 0)
            assert sum(receipt.delivered for receipt in receipts) == 12
            assert not any(receipt.retired for receipt in receipts)
            assert shop.shown() == texts(*outcomes)
            assert shop.deliver(*outcomes, job=job, batch_size=size) == (0, 12, 0)
    assert len(shop.rows()) == 24


def test_an_outcome_without_a_question_changes_no_row_of_another_job(shop):
    shop.deliver(*(both(n, "bright") for n in range(3)))
    before = shop.rows()
    empty = [lamp(0), lamp(1), lamp(2, state="deleted")]
    assert displaced(shop, *empty, job="winter") == 0
    assert shop.rows() == before
    assert shop.deliver(*(both(n, "bright") for n in range(3))) == (0, 9, 0)


def test_a_job_of_one_type_leaves_the_other_alone(shop):
    whole = [both(n, "bright") for n in range(3)]
    part = [market(n, "cheap") for n in range(3)]
    shop.deliver(*whole)
    assert displaced(shop, *part, job="winter") == 6
    product = texts(*(replace(one, queries=one.queries[:1]) for one in whole))
    assert shop.shown() == product + texts(*part)
    assert shop.deliver(*part, job="winter") == (0, 6, 0), "the product questions of the other job are no rivals"
    assert shop.deliver(*whole) == (6, 3, 0)
    assert shop.shown() == texts(*whole)
    assert displaced(shop, *part, job="winter") == 6
    assert len(shop.rows()) == 15


def test_a_type_that_the_outcome_has_lost_is_no_longer_taken_from_others(shop):
    shop.deliver(both(1, "bright"))
    shop.deliver(market(1, "cheap"), job="winter")
    shop.deliver(lamp(1, "Is it cheap?"), job="winter")
    shop.deliver(both(1, "bright"))
    shop.deliver(lamp(1, "Is it cheap?"), job="winter")
    assert shop.shown() == texts(market(1, "bright")) + Counter(["Is it cheap?"])


def test_locales_that_share_a_row_of_products_do_not_displace_each_other(shop):
    refs = {shop.sink().identity: shop.product()}
    english = both(1, "bright", refs=refs)
    german = both(1, "hell", refs=refs, product_key="shop:L-1:de")
    for turn in range(3):
        assert displaced(shop, english, job="english") == 0
        assert displaced(shop, german, job="german") == 0
        if turn:
            assert shop.deliver(english, job="english") == shop.deliver(german, job="german") == (0, 3, 0)
    assert shop.shown() == texts(english, german)
    assert displaced(shop, both(1, "cheap", refs=refs), job="winter") == 3
    assert shop.shown() == texts(both(1, "cheap"), german)


def test_a_row_that_another_product_of_the_displaced_job_uses_stays(shop):
    """Both locales have the same questions in the same row; the second job delivers one, later the other."""
    refs = {shop.sink().identity: shop.product()}
    keys = ("shop:L-1:en", "shop:L-1:de")
    old = [both(1, "bright", refs=refs, product_key=key) for key in keys]
    new = [both(1, "cheap", refs=refs, product_key=key) for key in keys]
    shop.deliver(*old)
    assert len(shop.rows()) == 3
    assert displaced(shop, new[0], job="winter") == 0
    assert shop.shown() == texts(old[0], new[0])
    assert displaced(shop, new[0], job="winter") == 0
    assert displaced(shop, new[1], job="winter") == 3
    assert shop.shown() == texts(new[0])
    for outcomes, job in ((old, JOB), (new, "winter"), (old, JOB)):
        assert displaced(shop, *outcomes, job=job) == 3
        assert shop.shown() == texts(outcomes[0])
    assert len(shop.rows()) == 6


def hide(shop: Shop, text: str) -> int:
    """What an editor does; the row's id."""
    return int(
        shop.database.value("UPDATE queries SET is_active = false WHERE query_text = %s RETURNING query_id", text)
    )


def test_what_an_editor_hid_stays_hidden_whatever_becomes_of_the_outcome(shop):
    old, new = lamp(1, "a", "b", "c"), lamp(1, "a", "d")
    shop.deliver(old)
    hidden = {hide(shop, "a"), hide(shop, "b")}
    assert shop.deliver(new) == (1, 1, 1), "a stays hidden and is there; b was off; c is switched off"
    assert shop.shown() == Counter("d")
    assert shop.deliver(old) == (1, 2, 1)
    assert shop.shown() == Counter("c")
    shop.deliver(lamp(1))
    assert shop.deliver(old) == (1, 2, 0)
    assert shop.shown() == Counter("c")
    shop.database.rows("UPDATE queries SET is_active = true WHERE query_id = ANY(%s)", list(hidden))
    assert shop.deliver(new) == (1, 1, 2), "shown again by the editor, they are like all others"
    assert shop.deliver(old) == (2, 1, 1)
    assert shop.shown() == Counter("abc")


def test_what_an_editor_hid_stays_hidden_when_jobs_take_turns(shop):
    old, new = lamp(1, "a", "b"), lamp(1, "c", "d")
    shop.deliver(old)
    hide(shop, "a")
    for turn in range(3):
        assert displaced(shop, new, job="winter") == 1, "what is off is not switched off"
        assert shop.shown() == (Counter("cd") if turn == 0 else Counter("d"))
        if turn == 0:
            hide(shop, "c")
            assert shop.deliver(new, job="winter") == (0, 2, 0)
        assert displaced(shop, old) == 1
        assert shop.shown() == Counter("b")


def test_only_the_products_that_are_delivered_are_taken_from_other_jobs(shop):
    shop.deliver(*lamps(4))
    shop.deliver(lamp(2, "new"), job="winter")
    gone = texts(lamps(3)[2])
    assert shop.shown() == texts(*lamps(4)) - gone + Counter(["new"])
    jobs = shop.database.rows("SELECT job_id, digest IS NULL FROM querygen.delivery WHERE product_key = 'shop:L-2:en'")
    assert sorted(jobs) == [(JOB, True), ("winter", False)]


def test_a_product_that_has_moved_to_another_row_is_still_the_same_product(shop):
    (identity, old), new = (shop.sink().identity, shop.product()), shop.product()
    shop.deliver(both(1, "bright", refs={identity: old}))
    assert displaced(shop, both(1, "cheap", refs={identity: new}), job="winter") == 3
    assert {(row.product_id, row.text) for row in shop.rows() if row.active} == {
        (new, one.text) for one in both(1, "cheap").queries
    }


def test_catalogues_that_overlap(shop):
    """Products 2 and 3 are in both."""
    summer, winter = [both(n, "bright") for n in (1, 2, 3)], [both(n, "cheap") for n in (2, 3, 4)]
    shop.deliver(*summer, job="summer")
    assert displaced(shop, *winter, job="winter") == 6
    assert shop.shown() == texts(summer[0], *winter)
    assert displaced(shop, *summer, job="summer") == 6
    assert shop.shown() == texts(*summer, winter[2])
