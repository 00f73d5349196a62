"""The store without a ledger: a row is identified by product, type and text, and none is ever deactivated."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

from querygen_core.api import Query, Receipt
from querygen_postgres.names import TableNames
from querygen_postgres.records import Located, ProductRows
from querygen_postgres.rows import RowWriter
from querygen_postgres.session import Cursor

# Sorted, so that two writers of the same products cannot wait for each other.
_LOCK = """
SELECT pg_advisory_xact_lock(w.key) FROM (
  SELECT DISTINCT hashtextextended(%s || ' ' || id, 0) AS key FROM unnest(%s::bigint[]) AS i(id) ORDER BY key) AS w
"""
_STORED = """
SELECT product_id, query_type::text, query_text::text FROM {queries} WHERE product_id = ANY(%s)
"""

Rows = Counter[tuple[int | None, str, str]]
"""How many rows of `queries` there are for each product_id, query_type and query_text."""

MAX_PRODUCTS = 100
"""In one transaction: each takes an advisory lock, and the server's table of locks is shared by all its sessions."""


class Ledgerless:
    """Writers of a product take its advisory lock, then compare with the rows that exist.

    An inactive row counts as existing. Versions are not kept, so that none is refused.
    """

    def __init__(self, names: TableNames, writer: RowWriter) -> None:
        self._names = names
        self._writer = writer

    def unchanged(self, cursor: Cursor, deliveries: Sequence[ProductRows]) -> dict[str, Receipt]:
        """Receipts for the outcomes that are stored already, by product key. Takes no locks."""
        located = [(item, item.product_id) for item in deliveries if item.product_id is not None or item.is_deleted]
        stored = self._stored(cursor, located)
        complete = [delivery for delivery, product_id in located if not _missing(delivery, product_id, stored)]
        return {item.key: Receipt(product_key=item.key, unchanged=len(item.outcome.queries)) for item in complete}

    def lock(self, cursor: Cursor, products: Collection[int]) -> None:
        """Let no other writer change rows of these products, by id, until the transaction has ended."""
        cursor.execute(_LOCK, (self._names.schema, list(products)))

    def write(self, cursor: Cursor, located: Sequence[Located]) -> dict[str, Receipt]:
        """Add the rows that are missing. Receipts by product key."""
        self.lock(cursor, _products(located))
        stored = self._stored(cursor, located)
        added: list[tuple[int, Query]] = []
        receipts = {}
        for delivery, product_id in located:
            if product_id is None:  # a deleted product that has no rows
                receipts[delivery.key] = Receipt(product_key=delivery.key)
                continue
            missing = _missing(delivery, product_id, stored)
            added += [(product_id, query) for query in missing]
            # Products that share a row of `products` share its queries: the next one need not add these again.
            stored.update((product_id, query.query_type, query.text) for query in missing)
            unchanged = len(delivery.outcome.queries) - len(missing)
            receipts[delivery.key] = Receipt(product_key=delivery.key, delivered=len(missing), unchanged=unchanged)
        new_ids = self._writer.allocate_ids(cursor, len(added))
        self._writer.add(cursor, [(query_id, *row) for query_id, row in zip(new_ids, added, strict=True)])
        return receipts

    def _stored(self, cursor: Cursor, located: Sequence[Located]) -> Rows:
        products = _products(located)
        if not products:
            return Counter()
        return Counter(cursor.execute(self._names.sql(_STORED), (products,)).fetchall())


def _products(located: Sequence[Located]) -> list[int]:
    return [product_id for _, product_id in located if product_id is not None]


def _missing(delivery: ProductRows, product_id: int | None, stored: Rows) -> list[Query]:
    """The queries that have no row. A text that the outcome has twice needs two rows."""
    needed: Rows = Counter()
    missing = []
    for query in delivery.outcome.queries:
        row = (product_id, query.query_type, query.text)
        needed[row] += 1
        if needed[row] > stored[row]:
            missing.append(query)
    return missing
