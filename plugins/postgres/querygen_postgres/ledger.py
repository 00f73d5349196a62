"""Mode A: what a job holds is written down beside it, one row for each product, in the same transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any, LiteralString

from querygen_core.api import Receipt
from querygen_postgres.difference import Difference, Holding, Reckoning, Stored
from querygen_postgres.names import Names
from querygen_postgres.products import IS_OURS
from querygen_postgres.records import Delivery, Placed
from querygen_postgres.rows import array, draw_ids, insert
from querygen_postgres.session import Cursor

_HELD: LiteralString = """
SELECT w.key, d.digest, d.product_id,
       d.query_ids = '{{}}' OR EXISTS (
         SELECT FROM {queries} q WHERE q.query_id = d.query_ids[1] AND q.product_id = d.product_id)
"""
_LOOK: LiteralString = f"""
{_HELD}, NULL FROM unnest(%(keys)s::text[]) AS w(key)
JOIN {{delivery}} d ON d.job_id = %(job)s AND d.product_key = w.key
"""
_LOOK_AT_PRODUCTS_TOO: LiteralString = f"""
{_HELD}, CASE WHEN p.product_hash = w.hash OR NOT {IS_OURS} THEN p.product_id END
FROM unnest(%(keys)s::text[], %(hashes)s::text[]) AS w(key, hash)
JOIN {{delivery}} d ON d.job_id = %(job)s AND d.product_key = w.key
LEFT JOIN {{product}} k ON k.product_key = w.key
LEFT JOIN {{products}} p ON p.product_id = k.product_id
"""
"""For products whose row nobody has told: last, it, if it is there and, where it is ours to keep so, up to date."""

_RIVALS = """
SELECT product_id FROM {delivery}
WHERE product_id = ANY(%(products)s) AND job_id <> %(job)s AND digest IS NOT NULL
"""
_CLAIM = """
INSERT INTO {delivery} (job_id, product_key, product_id, digest, query_ids)
SELECT %(job)s, w.key, w.product, w.digest, w.ids::bigint[]
FROM unnest(%(keys)s::text[], %(products)s::bigint[], %(digests)s::bytea[], %(ids)s::text[])
  AS w(key, product, digest, ids)
WHERE NOT EXISTS (SELECT FROM {delivery} d WHERE d.product_id = w.product AND d.job_id = %(job)s)
ORDER BY w.product, w.key
ON CONFLICT DO NOTHING
RETURNING product_key
"""
_TAKE_TURNS = """
SELECT pg_advisory_xact_lock(hashtextextended(%(schema)s, w.turn)) FROM (
  SELECT DISTINCT id %% 64 AS turn FROM unnest(%(products)s::bigint[]) AS i(id) ORDER BY turn) AS w
"""
_EMPTY_CLAIM = """
INSERT INTO {delivery} (job_id, product_key, product_id, query_ids)
SELECT %(job)s, w.key, w.product, '{{}}' FROM unnest(%(keys)s::text[], %(products)s::bigint[]) AS w(key, product)
ORDER BY w.product, w.key
ON CONFLICT DO NOTHING
"""
_PLACES = "SELECT DISTINCT product_id FROM {delivery} WHERE job_id = %(job)s AND product_key = ANY(%(keys)s)"
_BEARING = """
FROM {delivery}
WHERE product_id = ANY(%(all_products)s) AND (job_id = %(job)s OR (%(others)s AND product_id = ANY(%(products)s)))
ORDER BY product_id, job_id, place
"""
_LOCK: LiteralString = f"SELECT 1 {_BEARING} FOR UPDATE"
_READ: LiteralString = f"SELECT job_id, product_key, product_id, place, digest, query_ids, retired_ids {_BEARING}"
_ROWS = """
SELECT query_id, product_id, query_type, query_text, is_active IS TRUE FROM {queries} WHERE query_id = ANY(%s)
"""
_SWITCH = "UPDATE {queries} SET is_active = %s WHERE query_id = ANY(%s)"
_WRITE = """
INSERT INTO {delivery} (job_id, product_key, product_id, place, digest, query_ids, retired_ids)
SELECT w.job, w.key, w.product, w.place, w.digest, w.ids::bigint[], w.retired::bigint[]
FROM unnest(%(jobs)s::text[], %(keys)s::text[], %(products)s::bigint[], %(places)s::int[], %(digests)s::bytea[],
            %(ids)s::text[], %(retired)s::text[]) AS w(job, key, product, place, digest, ids, retired)
