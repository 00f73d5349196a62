"""The table `products`: finds the row that stands for a product, and creates or updates it."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, LiteralString

from querygen_postgres.names import TableNames
from querygen_postgres.session import Cursor

_OWN_ID: LiteralString = "coalesce(p.product_data ->> 'product_id', p.product_data ->> 'id', p.product_data ->> 'sku')"
_TITLE: LiteralString = "md5(lower(coalesce(p.product_data ->> 'title', p.product_data ->> 'name')))"
_BRAND: LiteralString = "lower(coalesce(nullif(p.brand_name, ''), p.product_data ->> 'brand', ''))"
IS_OURS: LiteralString = "p.product_data ?& ARRAY['source', 'product_id', 'locale']"
"""True for rows that querygen wrote: they hold the product's whole identity."""

_LOOKUPS: LiteralString = """
FROM unnest(%(keys)s::text[], %(sources)s::text[], %(ids)s::text[], %(locales)s::text[], %(hashes)s::text[],
            %(titles)s::text[], %(brands)s::text[]) AS w(key, source, id, locale, hash, title, brand)
"""
_MATCH: LiteralString = f"SELECT w.key, p.product_id, p.product_hash IS NOT DISTINCT FROM w.hash {_LOOKUPS}"  # noqa: S608
_SELECTED: LiteralString = "JOIN {jobselectedproducts} j ON j.product_id = p.product_id AND j.job_id = %(job)s"

_BY_HASH: LiteralString = "JOIN {products} p ON p.product_hash = w.hash"
_BY_KEY: LiteralString = "JOIN {product} m ON m.product_key = w.key JOIN {products} p ON p.product_id = m.product_id"
# Rows that querygen wrote say whose id theirs is; in other rows an id is taken for one of any source and locale.
_BY_ID: LiteralString = f"""
JOIN {{products}} p ON {_OWN_ID} = w.id AND (NOT {IS_OURS}
  OR (p.product_data ->> 'source' = w.source AND p.product_data ->> 'locale' = w.locale))
"""
# Never a row that querygen wrote: it stands for the product with its id, whatever the title.
_BY_TITLE: LiteralString = f"""
JOIN {{products}} p ON {_TITLE} = md5(lower(w.title)) AND {_BRAND} = lower(w.brand) AND NOT {IS_OURS}
"""
_UNASSIGNED: LiteralString = " AND NOT EXISTS (SELECT FROM {product} m WHERE m.product_id = p.product_id)"

# Sorted, so that processes that add the same products reach the unique index in the same order and cannot deadlock. A
# row of equal hash that another process adds first is used instead.
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
"""In the order of ids, so that writers of the same rows wait for each other but never in a circle."""

_CHANGE: LiteralString = (
    f"UPDATE {{products}} p SET product_data = w.data, brand_name = w.brand, product_hash = w.hash {_NEW} {_CHANGED}"  # noqa: S608
)
_KEYS = "SELECT product_key, product_id FROM {product} WHERE product_id = ANY(%s) OR product_key = ANY(%s)"
# Sorted for the same reason as _ADD.
_REMEMBER = """
INSERT INTO {product} (product_key, product_id)
SELECT w.key, w.id FROM unnest(%(keys)s::text[], %(rows)s::bigint[]) AS w(key, id)
ORDER BY w.key
ON CONFLICT (product_key) DO UPDATE SET product_id = excluded.product_id
"""
_LOCK_SELECTION = "SELECT pg_advisory_xact_lock(hashtextextended('querygen selection ' || %(job)s::text, 0))"
# NOT EXISTS and a lock instead of a constraint: the deployment's table may have none.
_SELECT = """
INSERT INTO {jobselectedproducts} (job_id, product_id, selected_at)
SELECT %(new_job)s, w.id, now() FROM (SELECT DISTINCT unnest(%(products)s::bigint[]) AS id) AS w
WHERE NOT EXISTS (SELECT FROM {jobselectedproducts} j WHERE j.job_id = %(job)s AND j.product_id = w.id)
ORDER BY w.id
ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class ProductLookup:
    """The fields that identify a product's row, and the content of a new one."""

    key: str
    """The product's key, `source:product_id:locale`."""

    source: str
    """Source of the record; part of the key."""

    product_id: str
    """The id that the source gives the product, not the one of a row."""

    locale: str
    """Language of the record, as a BCP 47 tag."""

    content_hash: str
    """SHA-256 of the product's content, in hexadecimal; `product_hash` of its row."""

    title: str
    """Compared without regard to case."""

    brand: str
    """Compared without regard to case; empty if unknown."""

    data: Mapping[str, Any]
    """`product_data` of a new row."""


@dataclass(frozen=True, slots=True)
class RowMatch:
    """A row of `products` that matches a lookup."""

    product_id: int
    """The row's id; the lowest one if several rows match."""

    is_current: bool
    """The row has the product's hash, so its content has not changed."""

    is_unique: bool = True
    """No other row matches equally well."""


