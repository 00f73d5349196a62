"""A sink that writes everything anew in each run and shows it as a whole at the end, or not at all."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from threading import Lock
from typing import Generic, Protocol, TypeVar

from querygen_core.contracts.errors import SinkError
from querygen_core.contracts.records import Outcome, Receipt
from querygen_core.formats.previous_contents import PreviousContents

R = TypeVar("R")


class StagedOutput(Protocol):
    """One pass over all outcomes of a job, or of a shard of it, that nobody sees yet."""

    previous: PreviousContents
    """What the sink held before, loaded when the pass began."""

    def add(self, outcome: Outcome) -> Receipt:
        """Stage one product; the receipt is that of `previous`."""
        ...

    def close(self) -> None:
        """Remove what was staged and not published. May be called after publishing."""
        ...


S = TypeVar("S", bound=StagedOutput)


class SnapshotWriter(ABC, Generic[S]):
    """The asynchronous side of a `SnapshotSink`; a subclass does the work, always in a thread and one call at a time.

    A product that was withdrawn is left out. One that is held in a newer version stays as it is held, as does one that
    has no outcome.

    The first `apply` stages an output, `publish` puts it in place. Any failure is final for this object, unless it may
    heal and nothing was staged yet: the staged output is removed, which gives a full disk its room back, and nothing
    incomplete can be published. The next run begins again.
    """

    def __init__(self) -> None:
        self._staged: S | None = None
        self._held: PreviousContents | None = None  # whole records, read when the first is needed
        self._failure: Exception | None = None
        self._lock = Lock()  # a cancelled call's thread works on, and must not meet the next one's

    @abstractmethod
    def _check_place(self) -> None:
        """Make sure that the output can be written, and leave nothing behind. Raises SinkError."""

    @abstractmethod
    def _stage(self) -> S:
        """Begin an output, with what the sink held before loaded. If it raises, nothing is left to close."""

    def _read_held(self, previous: PreviousContents) -> None:
        """Load into `previous` once more what was held when the output was begun. Without it, nothing is taken over of
        products that have no outcome.
        """

    @abstractmethod
    def _put_in_place(self, staged: S) -> None:
        """Let readers see the whole output in place of the old one. Raises SinkError."""

    @abstractmethod
    def _failures(self) -> AbstractContextManager[None]:
        """Turns the errors of disk and network into SinkError."""

    async def check(self) -> None:
        await asyncio.to_thread(self._check)

    async def apply(self, outcomes: Sequence[Outcome]) -> Sequence[Receipt]:
        return await asyncio.to_thread(self._guard, lambda: self._add(outcomes))

    async def publish(self) -> int:
        """Put the output in place; return how many queries went with products that are in it no more."""
        return await asyncio.to_thread(self._guard, self._publish)

    async def aclose(self) -> None:
        await asyncio.to_thread(self._close)

    def _check(self) -> None:
        with self._lock, self._failures():
            if self._staged is None:  # else the place has proved good already, and is in use
                self._check_place()

    def _guard(self, step: Callable[[], R]) -> R:
        with self._lock:
            if self._failure is not None:
                raise self._failure
            try:
                with self._failures():
                    return step()
            except Exception as error:
                if self._staged is not None or not _may_heal(error):
                    self._failure = error
                self._discard()
                raise

    def _add(self, outcomes: Sequence[Outcome]) -> list[Receipt]:
        staged = self._current()
        return [self._take(staged, outcome) for outcome in outcomes]

    def _take(self, staged: S, outcome: Outcome) -> Receipt:
        if outcome.state == "failed":
            return self._take_over(staged, outcome)
        if (newer := staged.previous.newer(outcome)) is not None:
            staged.add(newer)
            message = f"version {outcome.version} is older than version {newer.version}, which stays"
            return Receipt(product_key=outcome.product_key, error=message)
        if outcome.state == "deleted":
            return staged.previous.receipt(outcome)  # whose old queries are all retired
        return staged.add(outcome)

    def _take_over(self, staged: S, outcome: Outcome) -> Receipt:
        """Stage the product as it was held, if it was."""
        if staged.previous.holds(outcome.product_key):
            if self._held is None:
                self._held = PreviousContents(keeps_records=True)
                self._read_held(self._held)
            if (held := self._held.outcome(outcome)) is not None:
                return staged.add(held)
        return Receipt(product_key=outcome.product_key)

    def _publish(self) -> int:
        staged = self._current()
        retired = staged.previous.remaining()
        self._put_in_place(staged)
        self._discard()
        return retired

    def _current(self) -> S:
        if self._staged is None:
            self._staged = self._stage()
        return self._staged

    def _close(self) -> None:
        with self._lock:
            self._discard()

    def _discard(self) -> None:
        if self._staged is not None:
            self._staged.close()
            self._staged = None
        if self._held is not None:
            self._held.close()
            self._held = None


def _may_heal(error: Exception) -> bool:
    return isinstance(error, SinkError) and error.kind == "retry"
