"""Products that have an outcome in the job and are not in the input any more."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from querygen_core.contracts.canonical import digest
from querygen_core.contracts.context import Shard
from querygen_core.contracts.journal import RemovedCount
from querygen_core.contracts.records import Outcome
from querygen_core.journal.codec import OUTCOME_COLUMNS, outcome_checksum, unpack
from querygen_core.journal.manifest import INSERT_OUTCOME, KEEP_PRODUCT, CompletedProduct, Manifest, intact_outcome

_PAGE = 500  # products in one transaction, so that whoever else writes waits for no more

# With `max(seq)` SQLite takes the other columns from that row: the newest outcome, or the one with state `deleted`,
# which is removed as soon as its product is seen again.
_GONE = f"""
SELECT max(seq), {", ".join(OUTCOME_COLUMNS)}, checksum, coalesce(refs, '{{}}') AS refs, coalesce(version, 0) AS version
FROM outcomes o LEFT JOIN products p ON p.key = o.product_key
WHERE product_key > ?2 AND NOT EXISTS (SELECT 1 FROM manifest m WHERE m.run = ?1 AND m.key = o.product_key)
GROUP BY product_key ORDER BY product_key LIMIT {_PAGE}
"""


def count_removed(db: sqlite3.Connection, run: int, shard: Shard) -> RemovedCount:
    gone = sum(row["state"] != "deleted" for row in _all_gone(db, run) if shard.has(row["product_key"]))
    query = "SELECT count(*) FROM manifest WHERE run = ? AND state NOT IN ('rejected', 'duplicate')"
    return RemovedCount(gone=gone, present=db.execute(query, (run,)).fetchone()[0])


def _all_gone(db: sqlite3.Connection, run: int) -> Iterator[sqlite3.Row]:
    after = ""
    while page := db.execute(_GONE, (run, after)).fetchall():
        yield from page
        after = page[-1]["product_key"]


@dataclass(frozen=True, slots=True)
class KnownProduct:
    """A product that sinks may have, on its way to another machine's journal."""

    key: str
    """`source:product_id:locale`."""
    title: str
    """Its title."""
    refs: str
    """`Product.refs` as JSON."""
    version: int
    """`Product.version`."""
    withdrawn: bool
    """Whether it was not in the input."""


def known_products(db: sqlite3.Connection, run: int, after: int) -> list[tuple[int, KnownProduct]]:
    """The next products that this run has, with their ordinals, the largest of which is the next `after`."""
    rows = db.execute(
        "SELECT ordinal, key, title, refs, version, state = 'deleted' FROM manifest WHERE run = ? AND ordinal > ? "
        f"AND state IN ('done', 'short', 'failed', 'deleted') ORDER BY ordinal LIMIT {_PAGE}",
        (run, after),
    )
    return [(row[0], KnownProduct(row[1], row[2], row[3], row[4], bool(row[5]))) for row in rows]


def remember(db: sqlite3.Connection, run: int, products: Iterable[KnownProduct]) -> None:
    """Take over the products of runs on other machines that are neither in this run's input nor known here.

    They have an outcome `elsewhere`, or `deleted`, which is made nothing of but the end of the product.
    """
    for product in products:
        here = (
            "SELECT EXISTS (SELECT 1 FROM manifest WHERE run = ?1 AND key = ?2) "
            "OR EXISTS (SELECT 1 FROM outcomes WHERE product_key = ?2)"
        )
        if db.execute(here, (run, product.key)).fetchone()[0]:
            continue
        outcome = _without_queries(product.key, product.title, 0, product.version)
        row = dict(zip(OUTCOME_COLUMNS, _encoded(outcome), strict=False))
        if not product.withdrawn:
            row |= {"outcome_key": digest({"v": 1, "elsewhere": product.key}), "state": "elsewhere"}
        db.execute(INSERT_OUTCOME, (*(row[name] for name in OUTCOME_COLUMNS), outcome_checksum(row)))
        db.execute(KEEP_PRODUCT, (product.key, product.refs, product.version))


@dataclass(frozen=True, slots=True)
class Page:
    """Where the next page of products begins."""

    after: str
    """The last product key of the page before; "" for the first page."""
    ordinal: int
    """The next that is free."""


def retire_page(db: sqlite3.Connection, manifest: Manifest, shard: Shard, page: Page) -> Page | None:
    """Complete the products of this page that are gone with an outcome `deleted`; return the next page, or None."""
    rows = db.execute(_GONE, (manifest.run, page.after)).fetchall()
    ordinal = page.ordinal
    for row in rows:
        if not shard.has(row["product_key"]):
            continue
        known = row["state"] == "deleted"
        outcome = _deletion(row, ordinal)
        if not known or not intact_outcome(row):
            _store(db, outcome)
        manifest.retire(db, outcome, row["refs"], known=known)
        ordinal += 1
    return Page(rows[-1]["product_key"], ordinal) if rows else None


def _store(db: sqlite3.Connection, outcome: Outcome) -> None:
    db.execute(INSERT_OUTCOME, _encoded(outcome))


def _encoded(outcome: Outcome) -> tuple[Any, ...]:
    completed = CompletedProduct.of(outcome)
    assert completed.outcome is not None  # noqa: S101 - only a dead letter has none
    return completed.outcome


def _deletion(row: sqlite3.Row, ordinal: int) -> Outcome:
    """The outcome of a product that is gone. It has the version of the last one, which a sink may hold."""
    body = unpack(row["body"]) if intact_outcome(row) else {"title": "", "brand": ""}
    outcome = _without_queries(row["product_key"], body["title"], ordinal, row["version"])
    return replace(outcome, brand=body["brand"])


def _without_queries(key: str, title: str, ordinal: int, version: int) -> Outcome:
    return Outcome(
        product_key=key,
        title=title,
        content_hash="",
        outcome_key=digest({"v": 1, "deleted": key}),
        state="deleted",
        queries=(),
        ordinal=ordinal,
        version=version,
    )
