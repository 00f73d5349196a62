"""A deployment that jobs deliver into. What it holds is read with nothing of ours."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from postgres_server import Database
from querygen_core.api import Outcome, Query, Receipt
from querygen_core.testing import context, outcome, query
from querygen_postgres import build_queries
from querygen_postgres.options import QueriesOptions
from querygen_postgres.sink import QueriesSink

JOB = "autumn"


class Row(NamedTuple):
    query_id: int
    product_id: int
    query_type: str
    text: str
    active: bool


class Totals(NamedTuple):
    delivered: int
    unchanged: int
    retired: int


@dataclass(frozen=True)
class Shop:
    """One schema of a database. folder: for the state of its jobs. given: options of its sinks."""

    database: Database
    folder: Path
    schema: str = "public"
    given: Mapping[str, Any] | None = None

    def sink(
        self, job: str = JOB, *, upstream: tuple[str, ...] | None = None, sample: bool = False, **options: Any
    ) -> QueriesSink:
        given = {"dsn": self.database.dsn, "schema": self.schema, **(self.given or {}), **options}
        surroundings = context(self.folder, "postgres/queries", job_id=job, upstream=upstream, sample=sample)
        return build_queries(QueriesOptions(**given), surroundings)

    def init(self) -> list[str]:
        return list(self.ask("init"))

    def ask(self, what: str, *values: str, **options: Any) -> Any:
        """The result of `init`, `inspect` or `query` of the sink's database."""
        sink = self.sink(**options)
        return asyncio.run(closing(sink, lambda: getattr(sink.database, what)(*values)))

    def check(self, **options: Any) -> None:
        sink = self.sink(**options)
        asyncio.run(closing(sink, sink.check))

    def receipts(self, *outcomes: Outcome, job: str = JOB, **options: Any) -> list[Receipt]:
        sink = self.sink(job, **options)
        receipts: list[Receipt] = asyncio.run(closing(sink, lambda: sink.apply(outcomes)))
        assert [one.product_key for one in receipts] == [one.product_key for one in outcomes]
        return receipts

    def deliver(self, *outcomes: Outcome, job: str = JOB, **options: Any) -> Totals:
        receipts = self.receipts(*outcomes, job=job, **options)
        assert not [one.error for one in receipts if one.error]
        counts = [(one.delivered, one.unchanged, one.retired) for one in receipts]
        return Totals(*map(sum, zip(*counts, strict=True)))

    def rows(self) -> list[Row]:
        sql = f"SELECT query_id, product_id, query_type, query_text, is_active FROM {self.schema}.queries ORDER BY 1"
        return [Row(*row) for row in self.database.rows(sql)]

    def shown(self) -> Counter[str]:
        """The texts that readers see."""
        return Counter(row.text for row in self.rows() if row.active)

    def ids(self, *, active: bool = True) -> list[int]:
        return [row.query_id for row in self.rows() if row.active == active]

    def product(self, data: str = '{"title": "x"}', product_hash: str | None = None) -> int:
        """A row that the deployment has written itself."""
        sql = f"INSERT INTO {self.schema}.products (product_data, product_hash) VALUES (%s, %s) RETURNING product_id"
        return int(self.database.value(sql, data, product_hash))


async def closing(sink: QueriesSink, work: Any) -> Any:
    try:
        return await work()
    finally:
        await sink.aclose()


def lamp(number: int, *texts: str | Query, **changes: Any) -> Outcome:
    """An outcome with these questions; there may be none."""
    kept = tuple(one if isinstance(one, Query) else query(one) for one in texts)
    made = replace(outcome(product_id=f"L-{number}"), queries=kept, ordinal=number, title=f"Lamp {number}")
    return replace(made, **changes)


def lamps(count: int, word: str = "bright") -> list[Outcome]:
    """The first has no question, the next has one, and so on."""
    return [lamp(number, *(f"Is lamp {number} {word}, {n}?" for n in range(number))) for number in range(count)]


def texts(*outcomes: Outcome) -> Counter[str]:
    return Counter(one.text for each in outcomes for one in each.queries)
