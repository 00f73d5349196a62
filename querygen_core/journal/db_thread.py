"""A thread for each SQLite connection, so that the event loop never waits for the disk."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from querygen_core.contracts.errors import JournalError
from querygen_core.contracts.last_resort import last_resort
from querygen_core.contracts.threads import Result, resolve
from querygen_core.journal.failures import explain, is_fatal, is_locked

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], Any]
_Job = tuple[Work, "asyncio.Future[Any]"]

_BATCH = 512  # jobs in one transaction: with more, the first waits longer and the fsync per job hardly shrinks
_CLOSING = 60.0  # seconds that the thread gets for what is queued; longer only if the disk hangs
_CHECKPOINT = 500  # changed rows, of which each dirties two or three pages of 4 KiB, between two checkpoints


class DbThread:
    """Runs functions on its own connection, in order. A writer commits all that are queued in one transaction.

    So one fsync serves all calls that finished meanwhile, and a write is durable when its result arrives. What has been
    queued is done even if nobody waits for it any more. When the disk fails or the thread cannot go on, it closes the
    connection, and all that wait and all later callers get the error. connect: called in the thread, at the first
    function. turn: held by a writer while it writes. name: of the database, for messages. file: of the database; a
    writer commits nothing to a file that is not at this place any more.
    """

    def __init__(
        self,
        connect: Callable[[], sqlite3.Connection],
        *,
        writes: bool,
        turn: AbstractContextManager[None] | None = None,
        name: str = "journal",
        file: Path | None = None,
    ) -> None:
        self._connect = connect
        self._writes = writes
        self._turn = turn or nullcontext()
        self._name = name
        self._file = file
        self._opened: os.stat_result | None = None
        self._queue: SimpleQueue[_Job | None] = SimpleQueue()
        self._waiting: set[asyncio.Future[Any]] = set()
        self._failure: Exception | None = None
        # Made now, because later there may be no memory for it.
        self._ended = JournalError(f"{name}: its thread ended for lack of memory; run again with more")
        self._checkpointed = 0  # changed rows, of all since the connection was made, up to the last checkpoint
        self._closed = False
        # A daemon, because a disk that hangs must not keep the process from ending.
        self._thread = threading.Thread(target=self._work, name="journal", daemon=True)
        self._thread.start()

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Return the result of `work`, which is durable if this thread writes.

        Raises:
            JournalError: SQLite failed, or the journal is closed. Other errors of `work` are raised as they are.
        """
        if self._closed:
            raise JournalError("the journal is closed")
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.add(future)
        try:
            self._queue.put((work, future))
            # Looked at only now: a thread that fails later finds the future among those that wait.
            if self._failure is not None:
                raise _again(self._failure)
            return await future
        finally:
            self._waiting.discard(future)

    async def aclose(self) -> None:
        """Finish what is queued, then close the connection."""
        if not self._closed:
            self._closed = True
            self._queue.put(None)
            await asyncio.to_thread(self._thread.join, _CLOSING)

    def _work(self) -> None:
        connection: sqlite3.Connection | None = None
        try:
            closing = False
            while not closing:
                jobs, closing = self._next_batch()
                if jobs:
                    connection = connection or self._try_to_connect(jobs)
                if jobs and connection is not None:
                    resolve(self._run_batch(connection, jobs))
                    self._checkpoint(connection)
        except BaseException as exc:  # noqa: BLE001 - whatever it is, nobody may wait for this thread for ever
            self._fail(exc)
        if connection is not None:
            with suppress(sqlite3.Error):  # nothing that a caller was promised depends on it
                connection.close()

    def _try_to_connect(self, jobs: list[_Job]) -> sqlite3.Connection | None:
        """The connection. If it cannot be made now, these jobs get the error and the next ones a new try."""
        try:
            connection = self._connect()
        except (sqlite3.Error, JournalError) as exc:
            if is_fatal(exc):
                raise
            resolve([(future, None, explain(exc, self._name)) for _, future in jobs])
            return None
        if self._writes:
            # SQLite's own checkpoints ignore the errors of the disk; `_checkpoint` does not.
            connection.execute("PRAGMA wal_autocheckpoint=0")
            self._checkpointed = connection.total_changes
            self._opened = self._file.stat() if self._file else None
        return connection

    def _next_batch(self) -> tuple[list[_Job], bool]:
        jobs: list[_Job] = []
        job = self._queue.get()  # waits for the first; those behind it are taken only if they are there
        while job is not None:
            jobs.append(job)
            if len(jobs) == _BATCH:
                return jobs, False
            try:
                job = self._queue.get_nowait()
            except Empty:
                return jobs, False
        return jobs, True

    def _run_batch(self, connection: sqlite3.Connection, jobs: list[_Job]) -> list[Result]:
        if not self._writes:
            return [self._run_alone(connection, job) for job in jobs]
        try:
            with self._turn:
                return self._write(connection, jobs)
        except _GoneError:
            raise
        except JournalError as exc:  # not of a job: the turn itself cannot be taken
            return [(future, None, _again(exc)) for _, future in jobs]

    def _write(self, connection: sqlite3.Connection, jobs: list[_Job]) -> list[Result]:
        try:
            return _run_together(connection, jobs, self._check_file)
        except _GoneError:
            _roll_back(connection)
            raise
        except Exception as exc:
            if is_fatal(exc):
                raise
            _roll_back(connection)
            if is_locked(exc) or len(jobs) == 1:
                return [(future, None, explain(exc, self._name)) for _, future in jobs]
        # One job failed: each runs alone, so that only its caller gets the error.
        return [result for job in jobs for result in self._write(connection, [job])]

    def _check_file(self) -> None:
        """Make sure that others will read what is about to be committed.

        Raises:
            _GoneError: the file was removed or replaced.
        """
        if self._file is None or self._opened is None:
            return
        with suppress(FileNotFoundError):
            if os.path.samestat(self._file.stat(), self._opened):
                return
        raise _GoneError(f"{self._name}: was removed or replaced while it was used; run again")

    def _run_alone(self, connection: sqlite3.Connection, job: _Job) -> Result:
        work, future = job
        try:
            return future, work(connection), None
        except Exception as exc:
            if is_fatal(exc):
                raise
            return future, None, explain(exc, self._name)

    def _checkpoint(self, connection: sqlite3.Connection) -> None:
        """Copy the write-ahead log into the database now and then, so that it stays small."""
        if self._writes and connection.total_changes - self._checkpointed >= _CHECKPOINT:
            self._checkpointed = connection.total_changes
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def _fail(self, error: BaseException) -> None:
        """Give the error to all that wait; `run` gives it to all later callers."""
        self._failure = self._ended
        while True:
            try:
                self._failure = explain(error, self._name)
                resolve([(future, None, _again(self._failure)) for future in list(self._waiting)])
            except MemoryError as lack:
                last_resort.note(lack)  # which ends the process if this goes on
                time.sleep(0.1)  # others may give some back
            else:
                return


class _GoneError(JournalError):
    """Ends the thread: what it wrote would be found by nobody."""


def _run_together(connection: sqlite3.Connection, jobs: list[_Job], check: Callable[[], None]) -> list[Result]:
    # IMMEDIATE waits for another process's lock here. A transaction that reads first could fail at its first write.
    connection.execute("BEGIN IMMEDIATE")
    results: list[Result] = [(future, work(connection), None) for work, future in jobs]
    check()
    connection.execute("COMMIT")
    return results


def _roll_back(connection: sqlite3.Connection) -> None:
    """If even this fails, the next transaction reports it."""
    if connection.in_transaction:
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")


def _again(error: Exception) -> Exception:
    """A copy for one more caller, since each adds its own traceback to the error that it raises."""
    return JournalError(str(error), kind=error.kind) if isinstance(error, JournalError) else error
