"""The store in a sample: queries of a type of which a product shows none are added, and nothing else changes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import replace

from querygen_core.api import Query, Receipt
from querygen_postgres.ledger import Ledger
from querygen_postgres.ledgerless import Ledgerless
from querygen_postgres.names import TableNames
from querygen_postgres.records import Located, ProductRows
from querygen_postgres.session import Cursor

_SHOWN = """
SELECT DISTINCT product_id, query_type::text FROM {queries} WHERE product_id = ANY(%s::bigint[]) AND is_active
"""
_OWN = """
SELECT d.product_key, q.query_type::text, q.query_text::text
FROM {delivery} d CROSS JOIN LATERAL unnest(d.query_ids) WITH ORDINALITY AS i(id, place)
JOIN {queries} q ON q.query_id = i.id AND q.product_id = d.product_id
WHERE d.job_id = %s AND d.product_key = ANY(%s) ORDER BY d.product_key, i.place
"""


class SampleStore:
    """store: one that deactivates no rows of other jobs. job_id: of the ledger's rows; None without a ledger."""

    def __init__(self, names: TableNames, store: Ledger | Ledgerless, job_id: str | None) -> None:
        self._names = names
        self._store = store
        self._job_id = job_id

    def unchanged(self, cursor: Cursor, deliveries: Sequence[ProductRows]) -> dict[str, Receipt]:
        return self._store.unchanged(cursor, deliveries)

    def write(self, cursor: Cursor, located: Sequence[Located]) -> dict[str, Receipt]:
        """Add the queries of types of which the product has no active row, whoever wrote it; hold back the others."""
        self._store.lock(cursor, {product_id for _, product_id in located if product_id is not None})
        shown = self._shown(cursor, [product_id for _, product_id in located])
        own = self._own(cursor, [delivery.key for delivery, _ in located])
        receipts: dict[str, Receipt] = {}
        additions: list[Located] = []
        kept: dict[str, int] = {}
        for delivery, product_id in located:
            queries = delivery.outcome.queries
            free = [query for query in queries if query.query_type not in shown[product_id]]
            receipts[delivery.key] = Receipt(product_key=delivery.key, held=len(queries) - len(free))
            if free:
                addition, kept[delivery.key] = _addition(delivery, free, own[delivery.key])
                additions.append((addition, product_id))
        for key, written in (self._store.write(cursor, additions) if additions else {}).items():
            counts = replace(written, unchanged=written.unchanged - kept[key]) if written.error is None else written
            receipts[key] = replace(counts, held=receipts[key].held)
        return receipts

    def _shown(self, cursor: Cursor, products: Collection[int | None]) -> dict[int | None, set[str]]:
        """The types of which a row of `products` has active queries."""
        types: dict[int | None, set[str]] = defaultdict(set)
        ids = sorted(product_id for product_id in products if product_id is not None)
        for product_id, query_type in cursor.execute(self._names.sql(_SHOWN), (ids,)):
            types[product_id].add(query_type)
        return types

    def _own(self, cursor: Cursor, keys: list[str]) -> dict[str, list[Query]]:
        """The queries that this job has delivered for each product."""
        queries: dict[str, list[Query]] = defaultdict(list)
        if self._job_id is not None:
            for key, query_type, text in cursor.execute(self._names.sql(_OWN), (self._job_id, keys)):
                queries[key].append(Query(text=text, query_type=query_type))
        return queries


def _addition(delivery: ProductRows, free: Sequence[Query], own: Sequence[Query]) -> tuple[ProductRows, int]:
    """The outcome to store so that the job's rows of other types stay, and the number of these."""
    types = {query.query_type for query in free}
    kept = [query for query in own if query.query_type not in types]
    outcome = replace(delivery.outcome, queries=(*kept, *free))
    return replace(delivery, outcome=outcome, digest=bytes.fromhex(outcome.digest)), len(kept)
