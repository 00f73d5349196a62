"""A connection that is kept open, and transactions on it whose commit outcome is always known."""

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
IsStored = Callable[[Cursor], bool]

OLDEST_SERVER = 130000
_LIFETIME = 600.0  # seconds; a server that was replaced behind the same host name is found after that time
_CONFLICTS = ("40001", "40P01")  # serialization failure, deadlock: the other transaction goes on, so a retry may
_TRIES = 6
_READ: LiteralString = "BEGIN READ ONLY"
_WRITE: LiteralString = "BEGIN"
_SETTING = (
    "set_config('{name}', '{value}', true)"  # for this transaction only: a pooler may share the session with others
)
_STATUS = "SELECT pg_xact_status(%s::xid8)"
_STATUS_TIMEOUT = 30.0  # seconds


@dataclass(frozen=True, slots=True)
class Timeouts:
    """PostgreSQL's timeouts, in seconds."""

    statement: int = 60
    """How long one statement may run."""

    lock: int = 10
    """How long a statement may wait for a lock."""

    idle: int = 60
    """How long a transaction may wait for its next statement, holding its locks."""

    def settings(self) -> Mapping[str, str]:
        return {
            "statement_timeout": f"{self.statement}s",
            "lock_timeout": f"{self.lock}s",
            "idle_in_transaction_session_timeout": f"{self.idle}s",
        }


class Session:
    """Calls block, and calls from several threads wait for each other.

    Errors are raised as `SinkError`, except those about the data (`kind_of` is `data`): these stay psycopg's own, so
    that the caller can find the row that caused them.
    """

    def __init__(self, address: Address, timeouts: Timeouts | None = None) -> None:
        self.address = address
        settings = (timeouts or Timeouts()).settings()
        self._settings = ", ".join(_SETTING.format(name=name, value=value) for name, value in settings.items())
        self._connection: Connection | None = None
        self._opened = 0.0
        self._mutex = Lock()

    def read(self, work: Callable[[Cursor], T]) -> T:
        """Run `work` in a read-only transaction."""
        return self._run(work, _READ)

    def write(self, work: Callable[[Cursor], T], is_stored: IsStored | None = None) -> T:
        """Run `work` in one transaction, which is committed when this returns. After a deadlock `work` is called again.

        is_stored: whether all that `work` wrote is stored; called if the answer to COMMIT was lost. Without it, a lost
        answer is an error.
        """
        return self._run(work, _WRITE, is_stored)

    def dry_run(self, work: Callable[[Cursor], None]) -> None:
        """Run `work` in a transaction that is rolled back, after the constraints that wait for the COMMIT were checked.

        Raises:
            psycopg.Error: of any kind, about what `work` did. SinkError: no transaction could be started.
        """
        with self._mutex:
            try:
                cursor, _ = self._start(_WRITE)
            except psycopg.Error as error:
                raise self._after_failure(error) from None
            try:
                work(cursor)
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            finally:
                self._roll_back()

    def _run(self, work: Callable[[Cursor], T], begin: LiteralString, is_stored: IsStored | None = None) -> T:
        with self._mutex:
            for attempt in range(1, _TRIES + 1):
                try:
                    return self._attempt(work, begin, is_stored)
                except psycopg.Error as error:
                    if error.sqlstate not in _CONFLICTS or attempt == _TRIES:
                        raise self._after_failure(error) from None
                    # For a random time, so that transactions that collided do not meet again.
                    time.sleep(random.uniform(0.01, 0.2))
                except UnicodeError:
                    self._drop()
                    raise
        raise AssertionError("unreachable")

    def close(self) -> None:
        with self._mutex:
            self._drop()
            self.address.close()

    def _after_failure(self, error: psycopg.Error) -> Exception:
        """The error to raise. Closes the connection: a new one may reach the server that took over from this one."""
        if kind_of(error) == "data":
            return error
        self._drop()
        return sink_error(error, self.address.location)

    def _attempt(self, work: Callable[[Cursor], T], begin: LiteralString, is_stored: IsStored | None) -> T:
        cursor, transaction = self._start(begin)
        try:
            result = work(cursor)
        except BaseException:
            self._roll_back()
            raise
        self._commit(cursor, transaction, is_stored)
        return result

    def _start(self, begin: LiteralString) -> tuple[Cursor, str]:
        """Begin a transaction; returns its id as well. A connection that was lost while idle is replaced silently."""
        was_open = self._connection is not None
        try:
            return self._begun(self._current(), begin)
        except psycopg.OperationalError:
            self._drop()
            if not was_open:
                raise
        return self._begun(self._current(), begin)

    def _begun(self, connection: Connection, begin: LiteralString) -> tuple[Cursor, str]:
        """The id is empty in a read-only transaction, which gets none and whose outcome does not matter."""
        cursor = connection.cursor()
        cursor.execute(begin)
        # The id is fetched with the settings, in one round trip. pg_current_xact_id() assigns one if there is none yet.
        transaction_id = "''" if begin == _READ else "pg_current_xact_id()::text"
        row = cursor.execute(f"SELECT {transaction_id}, {self._settings}".encode()).fetchone()
        return cursor, str(row[0]) if row else ""

    def _current(self) -> Connection:
        if self._connection is not None and time.monotonic() - self._opened > _LIFETIME:
            self._drop()
        if self._connection is None or self._connection.closed:
            self._connection = self.address.open(_connect)
            self._opened = time.monotonic()
        return self._connection

    def _commit(self, cursor: Cursor, transaction: str, is_stored: IsStored | None) -> None:
        try:
            cursor.execute("COMMIT")
        except psycopg.Error as error:
            # Without an SQLSTATE, or if it is about the connection or a shutdown, the commit may have happened all the
            # same. With any other the server has refused it, for instance because of a deferred constraint.
            if error.sqlstate is not None and not error.sqlstate.startswith(("08", "57P")):
                self._roll_back()
                raise
            self._drop()
            if is_stored is None or not self._was_committed(transaction, is_stored):
                raise

    def _was_committed(self, transaction: str, is_stored: IsStored) -> bool:
        """Whether a COMMIT took effect whose answer was lost.

        The transaction's status only tells when it has ended. Whether it was committed is read from the tables: a
        server that crashed before the id became durable may have given the same id to another transaction. If
        neither can be found out, the answer is False: the error is raised, and the next attempt compares with what is
        stored anyway.
        """
        until = time.monotonic() + _STATUS_TIMEOUT
        try:
            cursor = self._current().cursor()
            while self._is_in_progress(cursor, transaction) and time.monotonic() < until:
                time.sleep(0.1)
            return is_stored(cursor)
        except psycopg.Error:
            self._drop()
            return False

    def _is_in_progress(self, cursor: Cursor, transaction: str) -> bool:
        try:
            return cursor.execute(_STATUS, (transaction,)).fetchone() == ("in progress",)
        except psycopg.errors.InvalidParameterValue:  # "is in the future": the id was lost in a crash
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
    # BEGIN and COMMIT are sent by `Session` itself. No prepared statements: a pooler in transaction mode may run the
    # next transaction on another server connection, which does not have them.
    connection: Connection = psycopg.connect(**parameters, autocommit=True, prepare_threshold=None)
    if connection.info.server_version < OLDEST_SERVER:
        connection.close()
        raise SinkError(
            "permanent",
            f"PostgreSQL {connection.info.server_version // 10000} is too old; version 13 or newer is required",
        )
    return connection
