"""The connection ends at every byte around COMMIT, and nobody can say whether it was committed.

QUERYGEN_CUTS=all cuts at every byte of the whole transaction too, of which a few are drawn otherwise, and at every byte
of COMMIT whatever the ledger is.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import psycopg
import pytest

from faults_world import (
    SEED,
    Delivered,
    closing,
    deliver,
    drop_role,
    expect,
    ledger,
    outcomes,
    prepare,
    settle,
    sink_to,
    stored,
    through,
    without_ledger,
)
from postgres_server import Database
from querygen_core.api import Outcome, SinkError
from tcp_proxy import Direction, Proxy, proxied

pytestmark = pytest.mark.slow

CUTS = os.environ.get("QUERYGEN_CUTS", "")
SAMPLED = 6
COMMIT_UP = 1 + 4 + len(b"COMMIT\0")
COMMIT_DOWN = 1 + 4 + len(b"COMMIT\0") + 1 + 4 + 1
"""The statement; that it is complete and what comes next, as protocol 3 has it."""

_RESET = """
DELETE FROM queries; DELETE FROM products;
SELECT setval('queries_query_id_seq', 1, false), setval('products_product_id_seq', 1, false)
"""
_RESET_LEDGER = "DELETE FROM querygen.delivery; DELETE FROM querygen.product;"

Position = tuple[Direction, int, int]
"""Way, byte, and the byte of the way up from which on it is counted."""


@dataclass
class Wire:
    """A database that is reached through a proxy, put back before each delivery to what `before` leaves."""

    database: Database
    proxy: Proxy
    dsn: str
    folder: object
    ledger: str
    before: Sequence[Outcome] = ()
    admin: psycopg.Connection = field(init=False)

    def __post_init__(self) -> None:
        self.admin = psycopg.connect(self.database.dsn, autocommit=True)

    @property
    def first(self) -> bool:
        """Whether it is the usual case: a ledger, and nothing delivered before."""
        return self.ledger == "on" and not self.before

    def rows(self, sql: str) -> list:
        return self.admin.execute(sql.encode()).fetchall()

    def sink(self):
        return closing(sink_to(through(self.dsn, self.proxy.port), self.folder, ledger=self.ledger))

    def reset(self) -> None:
        self.admin.execute((_RESET_LEDGER if self.ledger == "on" else "") + _RESET)

    def state(self) -> tuple:
        return stored(self.rows), ledger(self.rows) if self.ledger == "on" else None

    def deliver(self, wanted: Sequence[Outcome], position: Position | None = None) -> tuple[Delivered, dict]:
        """The result of a delivery and the bytes that it exchanged; the database is reset before."""
        self.reset()
        with self.sink() as sink:
            deliver(sink, self.before or [])
            deliver(sink, [])
            self.proxy.count_anew()
            if position is not None:
                way, after, since = position
                self.proxy.cut(way, after, since=since, hard=bool(after % 2))
            done = deliver(sink, wanted)
            counted = dict(self.proxy.counted)
            self.proxy.spare()
            return done, counted


@pytest.fixture(params=["on", "on changed", "off"])
def wire(request, database, tmp_path) -> Iterator[Wire]:
    setting = request.param.split()[0]
    if setting == "on":
        prepare(database, tmp_path)
    role = f"plain_{database.name}"
    dsn = database.dsn if setting == "on" else without_ledger(database, tmp_path, role)
    before = outcomes(2) if request.param == "on changed" else ()
    server = database.server.parameters
    with proxied(str(server["host"]), int(server["port"])) as proxy:
        wire = Wire(database, proxy, dsn, tmp_path, setting, before)
        yield wire
        wire.admin.close()
    if setting == "off":
        drop_role(database, role)


def _positions(wire: Wire, wanted: Sequence[Outcome]) -> tuple[list[Position], list[Position]]:
    """Of COMMIT and its answer: every byte. Of the transaction before it, or rather of all since the last look."""
    _, counted = wire.deliver(wanted)
    begin = counted["up"] - COMMIT_UP
    commit: list[Position] = [("up", byte, begin) for byte in range(COMMIT_UP + 1)]
    commit += [("down", byte, begin) for byte in range(COMMIT_DOWN + 1)]
    rest: list[Position] = [("up", byte, 0) for byte in range(1, begin)]
    rest += [("down", byte, 0) for byte in range(counted["down"] - COMMIT_DOWN)]
    return commit, rest


def _chosen(rest: list[Position]) -> list[Position]:
    if CUTS == "all":
        return rest
    return sorted(random.Random(SEED).sample(rest, SAMPLED))


def test_a_connection_cut_anywhere_around_commit(wire):
    wanted = outcomes(2, 2 if wire.before else 1)
    unbroken, _ = wire.deliver(wanted)
    expected = wire.state()
    expect(wire.rows, wanted)
    commit, rest = _positions(wire, wanted)
    failed = 0
    for position in [*commit[:: 1 if wire.first or CUTS == "all" else 4], *_chosen(rest)]:
        cuts = wire.proxy.cuts
        done, _ = wire.deliver(wanted, position)
        said = f"cut at {position}, seed {SEED}: {done}"
        assert wire.proxy.cuts == cuts + 1, said
        assert wire.state() == expected, said
        assert done.counts == unbroken.counts, said
        failed += bool(done.failures)
    assert failed, "some cuts are seen"
    print(f"ledger {wire.ledger}: {len(commit)} bytes of COMMIT, {len(rest)} before, {failed} seen as failures")
    with wire.sink() as sink:
        settle(sink, wire.rows, wanted, has_ledger=wire.ledger == "on")


@pytest.mark.parametrize("who", ["the same", "a new one"])
def test_nobody_answers_after_the_cut(wire, who):
    """So that it cannot even be asked what became of it; then the same sink, or another process, goes on."""
    wanted = outcomes(2, 2 if wire.before else 1)
    wire.deliver(wanted)
    expected = wire.state()
    commit, rest = _positions(wire, wanted)
    for way, after, since in [*commit[:: 2 if CUTS == "all" else 5], *_chosen(rest)[::3]]:
        said = f"cut at {way, after, since}, seed {SEED}"
        wire.reset()
        with wire.sink() as first, wire.sink() as second:
            for sink in (first, second):
                deliver(sink, wire.before)
            wire.proxy.count_anew()
            wire.proxy.cut(way, after, since=since)
            wire.proxy.refuse()
            try:
                asyncio.run(first.apply(wanted))
            except SinkError as error:
                assert error.kind == "retry", said
            wire.proxy.accept()
            deliver(first if who == "the same" else second, wanted)
        assert wire.state() == expected, said
