"""Two sinks of one job: once the newer one has begun, the older one changes nothing, in whatever order they act."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psycopg
import pytest

from faults_world import closing, eventually
from postgres_server import Database
from postgres_shop import Shop, lamp, lamps, texts
from querygen_core.api import Outcome, Receipt, SinkError, partition_of
from querygen_core.testing import context
from querygen_postgres import build_queries
from querygen_postgres.options import QueriesOptions
from querygen_postgres.sink import QueriesSink

OLD, NEW = lamps(4), lamps(4, "cheap")
_WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


@pytest.fixture
def shop(ready, tmp_path) -> Shop:
    return Shop(ready, tmp_path)


@contextmanager
def sink(shop: Shop, fence: int | None, job: str = "autumn", **options: object) -> Iterator[QueriesSink]:
    made = build_queries(
        QueriesOptions(dsn=shop.database.dsn, **options), context(shop.folder, job_id=job, fence=fence)
    )
    with closing(made):
        yield made


def apply(sink: QueriesSink, *outcomes: Outcome) -> list[Receipt]:
    return list(asyncio.run(sink.apply(outcomes)))


def refused(sink: QueriesSink, *outcomes: Outcome) -> str:
    with pytest.raises(SinkError) as caught:
        apply(sink, *outcomes)
    assert (caught.value.kind, caught.value.exit_code) == ("fenced", 75)
    return str(caught.value)


def fences(database: Database) -> set[tuple[str, int]]:
    return set(database.rows("SELECT DISTINCT job_id, fence FROM querygen.fence"))


def test_an_older_one_is_refused_from_the_moment_the_newer_one_begins(shop):
    with sink(shop, 7) as older, sink(shop, 8) as newer:
        apply(older, *OLD)
        apply(newer)
        before = shop.rows()
        for outcomes in (NEW, [lamp(3, state="deleted")], [lamp(9, "a")]):
            assert refused(older, *outcomes) == "another process has taken over job 'autumn' (lease 8, this one 7)"
        assert shop.rows() == before
        assert shop.database.value("SELECT count(*) FROM products") == 4, "not even a product is added"
        apply(newer, *NEW)
        refused(older, *OLD)
        assert shop.shown() == texts(*NEW)
    assert fences(shop.database) == {("autumn", 8)}
    assert shop.database.value("SELECT count(*) FROM querygen.fence") == 64


def test_one_that_begins_later_with_an_older_lease_is_refused_at_once(shop):
    with sink(shop, 8) as newer:
        apply(newer)
    with sink(shop, 7) as older:
        refused(older)
        refused(older, *OLD)
    assert shop.rows() == []
    assert fences(shop.database) == {("autumn", 8)}


def test_the_same_lease_and_no_lease_and_other_jobs_are_not_refused(shop):
    with sink(shop, 8) as first, sink(shop, 8) as again, sink(shop, None) as alone, sink(shop, 1, "winter") as other:
        apply(first, *OLD)
        apply(again, *NEW)
        apply(first, *OLD)
        apply(alone, *NEW)
        apply(other, *NEW)
    assert fences(shop.database) == {("autumn", 8), ("winter", 1)}


def test_shards_have_leases_of_their_own(shop):
    """Another process holds the partitions of one product; those of the others are still this one's."""
    taken, *rest = [outcome for outcome in NEW if outcome.queries]
    partition = partition_of(taken.product_key, 64)
    with sink(shop, 7) as older:
        apply(older, *OLD)
        shop.database.rows("UPDATE querygen.fence SET fence = 9 WHERE partition = %s", partition)
        refused(older, taken)
        refused(older, *NEW)
        free = [one for one in rest if partition_of(one.product_key, 64) != partition]
        apply(older, *free)
    assert shop.shown() == texts(*free) + texts(OLD[NEW.index(taken)])


def test_a_registration_waits_for_a_transaction_that_has_begun(shop):
    """The older one is about to write its rows. Its transaction ends first; then the newer one sees it and goes on."""
    with (
        sink(shop, 7) as older,
        sink(shop, 8) as newer,
        psycopg.connect(shop.database.dsn) as holder,
        ThreadPoolExecutor(2) as pool,
    ):
        apply(older)
        holder.execute("LOCK TABLE queries IN EXCLUSIVE MODE")
        writing = pool.submit(apply, older, *OLD)
        assert eventually(lambda: shop.database.value(_WAITING) == 1)
        overtaking = pool.submit(apply, newer, *NEW)
        assert eventually(lambda: shop.database.value(_WAITING) == 2)
        holder.commit()
        assert sum(receipt.delivered for receipt in writing.result()) == 6
        assert sum(receipt.retired for receipt in overtaking.result()) == 6
        refused(older, *OLD)
    assert shop.shown() == texts(*NEW)


def test_a_transaction_waits_for_a_registration_that_has_begun(shop):
    """The newer one has registered and not yet committed: the older one waits, and then sees it."""
    with sink(shop, 7) as older, psycopg.connect(shop.database.dsn) as newer, ThreadPoolExecutor(1) as pool:
        apply(older, *OLD)
        newer.execute("UPDATE querygen.fence SET fence = 8")
        writing = pool.submit(refused, older, *NEW)
        assert eventually(lambda: shop.database.value(_WAITING) == 1)
        newer.commit()
        assert "lease 8" in writing.result()
    assert shop.shown() == texts(*OLD)


def test_a_registration_that_is_rolled_back_takes_nothing(shop):
    with sink(shop, 7) as older, psycopg.connect(shop.database.dsn) as newer, ThreadPoolExecutor(1) as pool:
        apply(older, *OLD)
        newer.execute("UPDATE querygen.fence SET fence = 8")
        writing = pool.submit(apply, older, *NEW)
        assert eventually(lambda: shop.database.value(_WAITING) == 1)
        newer.rollback()
        assert sum(receipt.delivered for receipt in writing.result()) == 6


def test_leases_that_were_deleted_are_registered_again(shop):
    with sink(shop, 7) as only, sink(shop, 6) as older:
        apply(only, *OLD)
        shop.database.rows("TRUNCATE querygen.fence")
        apply(only, *NEW)
        refused(older, *OLD)
    assert shop.shown() == texts(*NEW)


def test_without_a_ledger_there_is_no_fence(shop):
    shop.database.rows("DROP SCHEMA querygen CASCADE")
    with sink(shop, 8, ledger="off") as newer, sink(shop, 7, ledger="off") as older:
        apply(newer, *OLD)
        assert sum(receipt.unchanged for receipt in apply(older, *OLD)) == 6