class ProductTable:
    """keyed: the ledger's table of product keys exists; without it a product is found by the id in `product_data`.
    selected_for: a job, to find only rows that it has selected.
    """

    def __init__(self, names: TableNames, *, keyed: bool, selected_for: str | None = None) -> None:
        self._names = names
        self._keyed = keyed
        self._selected_for = selected_for

    def find(self, cursor: Cursor, lookups: Sequence[ProductLookup]) -> dict[str, RowMatch]:
        """Matches by product key. They are looked for by content, then key, id, and title with brand."""
        by_title = f"{_BY_TITLE}{_UNASSIGNED}" if self._keyed else _BY_TITLE
        conditions = (_BY_HASH, *([_BY_KEY] if self._keyed else []), _BY_ID, by_title)
        matches: dict[str, RowMatch] = {}
        for condition in conditions:
            rest = [lookup for lookup in lookups if lookup.key not in matches]
            if rest:
                matches |= self._match(cursor, condition, rest)
        return matches

    def find_or_create(self, cursor: Cursor, lookups: Sequence[ProductLookup]) -> dict[str, int]:
        """The id of each product's row, by product key.

        A product that has changed keeps its row, unless the row also stands for another product, which has not: then it
        gets a new row. Data of rows that querygen did not write is left as it is.
        """
        matches = {key: match for key, match in self.find(cursor, lookups).items() if match.is_unique}
        keys = self._keys(cursor, matches) if self._keyed else {}
        kept = {
            key: match.product_id
            for key, match in matches.items()
            if match.is_current or not keys.get(match.product_id, set()) - {key}
        }
        if kept:
            self.update(cursor, [lookup for lookup in lookups if lookup.key in kept], kept)
        rows = kept | self._add(cursor, [lookup for lookup in lookups if lookup.key not in kept])
        self._remember(cursor, {key: row for key, row in rows.items() if key not in keys.get(row, ())})
        return rows

    def create(self, cursor: Cursor, lookup: ProductLookup) -> int | None:
        """The id of a new row, without looking for one that is there; None if it cannot be read back."""
        rows = self._add(cursor, [lookup])
        self._remember(cursor, rows)
        return rows.get(lookup.key)

    def update(self, cursor: Cursor, lookups: Sequence[ProductLookup], rows: Mapping[str, int]) -> None:
        """Replace data that has changed in rows that querygen wrote. rows: their ids by product key."""
        values = {**_columns(lookups), "rows": [rows[lookup.key] for lookup in lookups]}
        if cursor.execute(self._names.sql(_LOCK_CHANGED), values).fetchone():
            cursor.execute(self._names.sql(_CHANGE), values)

    def current(self, cursor: Cursor, lookup: ProductLookup) -> int | None:
        """The id of a row with this content; None if there is none."""
        match = self._match(cursor, _BY_HASH, [lookup]).get(lookup.key)
        return match.product_id if match else None

    def select(self, cursor: Cursor, job_id: str, rows: Iterable[int]) -> None:
        """Add rows, by id, to the job's selection."""
        # `job` and `new_job` have the same value; as one parameter it could not be both text and the column's own type.
        values = {"job": job_id, "new_job": job_id, "products": sorted(set(rows))}
        cursor.execute(_LOCK_SELECTION, values)
        cursor.execute(self._names.sql(_SELECT), values)

    def _match(self, cursor: Cursor, condition: LiteralString, lookups: Sequence[ProductLookup]) -> dict[str, RowMatch]:
        selection = _SELECTED if self._selected_for is not None else ""
        values = {**_columns(lookups), "job": self._selected_for}
        matches: dict[str, set[tuple[int, bool]]] = defaultdict(set)
        for key, row, is_current in cursor.execute(self._names.sql(f"{_MATCH}{condition} {selection}"), values):
            matches[key].add((row, is_current))
        return {key: RowMatch(*min(rows), is_unique=len(rows) == 1) for key, rows in matches.items()}

    def _keys(self, cursor: Cursor, matches: Mapping[str, RowMatch]) -> dict[int, set[str]]:
        """The product keys of every matching row, and of every row that stood for these products before, by row."""
        keys: dict[int, set[str]] = defaultdict(set)
        rows = [match.product_id for match in matches.values()]
        for key, row in cursor.execute(self._names.sql(_KEYS), (rows, list(matches))):
            keys[row].add(key)
        return keys

    def _add(self, cursor: Cursor, new: Sequence[ProductLookup]) -> dict[str, int]:
        """Create rows. Products of equal content, in this process or another, get the same one: the hash is unique."""
        if not new:
            return {}
        cursor.execute(self._names.sql(_ADD), _columns(new))
        unrestricted = ProductTable(self._names, keyed=False)
        return {key: match.product_id for key, match in unrestricted._match(cursor, _BY_HASH, new).items()}

    def _remember(self, cursor: Cursor, rows: Mapping[str, int]) -> None:
        if rows and self._keyed:
            cursor.execute(self._names.sql(_REMEMBER), {"keys": list(rows), "rows": list(rows.values())})


def _columns(lookups: Sequence[ProductLookup]) -> dict[str, list[Any]]:
    return {
        "keys": [lookup.key for lookup in lookups],
        "sources": [lookup.source for lookup in lookups],
        "ids": [lookup.product_id for lookup in lookups],
        "locales": [lookup.locale for lookup in lookups],
        "hashes": [lookup.content_hash for lookup in lookups],
        "titles": [lookup.title for lookup in lookups],
        "brands": [lookup.brand for lookup in lookups],
        "data": [json.dumps(lookup.data) for lookup in lookups],
    }
