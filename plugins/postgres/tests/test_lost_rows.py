"""Rows are looked for, not believed: what is there is found, what is not is written, and nothing is there twice."""

from __future__ import annotations

import asyncio
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import psycopg
import pytest

from faults_world import eventually
from postgres_shop import JOB, Shop, closing, lamp, lamps, texts
from querygen_core.api import SinkError
from querygen_core.testing import query

OUTCOMES = lamps(6)
TOTAL = 15
LOST = {
    "truncated": "TRUNCATE querygen.delivery",
    "all-truncated": "TRUNCATE querygen.delivery, querygen.product, querygen.product_lock, querygen.fence",
    "dropped": "DROP SCHEMA querygen CASCADE",
}


@pytest.fixture
def shop(ready, tmp_path) -> Shop:
    return Shop(ready, tmp_path)


def settled(shop: Shop, *outcomes, job: str = JOB) -> bool:
    """Nothing is left to do, and exactly the outcomes' questions are shown."""
    total = sum(texts(*outcomes).values())
    return shop.deliver(*outcomes, job=job) == (0, total, 0) and shop.shown() == texts(*outcomes)


@pytest.mark.parametrize("lost", LOST)
def test_rows_that_are_there_are_adopted_when_the_ledger_is_lost(shop, lost: str):
    shop.deliver(*OUTCOMES)
    before = shop.rows()
    shop.database.rows(LOST[lost])
    assert shop.deliver(*OUTCOMES) == (0, TOTAL, 0)
    assert shop.rows() == before
    assert settled(shop, *OUTCOMES)
    assert shop.deliver(*lamps(6, "cheap")) == (TOTAL, 0, TOTAL), "adopted rows are the job's own"


def test_a_ledger_that_is_dropped_in_mid_run(shop):
    shop.deliver(*OUTCOMES[:4])
    shop.database.rows(LOST["dropped"])
    assert shop.deliver(*OUTCOMES) == (9, 6, 0)
    assert settled(shop, *OUTCOMES)


def test_the_sink_at_work_says_that_its_ledger_is_gone(shop):
    sink = shop.sink()
    shop.deliver(*OUTCOMES[:3])

    async def work() -> None:
        await sink.apply(OUTCOMES[:4])
        shop.database.rows(LOST["dropped"])
        await sink.apply(OUTCOMES[4:])

    with pytest.raises(SinkError, match=r'relation "querygen\.\w+" does not exist') as caught:
        asyncio.run(closing(sink, work))
    assert caught.value.kind == "permanent"
    assert shop.deliver(*OUTCOMES) == (9, 6, 0)
    assert settled(shop, *OUTCOMES)


def test_the_step_to_a_ledger(shop):
    shop.deliver(*OUTCOMES, ledger="off")
    shop.database.rows("UPDATE queries SET is_active = false WHERE query_text = 'Is lamp 3 bright, 1?'")
    before = shop.rows()
    assert shop.deliver(*OUTCOMES, ledger="on") == (0, TOTAL, 0)
    assert shop.rows() == before, "what was hidden by hand stays so"
    assert shop.deliver(*lamps(6, "cheap"), ledger="on") == (TOTAL, 0, TOTAL - 1)
    assert shop.deliver(*OUTCOMES, ledger="off") == (0, TOTAL, 0), "and back: an inactive row counts as existing"


@pytest.mark.parametrize("lost", LOST)
def test_two_jobs_that_lose_the_ledger_find_their_own_rows(shop, lost: str):
    """The rows of the displaced job are all inactive, which no editor does; they become active again."""
    winter = lamps(6, "cheap")
    shop.deliver(*OUTCOMES)
    shop.deliver(*winter, job="winter")
    shop.database.rows(LOST[lost])
    assert shop.deliver(*winter, job="winter") == (0, TOTAL, 0)
    assert shop.receipts(*OUTCOMES)[5].displaced == 5
    assert len(shop.rows()) == 2 * TOTAL
    assert settled(shop, *OUTCOMES)


def test_the_ledger_of_one_of_two_jobs_is_lost(shop):
    """Rows that another job's ledger row names are not adopted, whatever their text."""
    shop.deliver(*OUTCOMES, job="winter", previous_jobs="keep")
    shop.deliver(*OUTCOMES, previous_jobs="keep")
    before = shop.rows()
    shop.database.rows("DELETE FROM querygen.delivery WHERE job_id = %s", JOB)
    assert shop.deliver(*OUTCOMES, previous_jobs="keep") == (0, TOTAL, 0)
    assert shop.rows() == before
    shop.deliver(*lamps(6), previous_jobs="keep")
    shop.deliver(*(lamp(n) for n in range(6)), previous_jobs="keep")
    assert shop.shown() == texts(*OUTCOMES)
    assert shop.deliver(*OUTCOMES, job="winter", previous_jobs="keep") == (0, TOTAL, 0)


def test_a_text_that_is_there_more_often_is_adopted_as_often_as_it_is_wanted(shop):
    wanted = lamp(1, "a", "a", query("a", query_type="market"))
    shop.deliver(wanted)
    one_more = (
        "INSERT INTO queries (product_id, query_text, query_type) SELECT product_id, 'a', 'product' FROM products"
    )
    shop.database.rows(one_more)
    shop.database.rows(LOST["truncated"])
    assert shop.deliver(wanted) == (0, 3, 0)
    assert len(shop.rows()) == 4
    assert shop.deliver(lamp(1)) == (0, 0, 3)
    assert shop.shown() == Counter("a")


