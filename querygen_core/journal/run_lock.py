"""One run of each shard of a job at a time, by a lock on a file."""

from __future__ import annotations

import fcntl
import os
import threading
import time
from pathlib import Path

from querygen_core.contracts.errors import JournalError
from querygen_core.journal.failures import kind_of, open_private

_LOOKS, _PAUSE = 5, 0.02  # seconds between attempts, since `holder_of` of another process locks for an instant


class RunLock:
    """A lock that the system releases when its process ends, however that happens, so that none is ever stale."""

    def __init__(self, path: Path, job_id: str) -> None:
        self._path = path
        self._job_id = job_id
        self._lock: int | None = None
        self._lost = ""  # why this run must not go on, if it must not
        self._checking = threading.Lock()

    def take(self) -> None:
        """Lock the file, which is created and never removed: two processes could then lock two files of one name.

        Raises:
            JournalError: another process holds the lock, or the file cannot be written.
        """
        try:
            lock = open_private(self._path)
        except OSError as exc:
            message = f"journal: {self._path} cannot be written: {exc.strerror}"
            raise JournalError(message, kind=kind_of(exc)) from None
        if not _locked(lock):
            holder = os.read(lock, 32).decode("ascii", "replace").strip() or "unknown"
            os.close(lock)
            raise JournalError(
                f"job {self._job_id!r} is being run by another process (pid {holder}); try again when it has ended",
                kind="fenced",
            )
        os.ftruncate(lock, 0)
        os.write(lock, f"{os.getpid()}\n".encode())
        self.release()
        self._lock = lock

    def check(self) -> None:
        """Make sure that the lock, if it was taken, still keeps other runs away; take it anew if its file was removed.

        From any thread. Within a transaction that writes it promises that no other run begins before its end, since a
        run locks the file before it writes.

        Raises:
            JournalError: another process has, or had, taken a new lock, or there cannot be one.
        """
        with self._checking:
            if self._lost:
                raise JournalError(self._lost)
            if self._lock is not None and not self._is_in_place(self._lock):
                was_made = self._path.exists()  # by another run, which may have ended, and whose state is the job's now
                self.take()
                if was_made:
                    self._lost = f"job {self._job_id!r} has been run by another process meanwhile; run it again"
                    raise JournalError(self._lost)

    def _is_in_place(self, lock: int) -> bool:
        """Whether the locked file is still the one that another process would lock."""
        try:
            return os.path.samestat(self._path.stat(), os.fstat(lock))
        except FileNotFoundError:
            return False

    def release(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def holder_of(path: Path) -> int | None:
    """Pid of the process that holds the lock of this file; 0 if it has not written it yet, None if there is none."""
    try:
        with path.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                written = file.read(32).strip()
                return int(written) if written.isdigit() else 0
    except OSError:  # no file, no run
        return None
    return None


def _locked(lock: int) -> bool:
    for attempt in range(_LOOKS):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if attempt + 1 < _LOOKS:
                time.sleep(_PAUSE)
        else:
            return True
    return False
