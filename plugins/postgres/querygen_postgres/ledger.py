"""The store with a ledger: the transaction that writes rows of `queries` also records whose they are.

Whoever changes rows of a product first locks the product's row in `product_lock`, in the order of ids, so that writers
cannot deadlock. What the ledger says is compared with the rows that are there: rows that have been deleted or changed
are written again, and rows that no ledger row names are adopted.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import Any, LiteralString

from querygen_core.api import Receipt
from querygen_postgres.displacement import Displacement
from querygen_postgres.names import TableNames
from querygen_postgres.products import IS_OURS
from querygen_postgres.reconcile import Changes, LedgerRow, QueryRow, Reconciler
from querygen_postgres.records import Located, ProductRows
from querygen_postgres.rows import RowWriter, array_literal
from querygen_postgres.session import Cursor

# By the rule of `Outcome.digest`: the number of texts, a line break, then type and text of each query in their order,
# with NUL between them.
_STORED: LiteralString = """
CROSS JOIN LATERAL (
  SELECT sha256(convert_to((2 * count(*))::text || chr(10), 'UTF8') || coalesce(string_agg(
    convert_to(q.query_type::text, 'UTF8') || decode('00', 'hex') || convert_to(q.query_text::text, 'UTF8'),
    decode('00', 'hex') ORDER BY array_position(d.query_ids, q.query_id::bigint)), '')) = w.digest AS is_equal
  FROM {queries} q
  WHERE d.digest = w.digest AND q.query_id = ANY(d.query_ids) AND q.product_id = d.product_id
) AS stored
"""
"""Whether the rows that the ledger names are there, and are the outcome's. Whether they are active is not compared: a
row that somebody else has deactivated stays so."""

_OTHERS: LiteralString = """
ARRAY(
  SELECT DISTINCT q.query_type::text FROM {delivery} o CROSS JOIN LATERAL unnest(o.query_ids) AS i(id)
  JOIN {queries} q ON q.query_id = i.id AND q.product_id = o.product_id
  WHERE %(others)s AND o.product_key = w.key AND o.job_id <> %(job)s AND o.query_ids <> '{{}}' AND q.is_active
)
"""
"""The types of which other jobs have active rows for the product, if these are to be deactivated."""

# OFFSET 0, so that each row is looked up by its key, even if the server does not know yet how many rows a job has.
_ENTRY: LiteralString = """
CROSS JOIN LATERAL (
  SELECT * FROM {delivery} d WHERE d.product_key = w.key AND d.job_id = %(job)s OFFSET 0
) AS d
"""
_FIND: LiteralString = f"""
SELECT w.key, d.version, d.product_id, d.digest = w.digest AND stored.is_equal, NULL, {_OTHERS}
FROM unnest(%(keys)s::text[], %(digests)s::bytea[]) AS w(key, digest)
{_ENTRY}
{_STORED}
"""  # noqa: S608 - all parts are constants
_FIND_WITH_PRODUCTS: LiteralString = f"""
SELECT w.key, d.version, d.product_id, d.digest = w.digest AND stored.is_equal,
       CASE WHEN p.product_hash = w.hash OR NOT {IS_OURS} THEN p.product_id END, {_OTHERS}
FROM unnest(%(keys)s::text[], %(digests)s::bytea[], %(hashes)s::text[]) AS w(key, digest, hash)
{_ENTRY}
LEFT JOIN LATERAL (SELECT * FROM {{product}} k WHERE k.product_key = w.key OFFSET 0) AS k ON true
LEFT JOIN LATERAL (SELECT * FROM {{products}} p WHERE p.product_id = k.product_id OFFSET 0) AS p ON true
{_STORED}
"""  # noqa: S608 - all parts are constants
"""For outcomes that do not know their row of `products`. The fifth column is that row's id; NULL if there is none, or
if querygen wrote it and its content is out of date."""

# One statement that adds the row or locks the one that is there: the condition is never true, so nothing is changed.
_LOCK_PRODUCTS = """
INSERT INTO {product_lock} (product_id) SELECT DISTINCT unnest(%(products)s::bigint[]) AS id ORDER BY id
ON CONFLICT (product_id) DO UPDATE SET product_id = excluded.product_id WHERE false
"""
# Only where nothing is known of the product and it has no rows: everything else takes a comparison. Of products that
# share a row of `products` the first is taken. Ids of the new rows have to be known for the ledger row.
_CLAIM = """
INSERT INTO {delivery} (job_id, product_key, product_id, version, digest, query_ids)
SELECT %(job)s, w.key, w.product, w.version, w.digest,
       ARRAY(SELECT nextval(%(sequence)s::regclass) FROM generate_series(1, w.queries))
