"""Advice for `querygen db check`: indexes, types and sequences of the deployment's tables, with the SQL to run."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from querygen_postgres.names import TABLES, TableNames
from querygen_postgres.session import Cursor

_PARTITION_ROWS = 50_000_000  # from this many rows on, partitions are worth their upkeep
_INDEX_ROWS = 20_000  # from this many products on, a sequential scan for each batch is too slow
_SEQUENCE_USE = 0.7  # fraction of a sequence's ids that may be used up before it is reported
_HASH_LENGTH = 64  # hexadecimal digits of SHA-256

_INDEXES_OF = """
SELECT i.indisunique, pg_get_indexdef(i.indexrelid, 1, true)
FROM pg_index i WHERE i.indrelid = to_regclass(%s) AND i.indisvalid AND i.indpred IS NULL
"""
_SIZE = "SELECT reltuples, relkind FROM pg_class WHERE oid = to_regclass(%s)"
_WIDTH = """
SELECT atttypmod - 4 FROM pg_attribute
WHERE attrelid = to_regclass(%s) AND attname = 'product_hash' AND atttypmod > 0
"""
# The column's type may set a lower limit than the sequence, as where an integer column has a bigint sequence.
_SEQUENCE_USED = """
SELECT s.last_value::float8 / least(q.seqmax,
         CASE a.atttypid WHEN 'int2'::regtype THEN 32767 WHEN 'int4'::regtype THEN 2147483647 ELSE q.seqmax END)
FROM pg_sequence q JOIN pg_sequences s ON to_regclass(quote_ident(s.schemaname) || '.' || quote_ident(s.sequencename))
  = q.seqrelid
JOIN pg_attribute a ON a.attrelid = to_regclass(%s) AND a.attname = %s
WHERE q.seqrelid = to_regclass(pg_get_serial_sequence(%s, %s)) AND s.last_value IS NOT NULL
"""

_INDEXES = (
    ("queries", "query_id", "the ledger finds rows by id"),
    ("queries", "product_id", "a delivery, the deletion of products and most readers find rows by product"),
    ("products", "product_hash", "products are found by their hash; it should be unique"),
    ("jobselectedproducts", "job_id", "products are found by their job"),
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


def advise(cursor: Cursor, names: TableNames) -> Iterator[str]:
    """One sentence for each possible improvement. Reads catalogue tables only, so it is quick on any size of table."""
    yield from _indexes(cursor, names)
    for table, column in (("queries", "query_id"), ("products", "product_id")):
        yield from _sequence_use(cursor, names, f"{names.schema}.{table}", column)
    rows, kind = _size(cursor, f"{names.schema}.queries")
    if rows > _PARTITION_ROWS and kind == "r":
        yield (
            f"{names.schema}.queries has about {rows:,.0f} rows: partition it BY RANGE (created_at), for example by "
            "month, so that old partitions can be detached; querygen needs no unique index across partitions"
        )
    for (index,) in cursor.execute(_UNIQUE_TEXTS, (f"{names.schema}.queries",)).fetchall():
        yield (
            f"the unique index {index} rejects a question that another job has for the same product, even an inactive "
            "one, and with it the whole product; querygen does not need it: drop it, or make it unique on (query_id)"
        )
    width = cursor.execute(_WIDTH, (f"{names.schema}.products",)).fetchone()
    if width and width[0] < _HASH_LENGTH:
        yield (
            f"{names.schema}.products.product_hash is {width[0]} characters wide, but a hash has {_HASH_LENGTH}: "
            f"ALTER TABLE {names.schema}.products ALTER product_hash TYPE varchar({_HASH_LENGTH})"
        )


def missing_indexes(cursor: Cursor, names: TableNames, tables: Collection[str]) -> Iterator[str]:
    """Indexes on single columns without which a statement reads a whole table."""
    for table, column, reason in _INDEXES:
        if table in tables and not any(key == column for _, key in _indexed(cursor, f"{names.schema}.{table}")):
            yield _missing_index(names, table, f"({column})", reason)


def _indexes(cursor: Cursor, names: TableNames) -> Iterator[str]:
    yield from missing_indexes(cursor, names, TABLES)
    products = f"{names.schema}.products"
    if _size(cursor, products)[0] > _INDEX_ROWS:
        keys = [key for _, key in _indexed(cursor, products)]
        for prefix, expression, reason in _EXPRESSIONS:
            if not any(key.startswith(prefix) for key in keys):
                yield _missing_index(names, "products", f"({expression})", reason)


def _missing_index(names: TableNames, table: str, on: str, reason: str) -> str:
    return f"missing index: {reason}; CREATE INDEX CONCURRENTLY ON {names.schema}.{table} {on}"


def _indexed(cursor: Cursor, table: str) -> list[tuple[bool, str]]:
    """For every index of the table: whether it is unique, and its first column or expression."""
    return cursor.execute(_INDEXES_OF, (table,)).fetchall()


def _size(cursor: Cursor, table: str) -> tuple[float, str]:
    return cursor.execute(_SIZE, (table,)).fetchone() or (0.0, "r")


def _sequence_use(cursor: Cursor, names: TableNames, table: str, column: str) -> Iterator[str]:
    used = cursor.execute(_SEQUENCE_USED, (table, column, table, column)).fetchone()
    if used and used[0] > _SEQUENCE_USE:
        yield (
            f"the ids of {table}.{column} are {used[0]:.0%} used up: DROP VIEW IF EXISTS {names.ledger}."
            f"active_queries, which may prevent the change; ALTER TABLE {table} ALTER {column} TYPE bigint, and its "
            "sequence AS bigint; then `querygen db init CONFIG` creates the view again"
        )
