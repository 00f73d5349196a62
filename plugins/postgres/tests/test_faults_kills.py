"""The delivering process, its backend or the whole server is killed at random moments."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from faults_embedded import embedded
from faults_world import (
    KILLS,
    SEED,
    closing,
    deliver,
    drop_role,
    expect,
    outcomes,
    prepare,
    settle,
    sink_to,
    stored,
    without_ledger,
)

pytestmark = pytest.mark.slow

__all__ = ["embedded"]

PRODUCTS = 60
ENDLESS = {"products": PRODUCTS, "size": 7, "turns": 10**6}


@pytest.mark.parametrize("ledger", ["on", "off"])
def test_a_client_killed_again_and_again(database, tmp_path, ledger, forks):
    prepare(database, tmp_path)
    role = f"plain_{database.name}"
    dsn = database.dsn if ledger == "on" else without_ledger(database, tmp_path, role)
    draw = random.Random(SEED)
    versions = [1, 2, 3] if ledger == "on" else [1]
    for kill in range(KILLS):
        if ledger == "off":
            database.rows("DELETE FROM products")
        with forks.writers(dsn, tmp_path, ["test-job"]) as (writer,):
            writer.tell(seed=draw.randrange(10**6), versions=versions, **ENDLESS)
            time.sleep(draw.uniform(0, 0.25))
            writer.kill()
        database.rows(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name ~ 'querygen'"
        )
        found = stored(database.rows)
        assert max(found.values(), default=1) == 1, f"kill {kill}, seed {SEED}"
    wanted = outcomes(PRODUCTS, 4 if ledger == "on" else 1)
    with closing(sink_to(dsn, tmp_path)) as sink:
        settle(sink, database.rows, wanted, has_ledger=ledger == "on")
    print(f"ledger {ledger}: {KILLS} clients killed, {len(found)} rows, each once; seed {SEED}")
    if ledger == "off":
        drop_role(database, role)


@contextmanager
def _disturbing(disturb) -> Iterator[list[object]]:
    """`disturb` is called over and over in a thread, until the block ends; what it returned each time."""
    ended = threading.Event()
    returned: list[object] = []

    def go_on() -> None:
        while not ended.is_set():
            returned.append(disturb())

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield returned
    finally:
        ended.set()
        thread.join()


@pytest.mark.parametrize("ledger", ["on", "off"])
def test_backends_terminated_at_random(database, tmp_path, ledger):
    prepare(database, tmp_path)
    role = f"plain_{database.name}"
    dsn = database.dsn if ledger == "on" else without_ledger(database, tmp_path, role)
    draw = random.Random(SEED)
    deliveries = 0
    with (
        closing(sink_to(dsn, tmp_path)) as sink,
        psycopg.connect(database.dsn, autocommit=True, application_name="killer") as admin,
    ):

        def terminate() -> int:
            time.sleep(draw.uniform(0, 0.2))
            ends = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'querygen:test-job'"
            return len(admin.execute(ends).fetchall())

        failures = 0
        with _disturbing(terminate) as terminated:
            until = time.monotonic() + max(2, KILLS / 4)
            while time.monotonic() < until:
                deliveries += 1
                wanted = outcomes(PRODUCTS, deliveries % 3 if ledger == "on" else 1, prefix=f"Q{deliveries % 7}")
                done = deliver(sink, wanted, size=9)
                failures += len(done.failures)
        print(
            f"ledger {ledger}: {deliveries} deliveries, {sum(terminated)} backends ended, {failures} seen; seed {SEED}"
        )
        assert sum(terminated) > 5
        found = stored(database.rows)
        assert max(found.values()) == 1
        database.rows("DELETE FROM products WHERE product_data ->> 'product_id' NOT LIKE 'Q1%'")
        if ledger == "on":
            keep = "product_id IN (SELECT product_id FROM products)"
            database.rows(f"DELETE FROM querygen.delivery WHERE NOT {keep}")
            database.rows(f"DELETE FROM querygen.product WHERE NOT {keep}")
        settle(
            sink, database.rows, outcomes(PRODUCTS, 9 if ledger == "on" else 1, prefix="Q1"), has_ledger=ledger == "on"
        )
    if ledger == "off":
        drop_role(database, role)


def test_the_server_killed_again_and_again(embedded):
    """The next connection starts it anew; what it said was committed is there, nothing is twice."""
    draw = random.Random(SEED)
    kills = max(2, KILLS // 3)
    failures = 0
    with closing(embedded.sink()) as sink:
        deliver(sink, outcomes(PRODUCTS), size=9)
        for kill in range(kills):
            wanted = outcomes(PRODUCTS, kill + 2)
            timer = threading.Timer(draw.uniform(0, 0.08), embedded.kill)
            timer.start()
            done = deliver(sink, wanted, size=9)
            timer.join()
            failures += len(done.failures)
            expect(embedded.rows, wanted)
            settle(sink, embedded.rows, wanted)
        rows = embedded.rows("SELECT count(*), count(*) FILTER (WHERE is_active) FROM queries")
        print(f"{kills} kills of the server, {failures} seen as failures, rows and active ones: {rows}; seed {SEED}")


def test_server_and_client_killed_at_once(embedded, forks):
    draw = random.Random(SEED)
    kills = max(2, KILLS // 3)
    for _ in range(kills):
        with forks.writers("embedded", embedded.place, ["test-job"]) as (writer,):
            writer.tell(seed=draw.randrange(10**6), versions=[1, 2, 3], **ENDLESS)
            time.sleep(draw.uniform(0, 0.3))
            embedded.kill()
            time.sleep(draw.choice((0, 0.2)))
            writer.kill()
        assert max(stored(embedded.rows).values(), default=1) == 1
    with closing(embedded.sink()) as sink:
        settle(sink, embedded.rows, outcomes(PRODUCTS, 2))