FROM (
  SELECT DISTINCT ON (w.product) w.*
  FROM unnest(%(keys)s::text[], %(products)s::bigint[], %(versions)s::bigint[], %(digests)s::bytea[],
              %(queries)s::int[]) AS w(key, product, version, digest, queries)
  WHERE w.product IS NOT NULL ORDER BY w.product, w.key
) AS w
WHERE NOT EXISTS (SELECT FROM {delivery} d WHERE d.product_id = w.product)
  AND NOT EXISTS (SELECT FROM {delivery} d WHERE d.product_key = w.key)
  AND NOT EXISTS (SELECT FROM {queries} q WHERE q.product_id = w.product)
ON CONFLICT DO NOTHING
RETURNING product_key, query_ids
"""
_READ = """
SELECT job_id, product_key, product_id, version, digest, query_ids, retired_ids, hidden_ids FROM {delivery}
WHERE (product_key = ANY(%(keys)s) OR product_id = ANY(%(products)s::bigint[]))
  AND (job_id = %(job)s OR (%(others)s AND query_ids <> '{{}}'))
ORDER BY product_id, job_id, product_key
"""
# All rows of these products but those that another job's ledger rows name.
_ROWS_OF_PRODUCTS = """
WITH claimed AS MATERIALIZED (
  SELECT unnest(d.query_ids || d.retired_ids || d.hidden_ids) AS id FROM {delivery} d
  WHERE d.product_id = ANY(%(products)s::bigint[]) AND d.job_id <> %(job)s
)
SELECT q.query_id, q.product_id, q.query_type::text, q.query_text::text, q.is_active IS TRUE FROM {queries} q
WHERE q.product_id = ANY(%(products)s::bigint[]) AND NOT EXISTS (SELECT FROM claimed c WHERE c.id = q.query_id)
"""
# Rows that are another product's by now: moved there by hand, unless a ledger row says that they belong there. (Their
# ids may have been given away again, if `queries` was restored from a backup that is older than the ledger.)
_ROWS_ELSEWHERE = """
SELECT q.query_id, q.product_id, q.query_type::text, q.query_text::text, q.is_active IS TRUE FROM {queries} q
WHERE q.query_id = ANY(%(ids)s::bigint[]) AND q.product_id <> ALL(%(products)s::bigint[])
  AND NOT EXISTS (SELECT FROM {delivery} d WHERE d.product_id = q.product_id AND q.query_id = ANY(d.query_ids))
"""
# Their texts do not matter.
_ROWS_OF_OTHERS = """
SELECT query_id, product_id, query_type::text, '', is_active IS TRUE FROM {queries}
WHERE query_id = ANY(%(ids)s::bigint[])
"""
_SET_ACTIVE = "UPDATE {queries} SET is_active = %s WHERE query_id = ANY(%s)"
_WRITE = """
INSERT INTO {delivery} (job_id, product_key, product_id, version, digest, query_ids, retired_ids, hidden_ids)
SELECT w.job, w.key, w.product, w.version, w.digest, w.ids::bigint[], w.retired::bigint[], w.hidden::bigint[]
FROM unnest(%(jobs)s::text[], %(keys)s::text[], %(products)s::bigint[], %(versions)s::bigint[], %(digests)s::bytea[],
            %(ids)s::text[], %(retired)s::text[], %(hidden)s::text[])
  AS w(job, key, product, version, digest, ids, retired, hidden)
ON CONFLICT (product_key, job_id) DO UPDATE SET
  product_id = excluded.product_id, version = excluded.version, digest = excluded.digest,
  query_ids = excluded.query_ids, retired_ids = excluded.retired_ids, hidden_ids = excluded.hidden_ids,
  delivered_at = excluded.delivered_at