def test_rows_that_were_deleted_are_written_again(shop):
    shop.deliver(*OUTCOMES)
    shop.database.rows("DELETE FROM queries WHERE query_id % 3 = 0")
    left = shop.rows()
    assert shop.deliver(*OUTCOMES) == (5, 10, 0)
    assert shop.rows()[: len(left)] == left
    assert settled(shop, *OUTCOMES)


SPOILT = {
    "text": "query_text = query_text || ' indeed'",
    "empty": "query_text = ''",
    "type": "query_type = 'market'",
    "product": "product_id = (SELECT max(product_id) FROM products)",
}


@pytest.mark.parametrize("how", SPOILT)
def test_rows_that_were_spoilt_are_replaced(shop, how: str):
    shop.deliver(*OUTCOMES)
    shop.product()
    spoilt = shop.database.rows(f"UPDATE queries SET {SPOILT[how]} WHERE query_id % 3 = 0 RETURNING query_id")
    assert shop.deliver(*OUTCOMES) == (5, 10, 5)
    assert {row.active for row in shop.rows() if (row.query_id,) in spoilt} == {False}
    assert settled(shop, *OUTCOMES)


def test_texts_that_change_places_are_where_they_belong(shop):
    """The digest has an order, but the rows do not: nothing has to be written."""
    shop.deliver(lamp(1, "a", "b"))
    shop.database.rows("UPDATE queries SET query_text = CASE query_text WHEN 'a' THEN 'b' ELSE 'a' END")
    before = shop.rows()
    assert shop.deliver(lamp(1, "a", "b")) == (0, 2, 0)
    assert shop.rows() == before
    assert shop.deliver(lamp(1, "a", "b")) == (0, 2, 0)


def test_queries_restored_from_before_the_ledger(shop):
    """Ids that the ledger names are given away again, to other products and to another job."""
    shop.deliver(*OUTCOMES)
    shop.database.rows("TRUNCATE queries RESTART IDENTITY")
    backwards = OUTCOMES[::-1]
    for outcome in backwards:
        shop.deliver(outcome)
    assert shop.shown() == texts(*OUTCOMES)
    assert settled(shop, *backwards)
    shop.database.rows("TRUNCATE queries RESTART IDENTITY")
    for outcome in OUTCOMES:
        shop.deliver(outcome, job="winter", previous_jobs="keep")
    shop.deliver(*OUTCOMES, previous_jobs="keep")
    assert shop.shown() == texts(*OUTCOMES) + texts(*OUTCOMES)
    assert shop.deliver(*OUTCOMES, previous_jobs="keep") == (0, TOTAL, 0)
    assert shop.deliver(*OUTCOMES, job="winter", previous_jobs="keep") == (0, TOTAL, 0)


def test_a_table_without_the_indexes_that_this_takes_is_told(shop, caplog):
    shop.deliver(*OUTCOMES)
    assert caplog.text == ""
    shop.database.rows("DROP INDEX queries_product_id")
    assert settled(shop, *OUTCOMES)
    assert "slow: missing index: a delivery, the deletion of products" in caplog.text
    assert "CREATE INDEX CONCURRENTLY ON public.queries (product_id)" in caplog.text


def test_a_version_is_kept_where_the_product_has_no_row(shop):
    """A product that is deleted before it was ever delivered gets no row of `products`."""
    gone = lamp(1, state="deleted", version=5)
    assert shop.deliver(gone) == shop.deliver(gone) == (0, 0, 0)
    assert shop.database.value("SELECT count(*) FROM products") == 0
    (refused,) = shop.receipts(lamp(1, "a", version=4))
    assert refused.error == "version 4 of the product is older than version 5, which is stored"
    assert shop.database.value("SELECT version FROM querygen.delivery") == 5
    assert shop.deliver(lamp(1, "a", version=6)) == (1, 0, 0)
    assert shop.deliver(replace(gone, version=7)) == (0, 0, 1)
    assert shop.shown() == Counter()


def test_an_older_version_that_has_looked_before_the_newer_one_came_is_refused(shop):
    """The newer one holds the product and is about to write; the older one has found version 1 and waits for it."""
    shop.deliver(lamp(1, "a", version=1))
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with psycopg.connect(shop.database.dsn) as holder, ThreadPoolExecutor(2) as pool:
        holder.execute("LOCK TABLE queries IN EXCLUSIVE MODE")
        newer = pool.submit(shop.deliver, lamp(1, "c", version=3))
        assert eventually(lambda: shop.database.value(waiting) == 1)
        older = pool.submit(shop.receipts, lamp(1, "b", version=2))
        assert eventually(lambda: shop.database.value(waiting) == 2)
        holder.commit()
        assert newer.result() == (1, 0, 1)
        assert older.result()[0].error == "version 2 of the product is older than version 3, which is stored"
    assert shop.shown() == Counter("c")


def test_a_product_that_comes_twice_in_a_batch(shop):
    """As from a stream: the later one wins, if it is not older."""
    first, second, stale = (lamp(1, text, version=version) for text, version in (("a", 1), ("b", 3), ("c", 2)))
    receipts = shop.receipts(first, lamp(2, "x"), second, stale, second)
    assert [(one.delivered, one.retired, bool(one.error)) for one in receipts] == [
        (1, 0, False),
        (1, 0, False),
        (1, 1, False),
        (0, 0, True),
        (1, 1, False),
    ]
    assert shop.shown() == Counter("bx")