ORDER BY w.product, w.job, w.place
ON CONFLICT (job_id, product_key) DO UPDATE SET
  product_id = excluded.product_id, place = excluded.place, digest = excluded.digest,
  query_ids = excluded.query_ids, retired_ids = excluded.retired_ids, delivered_at = excluded.delivered_at
"""


class Ledger:
    """Writers of the same product take turns at its row of the ledger, which they reach in the same order.

    deactivate_others: rows of other jobs for the same product are retired, and those jobs' ledger says so.
    """

    def __init__(self, names: Names, job_id: str, sequence: str, *, deactivate_others: bool) -> None:
        self._names = names
        self._job_id = job_id
        self._sequence = sequence
        self._deactivates = deactivate_others

    def unchanged(self, cursor: Cursor, deliveries: Sequence[Delivery]) -> dict[str, Receipt]:
        """Receipts for what is there as it should be."""
        wanted = {one.key: one for one in deliveries}
        hashes = [one.outcome.content_hash for one in wanted.values()]
        values: dict[str, Any] = {"keys": list(wanted), "hashes": hashes, "job": self._job_id}
        all_told = all(one.product_id is not None for one in deliveries)
        found = cursor.execute(self._names.sql(_LOOK if all_told else _LOOK_AT_PRODUCTS_TOO), values).fetchall()
        held = {
            key: product_id
            for key, digest, product_id, alive, known in found
            if alive and digest == wanted[key].digest and product_id == (wanted[key].product_id or known)
        }
        if self._deactivates and held:
            values["products"] = list(held.values())
            rivals = {row[0] for row in cursor.execute(self._names.sql(_RIVALS), values)}
            held = {key: product_id for key, product_id in held.items() if product_id not in rivals}
        return {key: Receipt(product_key=key, unchanged=len(wanted[key].outcome.queries)) for key in held}

    def write(self, cursor: Cursor, placed: Sequence[Placed]) -> dict[str, Receipt]:
        """Make what the job holds for these products equal to their outcomes."""
        claimed = {} if self._deactivates else self._claim(cursor, placed)
        rest = [one for one in placed if one[0].key not in claimed]
        return {**claimed, **(self._reconcile(cursor, rest) if rest else {})}

    def _claim(self, cursor: Cursor, placed: Sequence[Placed]) -> dict[str, Receipt]:
        """The quick way for products that the job holds nothing of: whoever has its row in the ledger may write."""
        drawn = iter(draw_ids(cursor, self._sequence, sum(len(one.outcome.queries) for one, _ in placed)))
        ids = [list(islice(drawn, len(one.outcome.queries))) for one, _ in placed]
        values = {
            "job": self._job_id,
            "keys": [one.key for one, _ in placed],
            "products": [product_id for _, product_id in placed],
            "digests": [one.digest for one, _ in placed],
            "ids": list(map(array, ids)),
        }
        won = {key for (key,) in cursor.execute(self._names.sql(_CLAIM), values)}
        mine = [(*one, numbers) for one, numbers in zip(placed, ids, strict=True) if one[0].key in won]
        insert(
            cursor,
            self._names,
            (
                (number, product_id, query)
                for one, product_id, numbers in mine
                for number, query in zip(numbers, one.outcome.queries, strict=True)
            ),
        )
        return {one.key: Receipt(product_key=one.key, delivered=len(one.outcome.queries)) for one, _, _ in mine}

    def _reconcile(self, cursor: Cursor, placed: Sequence[Placed]) -> dict[str, Receipt]:
        holdings = self._lock(cursor, placed)
        mine = [holding for holding in holdings if holding.job_id == self._job_id]
        others = [holding for holding in holdings if holding.job_id != self._job_id and holding.digest is not None]
        reckoning = Reckoning(mine, self._stored(cursor, mine))
        receipts = {}
        for one, product_id in placed:
            count = reckoning.settle(one.outcome, one.digest, product_id, self._job_id)
            receipts[one.key] = Receipt(
                product_key=one.key, delivered=count.delivered, unchanged=count.unchanged, retired=count.retired
            )
        self._displace(cursor, others)
        self._carry_out(cursor, reckoning.difference)
        return receipts

    def _lock(self, cursor: Cursor, placed: Sequence[Placed]) -> list[Holding]:
        """All that bears on these products: what the job holds for them, and for whatever shares their rows.

        Read by a statement of its own, after the locks: what another writer added meanwhile is seen by no earlier one.
        """
        products = [product_id for _, product_id in placed]
        values: dict[str, Any] = {
            "job": self._job_id,
            "keys": [one.key for one, _ in placed],
            "products": products,
            "others": self._deactivates,
        }
        if self._deactivates:  # another job's first row, not committed yet, could be neither seen nor waited for
            turns = {"schema": f"querygen turns {self._names.schema}", "products": products}
            cursor.execute(_TAKE_TURNS, turns)
        cursor.execute(self._names.sql(_EMPTY_CLAIM), values)
        left = [product_id for (product_id,) in cursor.execute(self._names.sql(_PLACES), values)]
        values["all_products"] = sorted({*products, *left})
        cursor.execute(self._names.sql(_LOCK), values)
        return [Holding(*row) for row in cursor.execute(self._names.sql(_READ), values)]

    def _stored(self, cursor: Cursor, holdings: Iterable[Holding]) -> dict[int, Stored]:
        ids = [number for one in holdings for number in (*one.query_ids, *one.retired_ids)]
        if not ids:
            return {}
        return {row[0]: Stored(*row[1:]) for row in cursor.execute(self._names.sql(_ROWS), (ids,))}

    def _carry_out(self, cursor: Cursor, difference: Difference) -> None:
        drawn = draw_ids(cursor, self._sequence, len(difference.add))
        numbers = dict(zip(difference.add, drawn, strict=True))

        def final(ids: Iterable[int]) -> list[int]:
            return [numbers.get(number, number) for number in ids]

        for holding in difference.holdings.values():
            holding.query_ids, holding.retired_ids = final(holding.query_ids), final(holding.retired_ids)
        self._record(cursor, list(difference.holdings.values()))
        if numbers:
            insert(cursor, self._names, ((numbers[number], *row) for number, row in difference.add.items()))
        for active, ids in ((True, difference.show), (False, difference.retire)):
            if ids:
                cursor.execute(self._names.sql(_SWITCH), (active, sorted(final(ids))))

    def _displace(self, cursor: Cursor, others: Sequence[Holding]) -> None:
        """Their jobs find a digest that fits nothing, and so put their rows back when they run again."""
        if not others:
            return
        cursor.execute(self._names.sql(_SWITCH), (False, sorted({n for other in others for n in other.query_ids})))
        for other in others:
            other.retired_ids += other.query_ids
            other.query_ids, other.digest = [], None
        self._record(cursor, others)

    def _record(self, cursor: Cursor, holdings: Sequence[Holding]) -> None:
        values = {
            "jobs": [one.job_id for one in holdings],
            "keys": [one.product_key for one in holdings],
            "products": [one.product_id for one in holdings],
            "places": [one.place for one in holdings],
            "digests": [one.digest for one in holdings],
            "ids": [array(one.query_ids) for one in holdings],
            "retired": [array(one.retired_ids) for one in holdings],
        }
        cursor.execute(self._names.sql(_WRITE), values)
