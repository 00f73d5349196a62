"""Threads for requests to S3, so that the event loop never waits for one."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from contextvars import Context, copy_context
from queue import SimpleQueue
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")
_Job = tuple[Context, Callable[[], Any], "asyncio.Future[Any]"]


class Pool:
    """At most `size` threads, started as they are needed. To be used from one event loop at a time.

    Daemons: one that hangs in a request must not keep the process from ending. What was handed over is done even if
    nobody waits for it any more.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._queue: SimpleQueue[_Job | None] = SimpleQueue()
        self._threads = 0
        self._busy = 0

    async def run(self, work: Callable[P, R], *args: P.args, **given: P.kwargs) -> R:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[R] = loop.create_future()
        self._busy += 1
        if self._threads < min(self._busy, self._size):
            self._threads += 1
            threading.Thread(target=self._work, args=(loop,), name="s3 journal", daemon=True).start()
        self._queue.put((copy_context(), lambda: work(*args, **given), future))
        return await future

    def close(self) -> None:
        """The threads end when they have done what is queued."""
        threads, self._threads = self._threads, 0
        for _ in range(threads):
            self._queue.put(None)

    def _work(self, loop: asyncio.AbstractEventLoop) -> None:
        while (job := self._queue.get()) is not None:
            context, work, future = job
            try:
                result, error = context.run(work), None
            except Exception as exc:  # noqa: BLE001 - handed to the one who asked
                result, error = None, exc
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(self._resolve, future, result, error)

    def _resolve(self, future: asyncio.Future[Any], result: Any, error: Exception | None) -> None:
        self._busy -= 1
        if future.done():  # its owner was cancelled
            return
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)
