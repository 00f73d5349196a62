"""One connection, kept, and transactions on it of which is known for certain whether they were committed."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any, LiteralString, TypeVar

import psycopg

from querygen_core.api import SinkError
from querygen_postgres.address import Address
from querygen_postgres.dsn import Parameters
from querygen_postgres.failures import kind_of, sink_error

T = TypeVar("T")
Connection = psycopg.Connection[Any]
Cursor = psycopg.Cursor[Any]
IsThere = Callable[[Cursor], bool]

OLDEST_SERVER = 130000
_LIFETIME = 600.0  # seconds; a server that was replaced behind its name is found at last
_LOST_RACE = ("40001", "40P01")  # the other one got through, so the next try may
_TRIES = 6
_READ: LiteralString = "BEGIN READ ONLY"
_WRITE: LiteralString = "BEGIN"
_SETTING = "set_config('{name}', '{value}', true)"  # for this transaction only: a pooler may share the session
_STATUS = "SELECT pg_xact_status(%s::xid8)"
_STATUS_PATIENCE = 30.0


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds: of a statement, of waiting for a lock, and of a transaction in which nothing happens."""

    statement: int = 60
    lock: int = 10
    idle: int = 60

    def settings(self) -> Mapping[str, str]:
        return {
            "statement_timeout": f"{self.statement}s",
            "lock_timeout": f"{self.lock}s",
            "idle_in_transaction_session_timeout": f"{self.idle}s",
        }


class Session:
    """Blocks; to be used from one thread at a time, which a lock sees to. Errors come out as SinkError.

    Errors that speak of the data (`kind_of` says `data`) come out as psycopg has them: the caller can find the row.
    """

    def __init__(self, address: Address, limits: Limits | None = None) -> None:
        self.address = address
        settings = (limits or Limits()).settings()
        self._settings = ", ".join(_SETTING.format(name=name, value=value) for name, value in settings.items())
        self._connection: Connection | None = None
        self._opened = 0.0
        self._one_at_a_time = Lock()

    def read(self, work: Callable[[Cursor], T]) -> T:
        """`work` in a transaction that only reads."""
        return self._run(work, _READ)

    def write(self, work: Callable[[Cursor], T], is_there: IsThere | None = None) -> T:
        """`work` in one transaction, committed when this returns. It may be called again after a deadlock.

        is_there: asked whether all of it is stored, if COMMIT was not answered; without it that is an error.
        """
        return self._run(work, _WRITE, is_there)

    def _run(self, work: Callable[[Cursor], T], begin: LiteralString, is_there: IsThere | None = None) -> T:
        with self._one_at_a_time:
            for last in (*[False] * (_TRIES - 1), True):
                try:
                    return self._attempt(work, begin, is_there)
                except psycopg.Error as error:
                    if error.sqlstate not in _LOST_RACE or last:
                        raise self._outward(error) from None
                    time.sleep(random.uniform(0.01, 0.2))
                except UnicodeError:
                    self._drop()
                    raise
        raise AssertionError("unreachable")

    def close(self) -> None:
        with self._one_at_a_time:
            self._drop()
            self.address.close()

    def _outward(self, error: psycopg.Error) -> Exception:
        """A connection that failed is given up too: another may find the server that took over from this one."""
        if kind_of(error) == "data":
            return error
        self._drop()
        return sink_error(error, self.address.place)

    def _attempt(self, work: Callable[[Cursor], T], begin: LiteralString, is_there: IsThere | None) -> T:
        cursor, transaction = self._start(begin)
        try:
            result = work(cursor)
        except BaseException:
            self._roll_back()
            raise
        self._commit(cursor, transaction, is_there)
        return result

    def _start(self, begin: LiteralString) -> tuple[Cursor, str]:
        """A begun transaction and its number. A connection that was lost while idle is replaced without a word."""
        kept = self._connection is not None
        try:
            return self._begun(self._current(), begin)
        except psycopg.OperationalError:
            self._drop()
            if not kept:
                raise
        return self._begun(self._current(), begin)

    def _begun(self, connection: Connection, begin: LiteralString) -> tuple[Cursor, str]:
        """The number is empty in a transaction that only reads: what became of it does not matter."""
        cursor = connection.cursor()
        cursor.execute(begin)
        number = "''" if begin == _READ else "pg_current_xact_id()::text"
        row = cursor.execute(f"SELECT {number}, {self._settings}".encode()).fetchone()
        return cursor, str(row[0]) if row else ""

    def _current(self) -> Connection:
        if self._connection is not None and time.monotonic() - self._opened > _LIFETIME:
            self._drop()
        if self._connection is None or self._connection.closed:
            self._connection = self.address.open(_connect)
            self._opened = time.monotonic()
        return self._connection

    def _commit(self, cursor: Cursor, transaction: str, is_there: IsThere | None) -> None:
        try:
            cursor.execute("COMMIT")
        except psycopg.Error as error:
            if error.sqlstate is not None and not error.sqlstate.startswith(("08", "57P")):
                self._roll_back()
                raise
            self._drop()
            if is_there is None or not self._came_through(transaction, is_there):
                raise

    def _came_through(self, transaction: str, is_there: IsThere) -> bool:
        """What became of a COMMIT that was not answered. Unknown counts as not: what is stored says so next time.

        The number tells when it is over, no more: a server that crashed may have given it to somebody else since.
        """
        until = time.monotonic() + _STATUS_PATIENCE
        try:
            cursor = self._current().cursor()
            while self._is_in_progress(cursor, transaction) and time.monotonic() < until:
                time.sleep(0.1)
            return is_there(cursor)
        except psycopg.Error:
            self._drop()
            return False

    def _is_in_progress(self, cursor: Cursor, transaction: str) -> bool:
        try:
            return cursor.execute(_STATUS, (transaction,)).fetchone() == ("in progress",)
        except psycopg.errors.InvalidParameterValue:  # "is in the future": lost in a crash
            return False

    def _roll_back(self) -> None:
        try:
            if self._connection is not None:
                self._connection.execute("ROLLBACK")
        except psycopg.Error:
            self._drop()

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _connect(parameters: Parameters) -> Connection:
    connection: Connection = psycopg.connect(**parameters, autocommit=True, prepare_threshold=None)
    if connection.info.server_version < OLDEST_SERVER:
        connection.close()
        raise SinkError("permanent", f"PostgreSQL {connection.info.server_version // 10000} is too old; 13 is needed")
    return connection
