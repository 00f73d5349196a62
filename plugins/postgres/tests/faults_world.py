"""Deliveries for fault tests, and the checks of the database's content after a fault."""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from psycopg.conninfo import make_conninfo

from postgres_server import Database
from querygen_core.api import Outcome, Receipt, SinkError
from querygen_core.testing import context, outcome, query
from querygen_postgres import build_queries
from querygen_postgres.options import QueriesOptions
from querygen_postgres.sink import QueriesSink

Rows = Callable[[str], list[tuple[Any, ...]]]
KILLS = int(os.environ.get("QUERYGEN_KILLS", "6"))
SEED = int(os.environ.get("QUERYGEN_SEED", "1"))

_QUERIES = """
SELECT p.product_data ->> 'product_id', q.query_type, q.query_text, q.is_active
FROM queries q LEFT JOIN products p USING (product_id)
"""
_LEDGER = """
SELECT d.job_id, p.product_data ->> 'product_id', d.digest,
  ARRAY(SELECT q.query_text FROM unnest(d.query_ids) WITH ORDINALITY AS i(id, n) LEFT JOIN queries q
        ON q.query_id = i.id AND q.is_active = (d.digest IS NOT NULL) AND q.product_id = d.product_id ORDER BY n),
  ARRAY(SELECT q.query_text FROM unnest(d.retired_ids) AS i(id) LEFT JOIN queries q
        ON q.query_id = i.id AND NOT q.is_active AND q.product_id = d.product_id ORDER BY 1)
FROM querygen.delivery d JOIN products p USING (product_id) ORDER BY 1, 2
"""
_UNCLAIMED = """
SELECT count(*) FROM queries q FULL JOIN (
  SELECT i.id, count(*) AS times
  FROM querygen.delivery d, unnest(d.query_ids || d.retired_ids || d.hidden_ids) AS i(id) GROUP BY i.id
) AS c ON c.id = q.query_id WHERE q.query_id IS NULL OR c.times IS DISTINCT FROM 1
"""


def outcomes(
    products: int, version: int = 1, *, questions: int = 4, changes: bool = False, prefix: str = "P"
) -> list[Outcome]:
    """Another `version` words every other question differently. changes: the products' content is another one too."""
    made = []
    for number in range(products):
        name = f"{prefix}{number:04}"
        queries = [
            query(f"{name}, question {place}, wording {1 if place % 2 else version}?", query_type=kind)
            for place, kind in zip(range(questions), ("product", "market") * questions, strict=False)
        ]
        one = outcome(*queries, product_id=name, ordinal=number, brand="Tarnholm")
        content = sha256(f"{one.product_key} {version if changes else 1}".encode()).hexdigest()
        made.append(replace(one, content_hash=content, title=f"Product {name}"))
    return made


def sink_to(dsn: str, folder: Path, job: str = "test-job", **options: Any) -> QueriesSink:
    return build_queries(QueriesOptions(dsn=dsn, **options), context(folder, job_id=job))


def eventually(condition: Callable[[], object], patience: float = 60.0) -> bool:
    until = time.monotonic() + patience
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


@contextmanager
def closing(sink: QueriesSink):
    try:
        yield sink
    finally:
        asyncio.run(sink.aclose())


@dataclass
class Delivered:
    """failures: what the sink said before it went on."""

    receipts: list[Receipt] = field(default_factory=list)
    failures: list[SinkError] = field(default_factory=list)

    @property
    def counts(self) -> tuple[int, int, int]:
        """Delivered, unchanged, retired."""
        names = ("delivered", "unchanged", "retired")
        delivered, unchanged, retired = (sum(getattr(one, name) for one in self.receipts) for name in names)
        return delivered, unchanged, retired


