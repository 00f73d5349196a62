"""The table `products`: which row stands for a product, and making it if there is none."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, LiteralString

from querygen_postgres.names import Names
from querygen_postgres.session import Cursor

_OWN_ID: LiteralString = "coalesce(p.product_data ->> 'product_id', p.product_data ->> 'id', p.product_data ->> 'sku')"
_TITLE: LiteralString = "md5(lower(coalesce(p.product_data ->> 'title', p.product_data ->> 'name')))"
_BRAND: LiteralString = "lower(coalesce(nullif(p.brand_name, ''), p.product_data ->> 'brand', ''))"
IS_OURS: LiteralString = "p.product_data ?& ARRAY['source', 'product_id', 'locale']"
"""A row that querygen wrote says of which product it is."""

_WANTED: LiteralString = """
FROM unnest(%(keys)s::text[], %(sources)s::text[], %(ids)s::text[], %(locales)s::text[], %(hashes)s::text[],
            %(titles)s::text[], %(brands)s::text[]) AS w(key, source, id, locale, hash, title, brand)
"""
_FOUND: LiteralString = f"SELECT w.key, p.product_id, p.product_hash IS NOT DISTINCT FROM w.hash {_WANTED}"  # noqa: S608
_SELECTED: LiteralString = "JOIN {jobselectedproducts} j ON j.product_id = p.product_id AND j.job_id = %(job)s"

_BY_HASH: LiteralString = "JOIN {products} p ON p.product_hash = w.hash"
_BY_KEY: LiteralString = "JOIN {product} m ON m.product_key = w.key JOIN {products} p ON p.product_id = m.product_id"
_BY_ID: LiteralString = f"""
JOIN {{products}} p ON {_OWN_ID} = w.id AND (NOT {IS_OURS}
  OR (p.product_data ->> 'source' = w.source AND p.product_data ->> 'locale' = w.locale))
"""
_BY_TITLE: LiteralString = f"""
JOIN {{products}} p ON {_TITLE} = md5(lower(w.title)) AND {_BRAND} = lower(w.brand) AND NOT {IS_OURS}
"""
_NOBODYS: LiteralString = " AND NOT EXISTS (SELECT FROM {product} m WHERE m.product_id = p.product_id)"

_ADD = """
INSERT INTO {products} (product_data, brand_name, product_hash)
SELECT DISTINCT ON (w.hash) w.data, w.brand, w.hash
FROM unnest(%(data)s::jsonb[], %(brands)s::text[], %(hashes)s::text[]) AS w(data, brand, hash)
ORDER BY w.hash
ON CONFLICT DO NOTHING
"""
_NEW: LiteralString = """
FROM unnest(%(rows)s::bigint[], %(sources)s::text[], %(ids)s::text[], %(locales)s::text[], %(data)s::jsonb[],
            %(brands)s::text[], %(hashes)s::text[]) AS w(row, source, id, locale, data, brand, hash)
"""
_CHANGED: LiteralString = f"""
WHERE p.product_id = w.row AND (p.product_data IS DISTINCT FROM w.data OR p.product_hash IS DISTINCT FROM w.hash)
  AND {IS_OURS} AND {_OWN_ID} = w.id
  AND p.product_data ->> 'source' = w.source AND p.product_data ->> 'locale' = w.locale
