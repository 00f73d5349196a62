"""Eight processes that write the same products at once, in different orders.

QUERYGEN_PRODUCTS=2000 is the full size.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from faults_world import (
    SEED,
    active,
    closing,
    deliver,
    drop_role,
    eventually,
    expect,
    expect_ledger,
    ledger,
    outcomes,
    prepare,
    settle,
    sink_to,
    stored,
    without_ledger,
)
from faults_writer import Writer
from postgres_server import Database

PROCESSES = 8
PRODUCTS = int(os.environ.get("QUERYGEN_PRODUCTS", "80"))
QUESTIONS = 4
_WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
USUAL = {"products": PRODUCTS, "size": max(20, PRODUCTS // 10)}


def _all_at_once(started: Sequence[Writer], **order: Any) -> list[tuple[int, int, int]]:
    """The counts of each writer. None may have seen an error, such as a deadlock."""
    for number, writer in enumerate(started):
        writer.tell(**{**USUAL, "seed": SEED + 100 * number, **order})
    heard = [writer.hear() for writer in started]
    failures = [failure for one in heard for failure in one["failures"]]
    assert not failures, failures
    return [tuple(one["counts"]) for one in heard]


def _said(database: Database, what: str, began: float) -> None:
    deadlocks = database.value("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    rows = database.value("SELECT count(*) FROM queries")
    print(f"{what}: {rows} rows, {deadlocks} deadlocks resolved, {time.monotonic() - began:.1f} s")


def _empty(database: Database) -> None:
    database.rows("TRUNCATE queries, products, jobselectedproducts, querygen.delivery, querygen.product")


@pytest.mark.slow
def test_eight_processes_and_one_job(database, tmp_path, forks):
    prepare(database, tmp_path)
    with (
        forks.writers(database.dsn, tmp_path, ["test-job"] * PROCESSES) as started,
        closing(sink_to(database.dsn, tmp_path)) as sink,
    ):
        for changes in (False, True):
            _empty(database)
            _write_three_times(database, started, changes=changes)
            settle(sink, database.rows, outcomes(PRODUCTS, 2, changes=changes))


def _write_three_times(database: Database, started: Sequence[Writer], *, changes: bool) -> None:
    what = "changed products" if changes else "same products"
    for version in (1, 2):
        began = time.monotonic()
        counts = _all_at_once(started, versions=[version], changes=changes)
        _said(database, f"{what}, version {version}", began)
        wanted = outcomes(PRODUCTS, version, changes=changes)
        expect(database.rows, wanted)
        expect_ledger(database.rows, wanted)
        new = PRODUCTS * QUESTIONS // version
        assert sum(count[0] for count in counts) == new, "each row was delivered by one of them"
    began = time.monotonic()
    _all_at_once(started, versions=[1, 2, 3], changes=changes)
    _said(database, f"{what}, mixed versions", began)


def _holders(database: Database) -> dict[str, set[str]]:
    """For each product the jobs whose rows are shown."""
    jobs: dict[str, set[str]] = {}
    for job, product, digest, *_ in ledger(database.rows):
        jobs.setdefault(product, set())
        if digest is not None:
            jobs[product].add(job)
    return jobs


def _found(database: Database) -> dict[str, Any]:
    """Products that the deployment has, as the preprocessor finds them: nobody has delivered anything for them yet."""
    with psycopg.connect(database.dsn) as connection:
        connection.cursor().executemany(
            "INSERT INTO products (product_data, brand_name, product_hash) VALUES (%s, %s, %s)",
            [(Jsonb({"product_id": one.identity[1]}), one.brand, one.content_hash) for one in outcomes(PRODUCTS)],
        )
    rows = dict(database.rows("SELECT product_data ->> 'product_id', product_id FROM products"))
    server = database.server.parameters
    return {"identity": f"{server['host']}:{server['port']}/{database.name}/public", "rows": rows}


@pytest.mark.slow
def test_two_jobs_that_fight(database, tmp_path, forks):
    """The last one to write a product has it; never both, never none."""
    prepare(database, tmp_path)
    options = {"previous_jobs": "deactivate"}
    with forks.writers(database.dsn, tmp_path, ["a", "b"] * (PROCESSES // 2), **options) as started:
        for found in (_found(database), {}):
            _fight(database, started, found)
            _settle_by_turns(database, tmp_path, options)
            _empty(database)


def _fight(database: Database, started: Sequence[Writer], found: dict[str, Any]) -> None:
    for versions in ([1], [2], [1, 2, 3]):
        began = time.monotonic()
        _all_at_once(started, versions=versions, **found)
        _said(database, f"fight over {'found' if found else 'new'} products, versions {versions}", began)
        holders = _holders(database)
        assert len(holders) == PRODUCTS
        odd = sorted(product for product, jobs in holders.items() if len(jobs) != 1)
        assert not odd, f"{len(odd)} of {PRODUCTS} products are not shown by one job: {odd[:5]}"
        shown = sum(count for row, count in stored(database.rows).items() if row[3])
        assert shown == PRODUCTS * QUESTIONS


def _settle_by_turns(database: Database, folder: Path, options: dict[str, Any]) -> None:
    wanted = outcomes(PRODUCTS, 2)
    for job in ("a", "b", "a"):
        with closing(sink_to(database.dsn, folder, job=job, **options)) as sink:
            deliver(sink, wanted)
            assert deliver(sink, wanted).counts == (0, PRODUCTS * QUESTIONS, 0)
        assert {one for jobs in _holders(database).values() for one in jobs} == {job}
        assert Counter({row: n for row, n in stored(database.rows).items() if row[3]}) == active(wanted)
        expect_ledger(database.rows, wanted, job)


def test_two_jobs_that_both_come_first(database, tmp_path):
    """Neither can see the other's rows, which are not committed: held up until both are about to write theirs."""
    prepare(database, tmp_path)
    found = _found(database)
    wanted = [replace(one, refs={found["identity"]: found["rows"][one.identity[1]]}) for one in outcomes(5)]
    with (
        closing(sink_to(database.dsn, tmp_path, job="a", previous_jobs="deactivate")) as first,
        closing(sink_to(database.dsn, tmp_path, job="b", previous_jobs="deactivate")) as second,
        psycopg.connect(database.dsn) as holder,
        ThreadPoolExecutor(2) as pool,
    ):
        for sink in (first, second):
            deliver(sink, [])
        holder.execute("LOCK TABLE queries IN EXCLUSIVE MODE")
        delivering = [pool.submit(deliver, sink, wanted) for sink in (first, second)]
        assert eventually(lambda: database.value(_WAITING) == 2)
        holder.commit()
        assert [done.result().counts[0] for done in delivering] == [20, 20]
    holders = _holders(database)
    assert {len(jobs) for jobs in holders.values()} == {1}, holders
    assert Counter({row: n for row, n in stored(database.rows).items() if row[3]}) == active(wanted)


@pytest.mark.slow
def test_eight_processes_without_a_ledger(database, tmp_path, forks):
    role = f"plain_{database.name}"
    dsn = without_ledger(database, tmp_path, role)
    began = time.monotonic()
    wanted = outcomes(PRODUCTS)
    with forks.writers(dsn, tmp_path, ["test-job"] * PROCESSES) as started:
        counts = _all_at_once(started, versions=[1])
        _said(database, "without a ledger", began)
        expect(database.rows, wanted)
        assert sum(count[0] for count in counts) == PRODUCTS * QUESTIONS
        _all_at_once(started, versions=[1])
        expect(database.rows, wanted)
        _all_at_once(started, versions=[1, 2])
    both = active(wanted) | active(outcomes(PRODUCTS, 2))
    assert not stored(database.rows) - both
    with closing(sink_to(dsn, tmp_path)) as sink:
        assert database.value("SELECT to_regnamespace('querygen')") is None
        deliver(sink, outcomes(PRODUCTS, 2))
        assert stored(database.rows) == both, "nothing is retired, nothing doubled"
        assert deliver(sink, wanted).counts == (0, PRODUCTS * QUESTIONS, 0)
    drop_role(database, role)
