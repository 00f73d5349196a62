"""The commands `querygen db init`, `check` and `query` for a PostgreSQL database."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import psycopg
from psycopg.pq import Format

from querygen_core.api import Finding, ResultSet, UsageError
from querygen_postgres import schema
from querygen_postgres.advice import advise
from querygen_postgres.failures import describe, kind_of
from querygen_postgres.names import TableNames
from querygen_postgres.session import Cursor, Session


class PostgresDatabase:
    """Implements `api.Database`.

    ledger: whether the component uses a ledger, so that a missing one is reported. try_out: makes sure that the
    component can work, where no table is missing.
    """

    def __init__(
        self, session: Session, names: TableNames, *, ledger: bool, try_out: Callable[[], None] | None = None
    ) -> None:
        self._session = session
        self._names = names
        self._ledger = ledger
        self._try_out = try_out

    @property
    def identity(self) -> str:
        return f"{self._session.address.location}/{self._names.schema}"

    @property
    def example(self) -> str:
        """A statement for help texts that shows some of the stored queries."""
        table = f"{self._names.schema}.queries"
        return f"SELECT query_type, query_text FROM {table} WHERE is_active LIMIT 10"  # noqa: S608 - the name is validated

    async def init(self) -> Sequence[str]:
        return await asyncio.to_thread(self._session.write, lambda cursor: schema.create_missing(cursor, self._names))

    async def inspect(self) -> Sequence[Finding]:
        findings = await asyncio.to_thread(self._session.read, self._inspect)
        if self._try_out is not None and not any(finding.level == "missing" for finding in findings):
            await asyncio.to_thread(self._try_out)
        return findings

    async def query(self, sql: str) -> ResultSet:
        return await asyncio.to_thread(self._session.read, lambda cursor: _run_query(cursor, sql))

    def _inspect(self, cursor: Cursor) -> list[Finding]:
        lines = schema.missing(cursor, self._names)
        if self._ledger:
            lines += schema.missing_ledger(cursor, self._names)
        findings = [Finding("missing", line) for line in lines]
        if not any(line.startswith(("table ", "column ")) for line in lines):
            findings += [Finding("advice", line) for line in advise(cursor, self._names)]
        return findings


def _run_query(cursor: Cursor, sql: str) -> ResultSet:
    """Run one statement in the cursor's read-only transaction.

    Asking for binary results selects the extended protocol, which accepts a single statement: `COMMIT; DELETE …` cannot
    leave the transaction. If psycopg can load a column's type only as text, as with the deployment's enums, the
    statement runs a second time, with text results.
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
        raise UsageError("the statement is not valid UTF-8") from None
    except psycopg.Error as error:
        # 25006 is a write in a read-only transaction: the statement is wrong, and a retry would not help.
        if kind_of(error) in ("retry", "auth") and error.sqlstate != "25006":
            raise
        raise UsageError(describe(error)) from None
    if columns is None:
        raise UsageError("this statement returns no rows; use one that reads, such as SELECT")
    return ResultSet(tuple(column.name for column in columns), rows)