"""


class Ledger:
    """deactivate_others: rows of other jobs for the same product and type are deactivated, and those jobs' ledger rows
    say so.
    """

    def __init__(self, names: TableNames, job_id: str, writer: RowWriter, *, deactivate_others: bool) -> None:
        self._names = names
        self._job_id = job_id
        self._writer = writer
        self._deactivates = deactivate_others

    def unchanged(self, cursor: Cursor, deliveries: Sequence[ProductRows]) -> dict[str, Receipt]:
        """Receipts for the outcomes that are stored already or too old, by product key. Takes no locks."""
        by_key = {delivery.key: delivery for delivery in deliveries}
        values: dict[str, Any] = {
            "keys": list(by_key),
            "digests": [delivery.digest for delivery in by_key.values()],
            "hashes": [delivery.outcome.content_hash for delivery in by_key.values()],
            "job": self._job_id,
            "others": self._deactivates,
        }
        all_located = all(delivery.product_id is not None or delivery.is_deleted for delivery in deliveries)
        receipts = {}
        find = self._names.sql(_FIND if all_located else _FIND_WITH_PRODUCTS)
        for key, version, product_id, is_equal, current_id, others_types in cursor.execute(find, values):
            delivery = by_key[key]
            is_in_place = delivery.is_deleted or product_id == (delivery.product_id or current_id)
            is_current = is_equal and is_in_place and version == delivery.outcome.version
            if version > delivery.outcome.version:
                receipts[key] = _too_old(delivery, version)
            elif is_current and not delivery.has_any(others_types):
                receipts[key] = Receipt(product_key=key, unchanged=len(delivery.outcome.queries))
        return receipts

    def write(self, cursor: Cursor, located: Sequence[Located]) -> dict[str, Receipt]:
        """Make the job's rows for these products equal to their outcomes. Receipts by product key."""
        products = {product_id for _, product_id in located if product_id is not None}
        self.lock(cursor, products)
        claimed = self._claim(cursor, located)
        rest = [(delivery, product_id) for delivery, product_id in located if delivery.key not in claimed]
        return {**claimed, **(self._reconcile(cursor, rest) if rest else {})}

    def lock(self, cursor: Cursor, products: Collection[int]) -> None:
        """Let no other writer change rows of these products, by id, until the transaction has ended."""
        if products:
            cursor.execute(self._names.sql(_LOCK_PRODUCTS), {"products": sorted(products)})

    def _claim(self, cursor: Cursor, located: Sequence[Located]) -> dict[str, Receipt]:
        """The fast path for products that nothing is known of: the ledger row and the rows are just added."""
        values = {
            "job": self._job_id,
            "sequence": self._writer.sequence,
            "keys": [item.key for item, _ in located],
            "products": [product_id for _, product_id in located],
            "versions": [item.outcome.version for item, _ in located],
            "digests": [item.digest for item, _ in located],
            "queries": [len(item.outcome.queries) for item, _ in located],
        }
        ids = dict(cursor.execute(self._names.sql(_CLAIM), values).fetchall())
        mine = [(item, product_id) for item, product_id in located if item.key in ids and product_id is not None]
        rows = [
            (query_id, product_id, query)
            for item, product_id in mine
            for query_id, query in zip(ids[item.key], item.outcome.queries, strict=True)
        ]
        self._writer.add(cursor, rows)
        return {item.key: Receipt(product_key=item.key, delivered=len(item.outcome.queries)) for item, _ in mine}

    def _reconcile(self, cursor: Cursor, located: Sequence[Located]) -> dict[str, Receipt]:
        ledger_rows, products = self._read_locked(cursor, located)
        mine = [row for row in ledger_rows if row.job_id == self._job_id]
        others = [row for row in ledger_rows if row.job_id != self._job_id]
        reconciler = Reconciler(mine, self._query_rows(cursor, mine, products))
        displacement = Displacement(others, self._rows_of_others(cursor, others))
        receipts = {}
        for delivery, product_id in located:
            held = reconciler.held_version(delivery.key)
            if held > delivery.outcome.version:
                receipts[delivery.key] = _too_old(delivery, held)
                continue
            counts = reconciler.reconcile(delivery.outcome, delivery.digest, product_id, self._job_id)
            displacement.displace(delivery.outcome)
            receipts[delivery.key] = Receipt(
                product_key=delivery.key,
                delivered=counts.delivered,
                unchanged=counts.unchanged,
                retired=counts.retired,
            )
        deactivated = displacement.deactivated()
        self._record(cursor, displacement.changed.values())
        self._set_active(cursor, active=False, ids=(query_id for ids in deactivated.values() for query_id in ids))
        self._apply(cursor, reconciler.changes)
        return {key: replace(receipt, displaced=len(deactivated.get(key, ()))) for key, receipt in receipts.items()}

    def _read_locked(self, cursor: Cursor, located: Sequence[Located]) -> tuple[list[LedgerRow], list[int]]:
        """The ledger rows that may change: the job's for these products and for all that share their rows of
        `products`, and other jobs' if these are deactivated. And the rows of `products` that are locked for it.

        A ledger row may say that another row of `products` stood for the product until now. Then that one is locked
        too, and all is read again.
        """
        locked = {product_id for _, product_id in located if product_id is not None}
        values: dict[str, Any] = {
            "job": self._job_id,
            "keys": [delivery.key for delivery, _ in located],
            "others": self._deactivates,
        }
        while True:
            values["products"] = sorted(locked)
            ledger_rows = [LedgerRow(*row) for row in cursor.execute(self._names.sql(_READ), values)]
            further = {row.product_id for row in ledger_rows if row.product_id is not None} - locked
            if not further:
                return ledger_rows, values["products"]
            self.lock(cursor, further)
            locked |= further

    def _query_rows(self, cursor: Cursor, mine: Iterable[LedgerRow], products: list[int]) -> dict[int, QueryRow]:
        """The job's rows by id, and those of these products that no job's ledger row names."""
        values: dict[str, Any] = {"job": self._job_id, "products": products}
        rows = {row[0]: QueryRow(*row[1:]) for row in cursor.execute(self._names.sql(_ROWS_OF_PRODUCTS), values)}
        values["ids"] = [query_id for row in mine for query_id in row.all_ids if query_id not in rows]
        if values["ids"]:
            elsewhere = cursor.execute(self._names.sql(_ROWS_ELSEWHERE), values)
            rows.update((row[0], QueryRow(*row[1:])) for row in elsewhere)
        return rows

    def _rows_of_others(self, cursor: Cursor, ledger_rows: Iterable[LedgerRow]) -> dict[int, QueryRow]:
        ids = [query_id for row in ledger_rows for query_id in row.query_ids]
        if not ids:
            return {}
        return {row[0]: QueryRow(*row[1:]) for row in cursor.execute(self._names.sql(_ROWS_OF_OTHERS), {"ids": ids})}

    def _apply(self, cursor: Cursor, changes: Changes) -> None:
        """Replace the placeholder ids of new rows by real ones, and write everything."""
        real_ids = dict(zip(changes.add, self._writer.allocate_ids(cursor, len(changes.add)), strict=True))

        def resolved(ids: Iterable[int]) -> list[int]:
            return [real_ids.get(query_id, query_id) for query_id in ids]

        for row in changes.ledger_rows.values():
            row.query_ids, row.retired_ids = resolved(row.query_ids), resolved(row.retired_ids)
        self._record(cursor, changes.ledger_rows.values())
        self._writer.add(cursor, [(real_ids[placeholder], *row) for placeholder, row in changes.add.items()])
        self._set_active(cursor, active=True, ids=resolved(changes.activate))
        self._set_active(cursor, active=False, ids=resolved(changes.retire))

    def _set_active(self, cursor: Cursor, *, active: bool, ids: Iterable[int]) -> None:
        if chosen := sorted(ids):
            cursor.execute(self._names.sql(_SET_ACTIVE), (active, chosen))

    def _record(self, cursor: Cursor, changed: Collection[LedgerRow]) -> None:
        if not changed:
            return
        values = {
            "jobs": [row.job_id for row in changed],
            "keys": [row.product_key for row in changed],
            "products": [row.product_id for row in changed],
            "versions": [row.version for row in changed],
            "digests": [row.digest for row in changed],
            "ids": [array_literal(row.query_ids) for row in changed],
            "retired": [array_literal(row.retired_ids) for row in changed],
            "hidden": [array_literal(row.hidden_ids) for row in changed],
        }
        cursor.execute(self._names.sql(_WRITE), values)


def _too_old(delivery: ProductRows, held: int) -> Receipt:
    error = f"version {delivery.outcome.version} of the product is older than version {held}, which is stored"
    return Receipt(product_key=delivery.key, error=error)
