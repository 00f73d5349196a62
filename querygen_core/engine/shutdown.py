"""The end of a run before its work is done: one cause, which wakes everything that waits."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

from querygen_core.contracts.errors import (
    CredentialsError,
    Exit,
    InputError,
    ProviderError,
    QuerygenError,
    SinkError,
    Stopped,
    StoppedBy,
    lack_of_memory,
)
from querygen_core.secrets.masking import mask

T = TypeVar("T")
log = logging.getLogger("querygen.run")

_LAST_WORDS = 2.0  # seconds for what is cancelled to clean up


@dataclass(slots=True)
class Shutdown:
    """Once set, no further call starts: everything that waits here gets `Stopped`. Only the first cause counts."""

    code: Exit | None = None
    """The run's exit code; None while it is not set."""
    message: str = ""
    """The cause in one sentence, masked, since the report repeats it."""
    stopped_by: StoppedBy | None = None
    """The cause in one word; None if there is no word for it."""
    retry_after: float | None = None
    """Seconds after which to run the job again; None if nobody named any."""
    deadline: float | None = None
    """Event-loop time by which the process must have ended; None unless a signal set it."""
    may_deliver: bool = True
    """False when another process has the job: then not even what is finished goes to a sink."""
    announce: Callable[[], None] | None = None
    """Called once, when it is set."""
    hurried: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the run must not wait for anything any more, only report."""
    _waiting: set[asyncio.Future[Any]] = field(default_factory=set)

    @property
    def is_set(self) -> bool:
        return self.code is not None

    @property
    def reads_on(self) -> bool:
        """Whether to read the rest of the input. A run that only may not spend more still accounts for every record."""
        return self.code in (None, Exit.PROVIDER_REFUSES) and self.deadline is None and self.may_deliver

    def set(
        self,
        code: Exit,
        message: str,
        stopped_by: StoppedBy | None = None,
        *,
        retry_after: float | None = None,
        deadline: float | None = None,
        bug: BaseException | None = None,
    ) -> None:
        """End the run. bug: an unforeseen exception, whose traceback is logged."""
        # Set even if the run is ending for another cause already: after a signal the machine does not wait.
        if self.deadline is None:
            self.deadline = deadline
        if self.is_set:
            return
        self.code, self.message = code, mask(message)
        self.stopped_by, self.retry_after = stopped_by, retry_after
        log.error("%s; no further call starts%s", self.message, end_words(code, stopped_by), exc_info=bug)
        if self.announce is not None:
            self.announce()
        for future in self._waiting:
            if not future.done():
                future.set_exception(Stopped(self.message))

    def set_by(self, error: QuerygenError) -> None:
        """End the run because of this error."""
        self.may_deliver = self.may_deliver and error.kind != "fenced"
        retry_after = error.retry_after if isinstance(error, ProviderError) else None
        self.set(error.exit_code, str(error), cause_of(error), retry_after=retry_after)

    def set_by_bug(self, error: BaseException) -> None:
        """End the run because of what nobody has foreseen: a bug, or a lack of memory in disguise."""
        if (lack := lack_of_memory(error)) is not None:
            self.set_by(lack)
        else:
            self.set(Exit.BUG, f"a bug in querygen: {error!r}", bug=error)

    def check(self) -> None:
        """Raise Stopped if it is set."""
        if self.is_set:
            raise Stopped(self.message)

    def hurry(self) -> None:
        """Cancel what `unless_hurried` waits for."""
        self.deadline = asyncio.get_running_loop().time()
        self.hurried.set()

    async def unless_hurried(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of `work`.

        Raises:
            Stopped: it was cancelled, since the run must end at once.
        """
        if self.hurried.is_set():
            work.close()
            raise Stopped(self.message)
        task = asyncio.ensure_future(work)
        hurry = asyncio.ensure_future(self.hurried.wait())
        try:
            await asyncio.wait({task, hurry}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            hurry.cancel()
            if not task.done():
                task.cancel()
        if self.hurried.is_set():
            await asyncio.wait({task}, timeout=_LAST_WORDS)
            if not task.done() or task.cancelled():
                raise Stopped(self.message)
        return await task

    def seconds_left(self) -> float:
        """Seconds until the deadline; infinite without one."""
        return float("inf") if self.deadline is None else self.deadline - asyncio.get_running_loop().time()

    async def wait(self, future: asyncio.Future[T]) -> T:
        """The future's result.

        Raises:
            Stopped: the run ended first.
        """
        self.check()
        self._waiting.add(future)
        try:
            return await future
        finally:
            self._waiting.discard(future)

    async def sleep(self, seconds: float) -> None:
        """Sleep, unless the run ends first: then raise Stopped."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        timer = loop.call_later(seconds, _wake, future)
        try:
            await self.wait(future)
        finally:
            timer.cancel()


def end_words(code: Exit, stopped_by: StoppedBy | None) -> str:
    """The end of the line that tells why a run ends, for whoever searches a log."""
    return f" [stopped_by={stopped_by or 'none'} exit_code={int(code)}]"


def cause_of(error: QuerygenError) -> StoppedBy | None:
    """The word for a run that this error ends; None if there is no word for it."""
    if error.kind == "fenced":
        return "held"
    if isinstance(error, InputError):
        return "rejected_input"
    if isinstance(error, SinkError):
        return "sink"
    if isinstance(error, CredentialsError) or error.exit_code == Exit.CREDENTIALS:
        return "auth"
    if isinstance(error, ProviderError):
        return "quota" if error.kind == "quota" else "dead_model"
    return None


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
