"""Rows of `queries` while a job's outcomes change, and while others change its tables."""

from __future__ import annotations

from collections import Counter

import pytest

from postgres_shop import JOB, Shop, lamp, lamps, texts
from querygen_core.testing import query

ODD = ("/'\"\\%_{}[]$1;--é静🚀\n\t\u202e%s" * 20)[:255]


@pytest.fixture
def shop(ready, tmp_path) -> Shop:
    return Shop(ready, tmp_path)


def test_a_changed_word_retires_the_old_and_changing_it_back_shows_the_first_rows_again(shop):
    old, new = lamps(4), lamps(4, "cheap")
    assert shop.deliver(*old) == (6, 0, 0)
    first = shop.rows()
    assert shop.deliver(*new) == (6, 0, 6)
    assert shop.shown() == texts(*new)
    assert shop.ids(active=False) == [row.query_id for row in first]
    assert shop.deliver(*old) == (6, 0, 6)
    assert [row for row in shop.rows() if row.active] == first
    assert shop.deliver(*new) == (6, 0, 6)
    assert len(shop.rows()) == 12, "no row is written for what was there once"


def test_a_text_that_stays_keeps_its_row(shop):
    shop.deliver(lamp(1, "a", "b", "c"))
    ids = {row.text: row.query_id for row in shop.rows()}
    assert shop.deliver(lamp(1, "c", "new", "a")) == (1, 2, 1)
    now = {row.text: row.query_id for row in shop.rows() if row.active}
    assert set(now) == {"a", "c", "new"}
    assert {text: now[text] for text in "ac"} == {text: ids[text] for text in "ac"}


def test_the_same_text_twice_is_two_rows_and_each_goes_by_itself(shop):
    both = lamp(1, "a", "a", query("a", query_type="market"))
    assert shop.deliver(both) == (3, 0, 0)
    first = shop.ids()
    assert shop.deliver(lamp(1, "a", query("a", query_type="market"))) == (0, 2, 1)
    assert shop.deliver(both) == (1, 2, 0)
    assert shop.ids() == first


def test_an_outcome_without_a_question_is_known_too(shop):
    assert shop.deliver(lamp(1)) == (0, 0, 0)
    assert shop.database.value("SELECT count(*) FROM querygen.delivery WHERE digest IS NOT NULL") == 1
    shop.deliver(lamp(1, "a"))
    assert shop.deliver(lamp(1)) == (0, 0, 1)
    assert shop.shown() == Counter()
    assert shop.deliver(lamp(1, "a")) == (1, 0, 0)
    assert len(shop.rows()) == 1


@pytest.mark.parametrize("size", [1, 7, 5000])
def test_batches_change_nothing_but_the_number_of_transactions(shop, size: int):
    old, new = lamps(6)[1:], lamps(6, "cheap")[1:]
    for outcomes, totals in ((old, (15, 0, 0)), (old, (0, 15, 0)), (new, (15, 0, 15)), (old, (15, 0, 15))):
        assert shop.deliver(*outcomes, batch_size=size) == totals
        assert shop.shown() == texts(*outcomes)
    transactions = shop.database.value("SELECT count(DISTINCT delivered_at) FROM querygen.delivery")
    assert transactions == {1: 5, 7: 3, 5000: 1}[size]


def test_the_first_row_of_a_product_deleted_by_hand_is_put_back(shop):
    outcomes = lamps(4)
    shop.deliver(*outcomes)
    first = shop.database.value("SELECT query_ids[1] FROM querygen.delivery WHERE product_key = 'shop:L-3:en'")
    others = set(shop.ids()) - {first}
    shop.database.rows("DELETE FROM queries WHERE query_id = %s", first)
    assert shop.deliver(*outcomes) == (1, 5, 0)
    assert shop.shown() == texts(*outcomes)
    assert others < set(shop.ids())
    assert shop.deliver(*outcomes) == (0, 6, 0)


