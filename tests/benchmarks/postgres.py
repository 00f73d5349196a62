"""Rows a second into PostgreSQL: the sink, with ids and each row once, beside the quickest way and the usual one.

All write the same rows into the same tables, indexes and foreign key included, on one server that keeps what it has
committed. Each begins with empty tables.
"""

from __future__ import annotations

import asyncio
import logging
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg

from postgres_server import Server
from querygen_core.api import Outcome
from querygen_core.testing import context, outcome, query
from querygen_embedded import EmbeddedServer
from querygen_postgres import build_queries
from querygen_postgres.options import QueriesOptions
from tests.benchmarks.job import KINDS
from tests.benchmarks.measure import Figures, Row, interleave

_PER_PRODUCT = 50
_HANDED_OVER = 200  # outcomes at a time, as the engine does
_BATCH = 5000  # rows per transaction, as the sink does by default
_LOOPED = 200  # products that the loop writes; it would take minutes for all
_COPY = "COPY queries (product_id, query_text, query_type) FROM STDIN"
_INSERT = "INSERT INTO queries (product_id, query_text, query_type) VALUES (%s, %s, %s) RETURNING query_id"
_EMPTY = """
TRUNCATE products, queries, querygen.delivery, querygen.product, querygen.product_lock RESTART IDENTITY CASCADE
"""
_PRODUCTS = "INSERT INTO products (product_data, product_hash) SELECT '{}', g FROM generate_series(1, %s) g"


@dataclass(frozen=True)
class Contest:
    dsn: str
    folder: Path
    outcomes: Sequence[Outcome]

    def copy(self, _round: int) -> Figures:
        rows = list(self._rows(self.outcomes))
        with self._fresh() as connection:
            began = time.perf_counter()
            for start in range(0, len(rows), _BATCH):
                with connection.cursor().copy(_COPY) as copy:
                    for row in rows[start : start + _BATCH]:
                        copy.write_row(row)
                connection.commit()
            return {"rows_per_s": len(rows) / (time.perf_counter() - began)}

    def loop(self, _round: int) -> Figures:
        few = self.outcomes[:_LOOPED]
        with self._fresh() as connection:
            began = time.perf_counter()
            for one in few:
                for row in self._rows([one]):
                    connection.execute(_INSERT, row).fetchone()
                connection.commit()
            return {"rows_per_s": len(few) * _PER_PRODUCT / (time.perf_counter() - began)}

    def keep(self, _round: int) -> Figures:
        return self._sink("keep")

    def deactivate(self, _round: int) -> Figures:
        return self._sink("deactivate")

    def _sink(self, previous_jobs: str) -> Figures:
        self._fresh().close()
        seconds = asyncio.run(self._deliver(self.outcomes, previous_jobs=previous_jobs))
        return {"rows_per_s": len(self.outcomes) * _PER_PRODUCT / seconds}

    def displace(self, _round: int) -> Figures:
        """Follows a contender that has delivered everything: another job delivers the same, for the first time."""
        seconds = asyncio.run(self._deliver(self.outcomes, job_id="another"))
        return {"rows_per_s": len(self.outcomes) * _PER_PRODUCT / seconds}

    def sink_and_products(self, _round: int) -> Figures:
        """Without a preprocessor: the sink writes the products too."""
        self._fresh().close()
        unknown = [replace(one, refs={}) for one in self.outcomes]
        return {"rows_per_s": len(self.outcomes) * _PER_PRODUCT / asyncio.run(self._deliver(unknown))}

    def unchanged(self, _round: int) -> Figures:
        """Follows a contender that has delivered everything."""
        seconds = asyncio.run(self._deliver(self.outcomes))
        return {"products_per_s": len(self.outcomes) / seconds, "us_per_product": seconds / len(self.outcomes) * 1e6}

    async def _deliver(
        self, outcomes: Sequence[Outcome], *, previous_jobs: str = "deactivate", job_id: str = "test-job"
    ) -> float:
        """Seconds from the first outcome to the last receipt."""
        options = QueriesOptions(dsn=self.dsn, previous_jobs=previous_jobs)
        sink = build_queries(options, context(self.folder, job_id=job_id))
        await sink.apply([])
        began = time.perf_counter()
        for start in range(0, len(outcomes), _HANDED_OVER):
            await sink.apply(outcomes[start : start + _HANDED_OVER])
        seconds = time.perf_counter() - began
        await sink.aclose()
        return seconds

    def _fresh(self) -> psycopg.Connection:
        connection = psycopg.connect(self.dsn)
        connection.execute(_EMPTY)
        connection.execute(_PRODUCTS, (len(self.outcomes),))
        connection.commit()
        return connection

    def _rows(self, outcomes: Sequence[Outcome]) -> Iterator[tuple[int, str, str]]:
        for one in outcomes:
            yield from ((one.ordinal + 1, query.text, query.query_type) for query in one.queries)


def measure(rounds: int, products: int) -> list[Row]:
    with tempfile.TemporaryDirectory() as temp:
        embedded = EmbeddedServer(Path(temp) / "postgres", logging.getLogger("benchmark"))
        try:
            contest = _contest(Server(embedded.start()).dsn(), Path(temp), products)
            contenders = {
                "COPY, no ids, twice is double": contest.copy,
                "a loop of 50 INSERTs, committed": contest.loop,
                "postgres/queries, previous_jobs: keep": contest.keep,
                "postgres/queries, previous_jobs: deactivate": contest.deactivate,
                "postgres/queries, all there already": contest.unchanged,
                "postgres/queries, displacing another job": contest.displace,
                "postgres/queries, which writes the products too": contest.sink_and_products,
            }
            medians = interleave(rounds, contenders)
        finally:
            embedded.stop()
    copied = medians["COPY, no ids, twice is double"]["rows_per_s"]
    looped = medians["a loop of 50 INSERTs, committed"]["rows_per_s"]
    return [Row(name, {**figures, **_ratios(figures, copied, looped)}) for name, figures in medians.items()]


def _ratios(figures: Figures, copied: float, looped: float) -> Figures:
    rate = figures.get("rows_per_s")
    return {} if rate is None else {"of_copy": rate / copied, "of_loop": rate / looped}


def _contest(dsn: str, folder: Path, products: int) -> Contest:
    """Tables as `querygen db init` makes them, products whose rows are known, as the preprocessor leaves them."""
    sink = build_queries(QueriesOptions(dsn=dsn), context(folder))

    async def prepare() -> None:
        await sink.database.init()  # type: ignore[attr-defined]  # beside the protocol
        await sink.aclose()

    asyncio.run(prepare())
    return Contest(dsn, folder, [_outcome(number, sink.identity) for number in range(products)])


def _outcome(number: int, identity: str) -> Outcome:
    kind = KINDS[number % len(KINDS)]
    texts = (f"What should I know about the {kind} number {number} in case {case}?" for case in range(_PER_PRODUCT))
    queries = (query(text, query_type=("product", "market")[case % 2]) for case, text in enumerate(texts))
    return outcome(*queries, product_id=f"B-{number}", ordinal=number, refs={identity: number + 1})
