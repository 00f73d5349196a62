"""What `querygen db` asks of a PostgreSQL database."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import psycopg
from psycopg.pq import Format

from querygen_core.api import Finding, ResultSet, UsageError
from querygen_postgres import schema
from querygen_postgres.advice import advice
from querygen_postgres.failures import describe, kind_of
from querygen_postgres.names import Names
from querygen_postgres.session import Cursor, Session


class PostgresDatabase:
    """Implements `api.Database`. ledger: whether the part that asks writes down there what it delivered."""

    def __init__(self, session: Session, names: Names, *, ledger: bool) -> None:
        self._session = session
        self._names = names
        self._ledger = ledger

    @property
    def identity(self) -> str:
        return f"{self._session.address.place}/{self._names.schema}"

    @property
    def example(self) -> str:
        """A statement that shows a user what is there."""
        table = f"{self._names.schema}.queries"
        return f"SELECT query_type, query_text FROM {table} WHERE is_active LIMIT 10"  # noqa: S608 - a checked name

    async def init(self) -> Sequence[str]:
        return await asyncio.to_thread(self._session.write, lambda cursor: schema.make(cursor, self._names))

    async def inspect(self) -> Sequence[Finding]:
        return await asyncio.to_thread(self._session.read, self._inspect)

    async def query(self, sql: str) -> ResultSet:
        return await asyncio.to_thread(self._session.read, lambda cursor: _answer(cursor, sql))

    def _inspect(self, cursor: Cursor) -> list[Finding]:
        lines = schema.missing(cursor, self._names)
        if self._ledger:
            lines += schema.missing_ledger(cursor, self._names)
        found = [Finding("missing", line) for line in lines]
        there = not any(line.startswith(("table ", "column ")) for line in lines)
        return found + ([Finding("advice", line) for line in advice(cursor, self._names)] if there else [])


def _answer(cursor: Cursor, sql: str) -> ResultSet:
    """The binary format goes with the protocol that takes one statement only, so none can end the transaction first.

    A type that psycopg knows as text only, such as the deployment's enums, has to be asked for once more.
    """
    reader = cursor.connection.cursor(binary=True)
    loader = reader.adapters.get_loader
    try:
        reader.execute(sql.encode())
        columns = reader.description
        rows = reader.fetchall() if columns is not None else []
        if rows and not all(loader(column.type_code, Format.BINARY) for column in columns or ()):
            rows = list(cursor.connection.cursor().stream(sql.encode()))
    except UnicodeError:
        raise UsageError("the statement is not UTF-8") from None
    except psycopg.Error as error:
        if kind_of(error) in ("retry", "auth") and error.sqlstate != "25006":
            raise
        raise UsageError(describe(error)) from None
    if columns is None:
        raise UsageError("this statement returns nothing; only those that read are of use here")
    return ResultSet(tuple(column.name for column in columns), rows)
