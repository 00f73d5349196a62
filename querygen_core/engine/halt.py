"""How a run ends before its work is done: one cause, heard by everything that waits."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from querygen_core.errors import Exit, Stopped
from querygen_core.masking import mask

T = TypeVar("T")
log = logging.getLogger("querygen.run")


@dataclass(slots=True)
class Halt:
    """Once set, no further call starts: whatever waits here gets `Stopped`. The first cause counts.

    announce: called once, when it is set. message: masked, since it goes into the report.
    deadline: event-loop time by which the process must be gone, if a signal set it.
    """

    code: Exit | None = None
    message: str = ""
    deadline: float | None = None
    announce: Callable[[], None] | None = None
    _waiting: set[asyncio.Future[Any]] = field(default_factory=set)

    @property
    def is_set(self) -> bool:
        return self.code is not None

    @property
    def reads_on(self) -> bool:
        """Whether the rest of the input is still worth reading: so that all of it is accounted for, at no cost."""
        return self.code in (None, Exit.PROVIDER_REFUSES) and self.deadline is None

    def set(self, code: Exit, message: str, *, deadline: float | None = None) -> None:
        if self.deadline is None:
            self.deadline = deadline
        if self.is_set:
            return
        self.code, self.message = code, mask(message)
        log.warning("%s; no further call starts", self.message)
        if self.announce is not None:
            self.announce()
        for future in self._waiting:
            if not future.done():
                future.set_exception(Stopped(self.message))

    def check(self) -> None:
        if self.is_set:
            raise Stopped(self.message)

    def seconds_left(self) -> float:
        """Until the deadline; infinite without one."""
        return float("inf") if self.deadline is None else self.deadline - asyncio.get_running_loop().time()

    async def wait(self, future: asyncio.Future[T]) -> T:
        """The future's result, unless the run ends first."""
        self.check()
        self._waiting.add(future)
        try:
            return await future
        finally:
            self._waiting.discard(future)

    async def sleep(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        timer = loop.call_later(seconds, _wake, future)
        try:
            await self.wait(future)
        finally:
            timer.cancel()


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
