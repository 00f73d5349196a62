"""`files/jsonl` and `files/json`: one file, written anew in each run and replaced as a whole at its end."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import BinaryIO, Protocol

from querygen_core.api import Outcome, Receipt
from querygen_core.formats import HeldProduct, PreviousContents, SnapshotWriter
from querygen_files.atomic_file import AtomicFile, default_file_mode
from querygen_files.fence import Fence
from querygen_files.output_file import OutputFile
from querygen_files.ownership import Ownership


class Format(Protocol):
    """Writes the text of one file, from front to back, once. The text depends on the job and its outcomes only."""

    def head(self) -> str: ...
    def product(self, outcome: Outcome) -> str: ...
    def tail(self) -> str: ...

    def held(self, file: BinaryIO) -> Iterator[HeldProduct]:
        """The contents of an earlier file of this format. Raises ValueError if it is damaged or of another format."""
        ...


class _StagedFile:
    """The new content, in the partial file."""

    def __init__(self, file: AtomicFile, text: Format) -> None:
        self._file = file
        self._text = text
        self.previous = PreviousContents()

    def begin(self) -> None:
        self._file.write(self._text.head().encode())

    def add(self, outcome: Outcome) -> Receipt:
        self._file.write(self._text.product(outcome).encode())
        return self.previous.receipt(outcome)

    def publish(self) -> None:
        self._file.write(self._text.tail().encode())
        self._file.publish()

    def close(self) -> None:
        self._file.close()
        self.previous.close()


def _load(previous: PreviousContents, target: OutputFile, text: Format, log: logging.Logger) -> None:
    """Read the old file, which is the sink's only state. A damaged one counts as empty."""
    if (current := target.read()) is None:
        return
    with current:
        try:
            previous.load(text.held(current))
        except ValueError as error:
            message = "%s was not written by this sink, or was changed since (%s); it is replaced as if it were empty"
            log.warning(message, target.identity, error)


class Snapshot(SnapshotWriter[_StagedFile]):
    """A sink that is one file."""

    def __init__(
        self,
        target: OutputFile,
        text: Callable[[], Format],
        ownership: Ownership,
        log: logging.Logger,
        fence: int | None = None,
    ) -> None:
        """text: makes the writer of a new file, once for each time the file is written. fence: of the context."""
        super().__init__()
        self.identity = target.identity
        self.takes_samples = True  # `target` is the sample's own file
        self._target = target
        self._text = text
        self._ownership = ownership
        self._log = log
        self._mode = default_file_mode()
        self._fence = None if fence is None else Fence(target, fence)

    def _check_place(self) -> None:
        """Do what the first `apply` will do, then undo it."""
        self._ownership.check(self._target)
        AtomicFile(self._target, self._mode, self._fence).close()
        if self._fence is not None:
            self._fence.check()

    def _stage(self) -> _StagedFile:
        text = self._text()
        staged = _StagedFile(AtomicFile(self._target, self._mode, self._fence), text)
        try:
            self._ownership.check(self._target)  # again, with the lock: another job may have been faster
            if self._fence is not None:
                self._fence.raise_mark()
            _load(staged.previous, self._target, text, self._log)
            staged.begin()
        except BaseException:
            staged.close()
            raise
        return staged

    def _read_held(self, previous: PreviousContents) -> None:
        _load(previous, self._target, self._text(), self._log)

    def _put_in_place(self, staged: _StagedFile) -> None:
        staged.publish()

    def _failures(self) -> AbstractContextManager[None]:
        return self._target.failures()
