"""Lets the writers of a database wait in line, over all processes."""

from __future__ import annotations

import fcntl
import os
import threading
from pathlib import Path
from types import TracebackType

from querygen_core.contracts.errors import JournalError
from querygen_core.journal.failures import kind_of, open_private

_PATIENCE = 30.0  # seconds


class WriteQueue:
    """A lock file that a writer holds for the length of a transaction.

    SQLite's own waiting is a sleep that grows: of 16 writers one could wait for seconds, and one was never served. The
    system wakes those that wait for a `flock` in the order in which they came.
    """

    def __init__(self, path: Path, patience: float = _PATIENCE) -> None:
        """patience: seconds to wait for the turn."""
        self._path = path
        self._patience = patience
        self._file: int | None = None

    def __enter__(self) -> None:
        """Raises JournalError if the file cannot be locked, or another process has held it for too long."""
        if self._file is None:
            self._file = self._open()
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting = _Waiting(self._file)
            if not waiting.ends_within(self._patience):
                self._file = None  # it is the waiting thread's now, which closes it
                message = f"journal: another process has held {self._path} for {self._patience:g} s; is it stopped?"
                raise JournalError(f"{message} run again later") from None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._file is not None:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _open(self) -> int:
        try:
            return open_private(self._path)
        except OSError as error:
            message = f"journal: {self._path} cannot be written: {error.strerror}"
            raise JournalError(message, kind=kind_of(error)) from None


class _Waiting:
    """A thread that waits for a lock, since a `flock` that blocks cannot be given a time."""

    def __init__(self, file: int) -> None:
        self._file = file
        self._done = threading.Event()
        self._decision = threading.Lock()
        self._given_up = False
        threading.Thread(target=self._wait, name="write queue", daemon=True).start()

    def ends_within(self, seconds: float) -> bool:
        """Whether the file is locked by us within this time. If not, the thread closes it when it gets the lock."""
        if self._done.wait(seconds):
            return True
        with self._decision:
            self._given_up = not self._done.is_set()
        return not self._given_up

    def _wait(self) -> None:
        fcntl.flock(self._file, fcntl.LOCK_EX)
        with self._decision:
            if self._given_up:
                os.close(self._file)
            else:
                self._done.set()