def deliver(sink: QueriesSink, wanted: Sequence[Outcome], *, size: int = 200, patience: float = 60) -> Delivered:
    """As the engine does it: batch by batch, the same one again while the sink says that it may heal."""
    done = Delivered()
    until = time.monotonic() + patience
    for start in range(0, len(wanted), size):
        batch = wanted[start : start + size]
        while True:
            try:
                receipts = asyncio.run(sink.apply(batch))
            except SinkError as error:
                if error.kind != "retry" or time.monotonic() > until:
                    raise
                done.failures.append(error)
                time.sleep(0.02)
            else:
                break
        assert [one.product_key for one in receipts] == [one.product_key for one in batch]
        done.receipts += receipts
    for one, receipt in zip(wanted, done.receipts, strict=True):
        assert receipt.error is None, receipt
        assert receipt.delivered + receipt.unchanged == len(one.queries), receipt
    return done


def prepare(database: Database, folder: Path) -> None:
    """Tables and ledger are made."""
    with closing(sink_to(database.dsn, folder)) as sink:
        asyncio.run(sink.database.init())


def without_ledger(database: Database, folder: Path, role: str) -> str:
    """The dsn of a role that may write queries and products but make no schema, so none with a ledger."""
    prepare(database, folder)
    dsn = database.as_role(role)
    database.rows("DROP SCHEMA querygen CASCADE")
    database.rows(f"GRANT SELECT, INSERT, UPDATE ON products, queries, jobselectedproducts TO {role}")
    database.rows(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {role}")
    return dsn


def drop_role(database: Database, role: str) -> None:
    database.rows(f"DROP OWNED BY {role}")
    database.rows(f"DROP ROLE {role}")


def through(dsn: str, port: int) -> str:
    return make_conninfo(dsn, host="127.0.0.1", hostaddr="127.0.0.1", port=port)


def stored(rows: Rows) -> Counter[tuple[str, str, str, bool]]:
    return Counter(rows(_QUERIES))


def ledger(rows: Rows) -> list[tuple[Any, ...]]:
    """By job and product, the rows of `queries` shown by their texts, None for one that is not as it should be."""
    return rows(_LEDGER)


def active(wanted: Iterable[Outcome]) -> Counter[tuple[str, str, str, bool]]:
    return Counter((one.identity[1], each.query_type, each.text, True) for one in wanted for each in one.queries)


def expect(rows: Rows, wanted: Sequence[Outcome]) -> None:
    """Exactly these queries are active, each once; no row is there twice, active or not; no product is."""
    found = stored(rows)
    shown = Counter({row: count for row, count in found.items() if row[3]})
    much, missing = shown - active(wanted), active(wanted) - shown
    assert not much, _some("too much", much)
    assert not missing, _some("missing", missing)
    texts = Counter(row[:3] for row in found.elements())
    doubled = [row for row, count in texts.items() if count > 1]
    assert not doubled, _some("doubled", doubled)
    products = Counter(rows("SELECT product_data ->> 'product_id', product_hash FROM products"))
    assert products == Counter((one.identity[1], one.content_hash) for one in wanted), _some("products", products)


def _some(what: str, found: Iterable[object]) -> str:
    every = sorted(map(str, found))
    return f"{len(every)} {what}: {every[:3]}"


def expect_ledger(rows: Rows, wanted: Sequence[Outcome], job: str = "test-job") -> None:
    """The ledger says what is there, of every row."""
    mine = {row[1]: row[2:] for row in ledger(rows) if row[0] == job}
    for one in wanted:
        digest, texts, retired = mine.pop(one.identity[1])
        assert digest == bytes.fromhex(one.digest), one.product_key
        assert sorted(map(str, texts)) == sorted(each.text for each in one.queries), (one.product_key, texts)
        assert None not in retired, (one.product_key, retired)
    assert not mine, mine
    unclaimed = rows(_UNCLAIMED)
    assert unclaimed == [(0,)], unclaimed


def settle(sink: QueriesSink, rows: Rows, wanted: Sequence[Outcome], *, has_ledger: bool = True) -> None:
    """After any fault: once more brings exactly the outcomes' rows, and a third time finds everything there."""
    deliver(sink, wanted)
    expect(rows, wanted)
    if has_ledger:
        expect_ledger(rows, wanted)
    again = deliver(sink, wanted)
    assert again.counts == (0, sum(len(one.queries) for one in wanted), 0)
    expect(rows, wanted)
