"""The tables: what is there, what is missing, and making it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files

from querygen_postgres.names import Names
from querygen_postgres.session import Cursor

_STATEMENT = re.compile(
    r"^CREATE (?P<kind>SCHEMA|TABLE|INDEX|VIEW) (?P<name>[\w.{}]+)(?: ON (?P<table>[\w.{}]+))?", re.MULTILINE
)
_ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtextextended('querygen schema', 0))"
_THERE = "SELECT to_regnamespace(%s) IS NOT NULL, to_regclass(%s) IS NOT NULL"
_COLUMNS = """
SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relnamespace = to_regnamespace(%s) AND c.relname = ANY(%s) AND a.attnum > 0 AND NOT a.attisdropped
"""
_UNFILLED = """
SELECT a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relnamespace = to_regnamespace(%s) AND c.relname = %s AND a.attnum > 0 AND NOT a.attisdropped
  AND a.attnotnull AND NOT a.atthasdef AND a.attidentity = '' AND a.attname <> ALL(%s)
"""

NEEDED = {
    "products": ("product_id", "product_data", "brand_name", "product_hash"),
    "queries": ("query_id", "product_id", "query_text", "query_type", "is_active", "created_at"),
    "jobselectedproducts": ("job_id", "product_id", "selected_at"),
}
_DEFAULTED = "created_at"
"""Not written. That ids come from a sequence is asked for elsewhere."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One of schema.sql. name: what it makes, with its schema. table: what an index is on, else ""."""

    kind: str
    name: str
    table: str
    text: str


def statements(names: Names) -> Iterator[Statement]:
    text = (files("querygen_postgres") / "schema.sql").read_text("utf-8")
    for part in text.split(";\n"):
        if found := _STATEMENT.search(part):
            table = _fill(found["table"] or "", names.schema, names.ledger)
            schema, name = table.partition(".")[0], _fill(found["name"], names.schema, names.ledger)
            made = _fill(part[found.start() :], f'"{names.schema}"', f'"{names.ledger}"')
            yield Statement(found["kind"].lower(), f"{schema}.{name}" if schema else name, table, made)


def _fill(text: str, schema: str, ledger: str) -> str:
    return text.replace("{schema}", schema).replace("{ledger}", ledger)


def make(cursor: Cursor, names: Names, *, ledger_only: bool = False) -> list[str]:
    """Make what is missing; a line for each thing made. Indexes only on tables made just now: on a large table of a
    deployment that is for its keeper to do, at a time of their choice.
    """
    cursor.execute(_ONE_AT_A_TIME)
    made: list[str] = []
    for statement in statements(names):
        if ledger_only and not statement.name.startswith(names.ledger):
            continue
        wanted = statement.kind != "index" or f"table {statement.table}" in made
        if wanted and not is_there(cursor, statement):
            cursor.execute(statement.text.encode())
            made.append(f"{statement.kind} {statement.name}")
    return made


def is_there(cursor: Cursor, statement: Statement) -> bool:
    schema, relation = cursor.execute(_THERE, (statement.name.partition(".")[0], statement.name)).fetchone() or (0, 0)
    return bool(schema if statement.kind == "schema" else relation)


def missing(cursor: Cursor, names: Names) -> list[str]:
    """Tables and columns of the deployment that are not there."""
    rows = cursor.execute(_COLUMNS, (names.schema, list(NEEDED))).fetchall()
    there: dict[str, set[str]] = {}
    for table, column in rows:
        there.setdefault(table, set()).add(column)
    lines = []
    for table, columns in NEEDED.items():
        if table not in there:
            lines.append(f"table {names.schema}.{table}")
        else:
            lines += [f"column {names.schema}.{table}.{column}" for column in columns if column not in there[table]]
    return lines


def unfilled(cursor: Cursor, names: Names, table: str) -> list[str]:
    """Columns that must have a value, get none from querygen and have no default."""
    written = [column for column in NEEDED[table] if column != _DEFAULTED]
    rows = cursor.execute(_UNFILLED, (names.schema, table, written)).fetchall()
    return [f"column {names.schema}.{table}.{column}" for (column,) in rows]


def missing_ledger(cursor: Cursor, names: Names) -> list[str]:
    own = [one for one in statements(names) if one.name.startswith(names.ledger) and one.kind != "index"]
    return [f"{one.kind} {one.name}" for one in own if not is_there(cursor, one)]


def only(tables: Sequence[str], lines: Sequence[str]) -> list[str]:
    """The lines that speak of these tables."""
    return [line for line in lines if any(re.search(rf"\.{table}(\.|$)", line) for table in tables)]
