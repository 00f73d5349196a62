"""The tables of `schema.sql`: which exist, which are missing, and how to create them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files

from querygen_postgres.layout import LAYOUT, current_layout, migrate, record_layout
from querygen_postgres.names import TableNames
from querygen_postgres.session import Cursor

_STATEMENT = re.compile(
    r"^CREATE (?P<kind>SCHEMA|TABLE|INDEX|VIEW) (?P<name>[\w.{}]+)(?: ON (?P<table>[\w.{}]+))?", re.MULTILINE
)
_START = re.compile(r"^CREATE", re.MULTILINE)
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('querygen schema', 0))"
_EXISTS = "SELECT to_regnamespace(%s) IS NOT NULL, to_regclass(%s) IS NOT NULL"
_COLUMNS = """
SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relnamespace = to_regnamespace(%s) AND c.relname = ANY(%s) AND a.attnum > 0 AND NOT a.attisdropped
"""
_UNFILLED = """
SELECT a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relnamespace = to_regnamespace(%s) AND c.relname = %s AND a.attnum > 0 AND NOT a.attisdropped
  AND a.attnotnull AND NOT a.atthasdef AND a.attidentity = '' AND a.attname <> ALL(%s)
"""

COLUMNS = {
    "products": ("product_id", "product_data", "brand_name", "product_hash"),
    "queries": ("query_id", "product_id", "query_text", "query_type", "is_active", "created_at"),
    "jobselectedproducts": ("job_id", "product_id", "selected_at"),
}
_DEFAULTED = "created_at"
"""Needed, but never written."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A `CREATE` statement of schema.sql."""

    kind: str
    """`schema`, `table`, `index` or `view`."""

    name: str
    """The object that it creates, with its schema: `public.queries`."""

    table: str
    """The table that an index is on, with its schema; empty for others."""

    text: str
    """The statement itself, with quoted schema names."""


def statements(names: TableNames) -> Iterator[Statement]:
    text = (files("querygen_postgres") / "schema.sql").read_text("utf-8")
    for part in text.split(";\n"):  # good enough for our own file, where no statement has these inside
        if match := _STATEMENT.search(part):
            table = _fill(match["table"] or "", names.schema, names.ledger)
            schema, name = table.partition(".")[0], _fill(match["name"], names.schema, names.ledger)
            start = _START.search(part) or match  # the view's begins with a function
            text = _fill(part[start.start() :], f'"{names.schema}"', f'"{names.ledger}"')
            yield Statement(match["kind"].lower(), f"{schema}.{name}" if schema else name, table, text)


def _fill(text: str, schema: str, ledger: str) -> str:
    return text.replace("{schema}", schema).replace("{ledger}", ledger)


def create_missing(cursor: Cursor, names: TableNames, *, ledger_only: bool = False) -> list[str]:
    """Create what is missing and bring an older ledger up to date; returns a line for each object, such as
    `table public.queries`.

    Indexes are created only with their table: on a large existing one CREATE INDEX blocks writers for minutes, so the
    deployment's operators decide when to do that. `db check` tells them which.
    """
    cursor.execute(_LOCK)  # two runs that start at once would both see that a table is missing
    created = migrate(cursor, names)
    for statement in statements(names):
        if ledger_only and not statement.name.startswith(names.ledger):
            continue
        wanted = statement.kind != "index" or f"table {statement.table}" in created
        if wanted and not exists(cursor, statement):
            cursor.execute(statement.text.encode())
            created.append(f"{statement.kind} {statement.name}")
    record_layout(cursor, names)
    return created


def exists(cursor: Cursor, statement: Statement) -> bool:
    schema, relation = cursor.execute(_EXISTS, (statement.name.partition(".")[0], statement.name)).fetchone() or (0, 0)
    return bool(schema if statement.kind == "schema" else relation)


def table_exists(cursor: Cursor, table: str) -> bool:
    """table: with its schema, which the role may use."""
    return (cursor.execute(_EXISTS, (table.partition(".")[0], table)).fetchone() or (False, False))[1] is True


def missing(cursor: Cursor, names: TableNames) -> list[str]:
    """The deployment's tables and columns that do not exist, as `table public.queries`."""
    rows = cursor.execute(_COLUMNS, (names.schema, list(COLUMNS))).fetchall()
    existing: dict[str, set[str]] = {}
    for table, column in rows:
        existing.setdefault(table, set()).add(column)
    lines = []
    for table, columns in COLUMNS.items():
        if table not in existing:
            lines.append(f"table {names.schema}.{table}")
        else:
            lines += [f"column {names.schema}.{table}.{column}" for column in columns if column not in existing[table]]
    return lines


def unfilled(cursor: Cursor, names: TableNames, table: str) -> list[str]:
    """Columns that are NOT NULL, have no default and are not written by querygen: every insert would fail."""
    written = [column for column in COLUMNS[table] if column != _DEFAULTED]
    rows = cursor.execute(_UNFILLED, (names.schema, table, written)).fetchall()
    return [f"column {names.schema}.{table}.{column}" for (column,) in rows]


def missing_ledger(cursor: Cursor, names: TableNames) -> list[str]:
    """The objects of the ledger that do not exist, indexes aside, and the layout if the ledger has an older one."""
    ledger = [each for each in statements(names) if each.name.startswith(names.ledger) and each.kind != "index"]
    missing = [f"{each.kind} {each.name}" for each in ledger if not exists(cursor, each)]
    found = current_layout(cursor, names)
    return missing if found in (None, LAYOUT) else [*missing, f"layout {LAYOUT} of schema {names.ledger}"]


def about_tables(tables: Sequence[str], lines: Sequence[str]) -> list[str]:
    """The lines about one of these tables or its columns."""
    return [line for line in lines if any(re.search(rf"\.{table}(\.|$)", line) for table in tables)]
