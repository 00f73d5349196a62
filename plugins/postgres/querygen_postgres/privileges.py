"""The role's privileges, checked before anything is paid for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import LiteralString

from querygen_postgres.session import Cursor

_ROLE = "SELECT current_user"
_MAY_CREATE_SCHEMA = "SELECT has_database_privilege(current_database(), 'CREATE')"
# A privilege on some columns is enough: every statement names the columns it uses.
_MISSING = """
SELECT w.name, w.privilege FROM unnest(%s::text[], %s::text[]) AS w(name, privilege)
WHERE NOT has_any_column_privilege(w.name, w.privilege)
"""
_MAY_USE_SCHEMA = "SELECT coalesce(has_schema_privilege(to_regnamespace(%s)::oid, 'USAGE'), false)"
# Either of the two allows nextval().
_MAY_USE_SEQUENCE = "SELECT has_sequence_privilege(%s, 'USAGE, UPDATE')"
# Its owner, who may also add tables beside it.
_MAY_ALTER = """
SELECT pg_has_role(c.relowner, 'USAGE') AND has_schema_privilege(c.relnamespace, 'CREATE')
FROM pg_class c WHERE c.oid = to_regclass(%s)
"""
_SEQUENCE = "SELECT pg_get_serial_sequence(%s, 'query_id')"


def role(cursor: Cursor) -> str:
    return str(_value(cursor, _ROLE))


def may_create_schema(cursor: Cursor) -> bool:
    return bool(_value(cursor, _MAY_CREATE_SCHEMA))


def may_use_schema(cursor: Cursor, schema: str) -> bool:
    """False also if there is no such schema."""
    return bool(_value(cursor, _MAY_USE_SCHEMA, schema))


def may_use_sequence(cursor: Cursor, sequence: str) -> bool:
    return bool(_value(cursor, _MAY_USE_SEQUENCE, sequence))


def may_alter(cursor: Cursor, table: str) -> bool:
    """Whether the role may change the table and add others to its schema."""
    return bool(_value(cursor, _MAY_ALTER, table))


def missing(cursor: Cursor, needed: Mapping[str, Sequence[str]]) -> list[str]:
    """The privileges that the role lacks, as `INSERT on public.queries`. needed: by table, which must exist."""
    for schema in sorted({table.partition(".")[0] for table in needed}):
        if not may_use_schema(cursor, schema):
            return [f"USAGE on schema {schema}"]
    pairs = [(table, privilege) for table, names in needed.items() for privilege in names]
    values = [table for table, _ in pairs], [privilege for _, privilege in pairs]
    return [f"{privilege} on {table}" for table, privilege in cursor.execute(_MISSING, values)]


def sequence_of_ids(cursor: Cursor, table: str) -> str | None:
    """The sequence that supplies `query_id`; None if the column is neither serial nor an identity column."""
    name = _value(cursor, _SEQUENCE, table)
    return None if name is None else str(name)


def _value(cursor: Cursor, statement: LiteralString, *values: str) -> object:
    row = cursor.execute(statement, values or None).fetchone()
    return row[0] if row else None