"""
_LOCK_CHANGED: LiteralString = (
    f"SELECT p.product_id {_NEW}, {{products}} p {_CHANGED} ORDER BY p.product_id FOR UPDATE OF p"
)
"""Many writers reach the rows in the same order, so none waits for one that waits for it."""

_CHANGE: LiteralString = (
    f"UPDATE {{products}} p SET product_data = w.data, brand_name = w.brand, product_hash = w.hash {_NEW} {_CHANGED}"  # noqa: S608
)
_KEYS = "SELECT product_key, product_id FROM {product} WHERE product_id = ANY(%s) OR product_key = ANY(%s)"
_REMEMBER = """
INSERT INTO {product} (product_key, product_id)
SELECT w.key, w.id FROM unnest(%(keys)s::text[], %(rows)s::bigint[]) AS w(key, id)
ORDER BY w.key
ON CONFLICT (product_key) DO UPDATE SET product_id = excluded.product_id
"""
_TAKE_TURNS = "SELECT pg_advisory_xact_lock(hashtextextended('querygen selection ' || %(job)s::text, 0))"
_SELECT = """
INSERT INTO {jobselectedproducts} (job_id, product_id, selected_at)
SELECT %(new_job)s, w.id, now() FROM (SELECT DISTINCT unnest(%(products)s::bigint[]) AS id) AS w
WHERE NOT EXISTS (SELECT FROM {jobselectedproducts} j WHERE j.job_id = %(job)s AND j.product_id = w.id)
ORDER BY w.id
ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A product that looks for its row. data: what a new row would hold of it."""

    key: str
    source: str
    product_id: str
    locale: str
    content_hash: str
    title: str
    brand: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Found:
    """same: the row's hash is the product's, so nothing has changed. clear: False if several rows would do."""

    product_id: int
    same: bool
    clear: bool = True


class ProductTable:
    """keyed: whether querygen's own table of keys is there. selected_for: look among this job's selection only.

    Without the table of keys a product is still found by the id in `product_data`.
    """

    def __init__(self, names: Names, *, keyed: bool, selected_for: str | None = None) -> None:
        self._names = names
        self._keyed = keyed
        self._selected_for = selected_for

    def find(self, cursor: Cursor, wanted: Sequence[Wanted]) -> dict[str, Found]:
        """By content, then key, then title and brand, each only for what was not found before."""
        by_title = f"{_BY_TITLE}{_NOBODYS}" if self._keyed else _BY_TITLE
        ways = (_BY_HASH, *([_BY_KEY] if self._keyed else []), _BY_ID, by_title)
        found: dict[str, Found] = {}
        for way in ways:
            rest = [one for one in wanted if one.key not in found]
            if rest:
                found |= self._look(cursor, way, rest)
        return found

    def find_or_make(self, cursor: Cursor, wanted: Sequence[Wanted]) -> dict[str, int]:
        """The row of each product, by its key. A changed product keeps its row, unless another one has it too.

        Rows that querygen did not write keep their data.
        """
        found = {key: one for key, one in self.find(cursor, wanted).items() if one.clear}
        keys = self._keys(cursor, found) if self._keyed else {}
        kept = {
            key: one.product_id for key, one in found.items() if one.same or not keys.get(one.product_id, set()) - {key}
        }
        if kept:
            old = [one for one in wanted if one.key in kept]
            values = {**_columns(old), "rows": [kept[one.key] for one in old]}
            if cursor.execute(self._names.sql(_LOCK_CHANGED), values).fetchone():
                cursor.execute(self._names.sql(_CHANGE), values)
        rows = kept | self._add(cursor, [one for one in wanted if one.key not in kept])
        if self._keyed:
            self._remember(cursor, {key: row for key, row in rows.items() if key not in keys.get(row, ())})
        return rows

    def select(self, cursor: Cursor, job_id: str, rows: Iterable[int]) -> None:
        """Make them part of the job's selection."""
        values = {"job": job_id, "new_job": job_id, "products": sorted(set(rows))}  # its type is that of the column
        cursor.execute(_TAKE_TURNS, values)
        cursor.execute(self._names.sql(_SELECT), values)

    def _look(self, cursor: Cursor, way: LiteralString, wanted: Sequence[Wanted]) -> dict[str, Found]:
        among = _SELECTED if self._selected_for is not None else ""
        values = {**_columns(wanted), "job": self._selected_for}
        matches: dict[str, set[tuple[int, bool]]] = defaultdict(set)
        for key, row, same in cursor.execute(self._names.sql(f"{_FOUND}{way} {among}"), values):
            matches[key].add((row, same))
        return {key: Found(*min(rows), clear=len(rows) == 1) for key, rows in matches.items()}

    def _keys(self, cursor: Cursor, found: Mapping[str, Found]) -> dict[int, set[str]]:
        """The keys of every row that was found, and of every row that these products had before."""
        keys: dict[int, set[str]] = defaultdict(set)
        rows = [one.product_id for one in found.values()]
        for key, row in cursor.execute(self._names.sql(_KEYS), (rows, list(found))):
            keys[row].add(key)
        return keys

    def _add(self, cursor: Cursor, new: Sequence[Wanted]) -> dict[str, int]:
        """Rows for products that have none; those of equal content, here or in another process, get the same."""
        if not new:
            return {}
        cursor.execute(self._names.sql(_ADD), _columns(new))
        anywhere = ProductTable(self._names, keyed=False)
        return {key: one.product_id for key, one in anywhere._look(cursor, _BY_HASH, new).items()}

    def _remember(self, cursor: Cursor, rows: Mapping[str, int]) -> None:
        if rows:
            cursor.execute(self._names.sql(_REMEMBER), {"keys": list(rows), "rows": list(rows.values())})


def _columns(wanted: Sequence[Wanted]) -> dict[str, list[Any]]:
    return {
        "keys": [one.key for one in wanted],
        "sources": [one.source for one in wanted],
        "ids": [one.product_id for one in wanted],
        "locales": [one.locale for one in wanted],
        "hashes": [one.content_hash for one in wanted],
        "titles": [one.title for one in wanted],
        "brands": [one.brand for one in wanted],
        "data": [json.dumps(one.data) for one in wanted],
    }
