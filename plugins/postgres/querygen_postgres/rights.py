"""What the role may do, asked before anything is paid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import LiteralString

from querygen_postgres.session import Cursor

_ROLE = "SELECT current_user"
_MAY_CREATE = "SELECT has_database_privilege(current_database(), 'CREATE')"
_DENIED = """
SELECT w.name, w.privilege FROM unnest(%s::text[], %s::text[]) AS w(name, privilege)
WHERE NOT has_any_column_privilege(w.name, w.privilege)
"""
_USABLE = "SELECT coalesce(has_schema_privilege(to_regnamespace(%s)::oid, 'USAGE'), false)"
_MAY_DRAW = "SELECT has_sequence_privilege(%s, 'USAGE, UPDATE')"
_SEQUENCE = "SELECT pg_get_serial_sequence(%s, 'query_id')"


def role(cursor: Cursor) -> str:
    return str(_value(cursor, _ROLE))


def may_create_schema(cursor: Cursor) -> bool:
    return bool(_value(cursor, _MAY_CREATE))


def may_use(cursor: Cursor, schema: str) -> bool:
    """False also where there is no such schema."""
    return bool(_value(cursor, _USABLE, schema))


def may_draw_from(cursor: Cursor, sequence: str) -> bool:
    return bool(_value(cursor, _MAY_DRAW, sequence))


def denied(cursor: Cursor, wanted: Mapping[str, Sequence[str]]) -> list[str]:
    """Which of the wanted privileges the role lacks, as `INSERT on public.queries`. The tables must be there."""
    for schema in sorted({table.partition(".")[0] for table in wanted}):
        if not may_use(cursor, schema):
            return [f"USAGE on schema {schema}"]
    pairs = [(table, privilege) for table, privileges in wanted.items() for privilege in privileges]
    values = [table for table, _ in pairs], [privilege for _, privilege in pairs]
    return [f"{privilege} on {table}" for table, privilege in cursor.execute(_DENIED, values)]


def sequence_of_ids(cursor: Cursor, table: str) -> str | None:
    """The sequence behind `query_id`, serial or identity."""
    name = _value(cursor, _SEQUENCE, table)
    return None if name is None else str(name)


def _value(cursor: Cursor, statement: LiteralString, *values: str) -> object:
    row = cursor.execute(statement, values or None).fetchone()
    return row[0] if row else None
