"""Work in threads for an event loop that must never wait for it.

All threads are daemons: one that hangs in a disk or a network must not keep the process from ending. A result whose
loop is closed, or whose owner was cancelled, is dropped; the work itself is always done to its end.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from contextvars import Context, copy_context
from queue import SimpleQueue
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

Result = tuple["asyncio.Future[Any]", Any, Exception | None]
"""A future, and what it gets: a value, or an error where there is one."""

_Job = tuple[Context, Callable[[], Any], "asyncio.Future[Any]"]


def call_in_loop(loop: asyncio.AbstractEventLoop, call: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
    """From any thread: have the loop make the call. Ignored if the loop is closed."""
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(lambda: call(*args, **kwargs))


def resolve(results: Iterable[Result]) -> None:
    """From any thread: give futures their results, with one wake-up per event loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Result]] = {}
    for result in results:
        by_loop.setdefault(result[0].get_loop(), []).append(result)
    for loop, of_loop in by_loop.items():
        call_in_loop(loop, _resolve_here, of_loop)


def _resolve_here(results: list[Result]) -> None:
    for future, value, error in results:
        if future.done():  # its owner was cancelled
            continue
        if error is None:
            future.set_result(value)
        else:
            future.set_exception(error)


def run_in_thread(name: str, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> asyncio.Future[R]:
    """Run `work` in a thread of its own, called `name`, with the caller's context variables."""
    future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
    job = (copy_context(), lambda: work(*args, **kwargs), future)
    threading.Thread(target=_run, args=(job,), name=name, daemon=True).start()
    return future


class ThreadPool:
    """At most `size` threads called `name`, started as they are needed. To be used from one event loop at a time."""

    def __init__(self, size: int, name: str) -> None:
        self._size = size
        self._name = name
        self._queue: SimpleQueue[_Job | None] = SimpleQueue()
        self._threads = 0
        self._lock = threading.Lock()
        self._unfinished = 0

    async def run(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """The result of `work`, which runs with the caller's context variables."""
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        with self._lock:
            needed = min(self._unfinished + 1, self._size)
        if self._threads < needed:
            threading.Thread(target=self._work, name=self._name, daemon=True).start()
            self._threads += 1  # only now, since it may not start
        with self._lock:
            self._unfinished += 1
        self._queue.put((copy_context(), lambda: work(*args, **kwargs), future))
        return await future

    def close(self) -> None:
        """Let the threads end when they have done what is queued."""
        threads, self._threads = self._threads, 0
        for _ in range(threads):
            self._queue.put(None)

    def _work(self) -> None:
        while (job := self._queue.get()) is not None:
            _run(job, self._finished)

    def _finished(self) -> None:
        with self._lock:
            self._unfinished -= 1


def _run(job: _Job, finished: Callable[[], None] = lambda: None) -> None:
    context, work, future = job
    try:
        result: Result = future, context.run(work), None
    except Exception as error:  # noqa: BLE001 - handed to the one who asked
        result = future, None, error
    # In this order, so that whoever awaits the result finds the thread free for the next job.
    finished()
    resolve([result])
