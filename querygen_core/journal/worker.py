"""One thread per SQLite connection; the event loop never waits for the disk."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from querygen_core.errors import JournalError

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], Any]
_Job = tuple[Work, "asyncio.Future[Any]"]

_BATCH = 512  # more would hold the first waiter up for nothing


class Worker:
    """Runs pieces of work on its own connection, in order. A writer commits whatever is queued in one transaction.

    So one fsync serves all calls that finished meanwhile, and a piece of work is durable when it is answered. Work
    that has been queued is done even if nobody waits for it any more.
    """

    def __init__(self, connect: Callable[[], sqlite3.Connection], *, writes: bool) -> None:
        self._connect = connect
        self._writes = writes
        self._queue: SimpleQueue[_Job | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="journal", daemon=True)
        self._thread.start()
        self._closed = False

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """The result of `work`, durable if this worker writes. Raises JournalError for any trouble of SQLite."""
        if self._closed:
            raise JournalError("the journal is closed")
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._queue.put((work, future))
        return await future

    async def aclose(self) -> None:
        """Finish what is queued, then close the connection."""
        if not self._closed:
            self._closed = True
            self._queue.put(None)
            await asyncio.to_thread(self._thread.join)

    def _work(self) -> None:
        connection: sqlite3.Connection | None = None
        closing = False
        while not closing:
            jobs, closing = self._next_batch()
            if not jobs:
                continue
            try:
                connection = connection or self._connect()
            except (sqlite3.Error, JournalError) as exc:
                _answer([(future, None, _explain(exc)) for _, future in jobs])
                continue
            _answer(self._run_batch(connection, jobs))
        if connection is not None:
            connection.close()

    def _next_batch(self) -> tuple[list[_Job], bool]:
        jobs: list[_Job] = []
        job = self._queue.get()
        while job is not None:
            jobs.append(job)
            if len(jobs) == _BATCH:
                return jobs, False
            try:
                job = self._queue.get_nowait()
            except Empty:
                return jobs, False
        return jobs, True

    def _run_batch(self, connection: sqlite3.Connection, jobs: list[_Job]) -> list[_Result]:
        if not self._writes:
            return [_run_alone(connection, job) for job in jobs]
        try:
            return _run_together(connection, jobs)
        except Exception:  # noqa: BLE001 - one of them failed: each alone, so that only its owner hears of it
            _roll_back(connection)
            return [_commit_alone(connection, job) for job in jobs]


_Result = tuple["asyncio.Future[Any]", Any, Exception | None]


def _run_together(connection: sqlite3.Connection, jobs: list[_Job]) -> list[_Result]:
    connection.execute("BEGIN IMMEDIATE")
    results: list[_Result] = [(future, work(connection), None) for work, future in jobs]
    connection.execute("COMMIT")
    return results


def _commit_alone(connection: sqlite3.Connection, job: _Job) -> _Result:
    try:
        return _run_together(connection, [job])[0]
    except Exception as exc:  # noqa: BLE001 - handed to the one who asked
        _roll_back(connection)
        return job[1], None, _explain(exc)


def _run_alone(connection: sqlite3.Connection, job: _Job) -> _Result:
    work, future = job
    try:
        return future, work(connection), None
    except Exception as exc:  # noqa: BLE001 - handed to the one who asked
        return future, None, _explain(exc)


def _roll_back(connection: sqlite3.Connection) -> None:
    """If even that fails, the next transaction will say so; this thread must go on to answer."""
    if connection.in_transaction:
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")


def _answer(results: list[_Result]) -> None:
    by_loop: dict[asyncio.AbstractEventLoop, list[_Result]] = {}
    for result in results:
        by_loop.setdefault(result[0].get_loop(), []).append(result)
    for loop, mine in by_loop.items():
        if not loop.is_closed():
            loop.call_soon_threadsafe(_resolve, mine)


def _resolve(results: list[_Result]) -> None:
    for future, value, error in results:
        if future.done():  # its owner was cancelled; the work is done all the same
            continue
        if error is None:
            future.set_result(value)
        else:
            future.set_exception(error)


def _explain(error: Exception) -> Exception:
    if not isinstance(error, sqlite3.Error):
        return error
    name = getattr(error, "sqlite_errorname", type(error).__name__)
    advice = {
        "SQLITE_FULL": "the disk is full; free space and run again",
        "SQLITE_IOERR": "the disk failed; run again, elsewhere if it persists",
        "SQLITE_READONLY": "it must not be written; check the owner of state_dir",
        "SQLITE_CANTOPEN": "it cannot be opened; check the owner of state_dir",
        "SQLITE_BUSY": "another process holds it; run again later",
        "SQLITE_NOTADB": "it is no journal; move it away and run again",
        "SQLITE_CORRUPT": "it is damaged; move it away and run again: answers in it are lost",
    }
    said = next((text for prefix, text in advice.items() if name.startswith(prefix)), str(error))
    return JournalError(f"journal: {said} ({name})")
