"""Mode B: without a place for a ledger, a row is known by product, type and text. Nothing is ever retired."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from querygen_core.api import Query, Receipt
from querygen_postgres.names import Names
from querygen_postgres.records import Delivery, Placed
from querygen_postgres.rows import draw_ids, insert
from querygen_postgres.session import Cursor

_LOCK = """
SELECT pg_advisory_xact_lock(w.key) FROM (
  SELECT DISTINCT hashtextextended(%s || ' ' || id, 0) AS key FROM unnest(%s::bigint[]) AS i(id) ORDER BY key) AS w
"""
_HELD = """
SELECT product_id, query_type, query_text FROM {queries} WHERE product_id = ANY(%s)
"""

Held = Counter[tuple[int, str, str]]

MOST_PRODUCTS = 100
"""In one transaction: each takes a lock in a table that the server shares out among all its sessions."""


class Plain:
    """Writers of the same product take turns. With no ledger to ask, the rows themselves are read before each write."""

    def __init__(self, names: Names, sequence: str) -> None:
        self._names = names
        self._sequence = sequence

    def unchanged(self, cursor: Cursor, deliveries: Sequence[Delivery]) -> dict[str, Receipt]:
        placed = [(one, one.product_id) for one in deliveries if one.product_id is not None]
        held = self._held(cursor, placed)
        there = [one for one, product_id in placed if not _missing(one, product_id, held)]
        return {one.key: Receipt(product_key=one.key, unchanged=len(one.outcome.queries)) for one in there}

    def write(self, cursor: Cursor, placed: Sequence[Placed]) -> dict[str, Receipt]:
        cursor.execute(_LOCK, (self._names.schema, [product_id for _, product_id in placed]))
        held = self._held(cursor, placed)
        added: list[tuple[int, Query]] = []
        receipts = {}
        for one, product_id in placed:
            missing = _missing(one, product_id, held)
            added += [(product_id, query) for query in missing]
            held.update((product_id, query.query_type, query.text) for query in missing)
            unchanged = len(one.outcome.queries) - len(missing)
            receipts[one.key] = Receipt(product_key=one.key, delivered=len(missing), unchanged=unchanged)
        numbers = draw_ids(cursor, self._sequence, len(added))
        if numbers:
            insert(cursor, self._names, ((number, *row) for number, row in zip(numbers, added, strict=True)))
        return receipts

    def _held(self, cursor: Cursor, placed: Sequence[Placed]) -> Held:
        rows = [product_id for _, product_id in placed]
        return Counter(cursor.execute(self._names.sql(_HELD), (rows,)).fetchall()) if rows else Counter()


def _missing(one: Delivery, product_id: int, held: Held) -> list[Query]:
    """The queries for which there is no row, as often as they are wanted."""
    left: Held = Counter()
    missing = []
    for query in one.outcome.queries:
        row = (product_id, query.query_type, query.text)
        left[row] += 1
        if left[row] > held[row]:
            missing.append(query)
    return missing
