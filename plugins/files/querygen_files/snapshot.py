"""A sink that is one file: written anew from the first outcome to the last, then put in place as a whole."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import BinaryIO, Protocol, TypeVar

from querygen_core.api import Outcome, Receipt
from querygen_core.formats import HeldProduct, Holdings
from querygen_files.draft import Draft, usual_mode
from querygen_files.target import Target

R = TypeVar("R")


class Format(Protocol):
    """The text of one file, made once, front to back. It depends on job and outcomes, on nothing else."""

    def head(self) -> str: ...
    def product(self, outcome: Outcome) -> str: ...
    def tail(self) -> str: ...

    def held(self, file: BinaryIO) -> Iterator[HeldProduct]:
        """Read back what an earlier file of this format holds. ValueError: it is no such file, or damaged."""
        ...


@dataclass(frozen=True, slots=True)
class _Edition:
    """One pass over all outcomes."""

    format: Format
    holdings: Holdings
    draft: Draft


class Snapshot:
    """The first `apply` begins an edition, `publish` ends it. All file work is done in a thread, one step at a time.

    A failure in the middle of an edition is final for this object: the draft is removed, which gives a full disk its
    room back, and nothing incomplete can be published. The next run begins again.
    """

    def __init__(self, target: Target, begin: Callable[[], Format], log: logging.Logger) -> None:
        self.identity = target.identity
        self._target = target
        self._begin = begin
        self._log = log
        self._mode = usual_mode()
        self._edition: _Edition | None = None
        self._failure: Exception | None = None
        self._one_at_a_time = Lock()  # of the threads: a cancelled call's thread works on

    async def check(self) -> None:
        await asyncio.to_thread(self._check)

    async def apply(self, outcomes: Sequence[Outcome]) -> Sequence[Receipt]:
        return await asyncio.to_thread(self._guard, lambda: self._apply(outcomes))

    async def publish(self) -> int:
        return await asyncio.to_thread(self._guard, self._publish)

    async def aclose(self) -> None:
        await asyncio.to_thread(self._close)

    def _guard(self, step: Callable[[], R]) -> R:
        with self._one_at_a_time:
            if self._failure is not None:
                raise self._failure
            try:
                with self._target.failures():
                    return step()
            except Exception as failure:
                if self._edition is not None:
                    self._failure = failure
                self._drop()
                raise

    def _check(self) -> None:
        """Do what the first `apply` will do, then undo it."""
        with self._one_at_a_time, self._target.failures():
            if self._edition is None:
                if old := self._target.read():
                    old.close()
                Draft(self._target, self._mode).close()

    def _apply(self, outcomes: Sequence[Outcome]) -> list[Receipt]:
        edition = self._current()
        receipts = []
        for outcome in outcomes:
            edition.draft.write(edition.format.product(outcome).encode())
            receipts.append(edition.holdings.settle(outcome))
        return receipts

    def _publish(self) -> int:
        edition = self._current()
        edition.draft.write(edition.format.tail().encode())
        retired = edition.holdings.rest()
        edition.draft.publish()
        self._drop()
        return retired

    def _current(self) -> _Edition:
        if self._edition is None:
            draft = Draft(self._target, self._mode)
            self._edition = _Edition(self._begin(), Holdings(), draft)
            self._load(self._edition)
            draft.write(self._edition.format.head().encode())
        return self._edition

    def _load(self, edition: _Edition) -> None:
        if (old := self._target.read()) is None:
            return
        with old:
            try:
                edition.holdings.load(edition.format.held(old))
            except ValueError as error:
                message = (
                    "%s was not written by this sink, or was changed since (%s): it is replaced as if it were empty"
                )
                self._log.warning(message, self.identity, error)

    def _close(self) -> None:
        with self._one_at_a_time:
            self._drop()

    def _drop(self) -> None:
        if self._edition is not None:
            self._edition.draft.close()
            self._edition.holdings.close()
            self._edition = None
