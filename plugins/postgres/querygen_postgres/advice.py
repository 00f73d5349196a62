"""What would make a deployment's tables serve better, with the statement that does it."""

from __future__ import annotations

from collections.abc import Iterator

from querygen_postgres.names import Names
from querygen_postgres.session import Cursor

_LARGE = 50_000_000  # rows from which on partitions pay
_MANY = 20_000  # products that are not to be read one by one for each batch
_HEADROOM = 0.7  # of a sequence's numbers
_HASH_LENGTH = 64

_INDEXED = """
SELECT i.indisunique, pg_get_indexdef(i.indexrelid, 1, true)
FROM pg_index i WHERE i.indrelid = to_regclass(%s) AND i.indisvalid AND i.indpred IS NULL
"""
_SIZE = "SELECT reltuples, relkind FROM pg_class WHERE oid = to_regclass(%s)"
_WIDTH = """
SELECT atttypmod - 4 FROM pg_attribute
WHERE attrelid = to_regclass(%s) AND attname = 'product_hash' AND atttypmod > 0
"""
_USED = """
SELECT s.last_value::float8 / least(q.seqmax,
         CASE a.atttypid WHEN 'int2'::regtype THEN 32767 WHEN 'int4'::regtype THEN 2147483647 ELSE q.seqmax END)
FROM pg_sequence q JOIN pg_sequences s ON to_regclass(quote_ident(s.schemaname) || '.' || quote_ident(s.sequencename))
  = q.seqrelid
JOIN pg_attribute a ON a.attrelid = to_regclass(%s) AND a.attname = %s
WHERE q.seqrelid = to_regclass(pg_get_serial_sequence(%s, %s)) AND s.last_value IS NOT NULL
"""

_INDEXES = (
    ("queries", "query_id", "ledger looks its rows up by id"),
    ("queries", "product_id", "mode B, deleting products and most readers ask by product"),
    ("products", "product_hash", "products are found by it; it should be unique"),
    ("jobselectedproducts", "job_id", "a job's products are found by it"),
)
_UNIQUE_TEXTS = """
SELECT i.indexrelid::regclass::text FROM pg_index i
WHERE i.indrelid = to_regclass(%s) AND i.indisunique AND i.indisvalid
  AND pg_get_indexdef(i.indexrelid) LIKE '%%query_text%%'
"""
_EXPRESSIONS = (
    (
        "COALESCE(product_data ->> 'product_id'::text",
        "(coalesce(product_data ->> 'product_id', product_data ->> 'id', product_data ->> 'sku'))",
        "a changed product is found by its id",
    ),
    (
        "md5(lower(COALESCE(product_data ->> 'title'::text",
        "(md5(lower(coalesce(product_data ->> 'title', product_data ->> 'name'))))",
        "a product without a known id is found by its title",
    ),
)


def advice(cursor: Cursor, names: Names) -> Iterator[str]:
    yield from _indexes(cursor, names)
    for table, column in (("queries", "query_id"), ("products", "product_id")):
        yield from _headroom(cursor, names, f"{names.schema}.{table}", column)
    rows, kind = _size(cursor, f"{names.schema}.queries")
    if rows > _LARGE and kind == "r":
        yield (
            f"{names.schema}.queries holds about {rows:,.0f} rows: partition it BY RANGE (created_at), a partition a "
            "month, so that old ones can be detached; querygen needs no unique index across partitions"
        )
    for (index,) in cursor.execute(_UNIQUE_TEXTS, (f"{names.schema}.queries",)).fetchall():
        yield (
            f"the unique index {index} refuses a question that another job has for the same product, inactive ones "
            "too, and the product with it; querygen needs none: drop it, or make it one of (query_id)"
        )
    width = cursor.execute(_WIDTH, (f"{names.schema}.products",)).fetchone()
    if width and width[0] < _HASH_LENGTH:
        yield (
            f"{names.schema}.products.product_hash holds {width[0]} characters and a hash has {_HASH_LENGTH}: "
            f"ALTER TABLE {names.schema}.products ALTER product_hash TYPE varchar({_HASH_LENGTH})"
        )


def _indexes(cursor: Cursor, names: Names) -> Iterator[str]:
    for table, column, why in _INDEXES:
        if not any(first == column for _, first in _indexed(cursor, f"{names.schema}.{table}")):
            yield _wanted(names, table, f"({column})", why)
    products = f"{names.schema}.products"
    if _size(cursor, products)[0] > _MANY:
        there = [first for _, first in _indexed(cursor, products)]
        for beginning, expression, why in _EXPRESSIONS:
            if not any(first.startswith(beginning) for first in there):
                yield _wanted(names, "products", f"({expression})", why)


def _wanted(names: Names, table: str, on: str, why: str) -> str:
    return f"no index: {why}; CREATE INDEX CONCURRENTLY ON {names.schema}.{table} {on}"


def _indexed(cursor: Cursor, table: str) -> list[tuple[bool, str]]:
    """Of every index: whether it is unique, and its first column or expression."""
    return cursor.execute(_INDEXED, (table,)).fetchall()


def _size(cursor: Cursor, table: str) -> tuple[float, str]:
    return cursor.execute(_SIZE, (table,)).fetchone() or (0.0, "r")


def _headroom(cursor: Cursor, names: Names, table: str, column: str) -> Iterator[str]:
    used = cursor.execute(_USED, (table, column, table, column)).fetchone()
    if used and used[0] > _HEADROOM:
        yield (
            f"the numbers of {table}.{column} are {used[0]:.0%} used up: DROP VIEW IF EXISTS {names.ledger}."
            f"active_queries, which is in the way; ALTER TABLE {table} ALTER {column} TYPE bigint, and its sequence AS "
            "bigint; then `querygen db init CONFIG` makes the view again"
        )