def test_a_truncated_table_is_filled_again(shop):
    outcomes = lamps(4)
    shop.deliver(*outcomes)
    shop.database.rows("TRUNCATE queries")
    assert shop.deliver(*outcomes) == (6, 0, 0)
    assert shop.shown() == texts(*outcomes)


def test_a_database_made_anew_is_filled_again(shop, server, tmp_path):
    outcomes = lamps(4)
    shop.deliver(*outcomes)
    with server.database() as other:
        again = Shop(other, tmp_path)
        again.init()
        assert again.deliver(*outcomes) == (6, 0, 0)
        assert again.shown() == texts(*outcomes)


@pytest.mark.parametrize("forget", [False, True], ids=["found-by-nothing", "ledger-gone-too"])
def test_products_that_were_deleted_come_back_with_their_questions(shop, forget: bool):
    outcomes = lamps(4)
    shop.deliver(*outcomes)
    shop.database.rows("DELETE FROM products")
    assert shop.rows() == []
    if forget:
        shop.database.rows("DROP SCHEMA querygen CASCADE")
    assert shop.deliver(*outcomes) == (6, 0, 0)
    assert shop.shown() == texts(*outcomes)
    assert shop.deliver(*outcomes) == (0, 6, 0)


def test_what_an_editor_hid_stays_hidden_while_the_outcome_is_the_same(shop):
    outcomes = lamps(3)
    shop.deliver(*outcomes)
    shop.database.rows("UPDATE queries SET is_active = false WHERE query_id = %s", shop.ids()[0])
    held = shop.rows()
    assert shop.deliver(*outcomes) == (0, 3, 0)
    assert shop.rows() == held


def test_rows_that_querygen_did_not_write_are_never_touched(shop):
    identity, row = shop.sink().identity, shop.product()
    shop.database.rows(
        "INSERT INTO queries (product_id, query_text, query_type, is_active) VALUES"
        " (%(p)s, 'x', 'product', true), (%(p)s, 'a', 'other', true), (%(p)s, 'y', 'product', false)".replace(
            "%(p)s", str(row)
        )
    )
    theirs = shop.rows()
    for wanted in (["a", "b"], ["b"], [], ["a", "a"], ["a", "b"]):
        shop.deliver(lamp(1, *wanted, refs={identity: row}))
        assert shop.rows()[:3] == theirs
        assert Counter(one.text for one in shop.rows()[3:] if one.active) == Counter(wanted)


def test_a_job_may_be_called_anything(shop):
    for outcomes, totals in ((lamps(3), (3, 0, 0)), (lamps(3), (0, 3, 0)), (lamps(3, "cheap"), (3, 0, 3))):
        assert shop.deliver(*outcomes, job=ODD) == totals
    assert shop.database.rows("SELECT DISTINCT job_id FROM querygen.delivery") == [(ODD,)]
    assert shop.deliver(*lamps(3), job=ODD[:-1]) == (3, 0, 0), "another name is another job"


def test_every_row_of_the_ledger_says_whose_it_is(shop):
    shop.deliver(lamp(1, "a", "b"))
    ledger = shop.database.rows(
        "SELECT d.job_id, d.product_key, d.product_id, d.digest, d.query_ids, p.product_id FROM querygen.delivery d"
        " JOIN querygen.product p USING (product_key)"
    )
    (row,) = {one.product_id for one in shop.rows()}
    assert ledger == [(JOB, "shop:L-1:en", row, bytes.fromhex(lamp(1, "a", "b").digest), shop.ids(), row)]


def test_a_product_s_row_that_was_left_behind_is_brought_up_to_date(shop):
    """As when another content was written at the same time, and its row of products came last."""
    shop.deliver(lamp(1, "a", "b"))
    ids = shop.ids()
    shop.database.rows("UPDATE products SET product_hash = 'of an older content'")
    assert shop.deliver(lamp(1, "a", "b")) == (0, 2, 0)
    assert shop.database.value("SELECT product_hash FROM products") == lamp(1).content_hash
    assert shop.ids() == ids
