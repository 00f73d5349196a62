"""File locks (`flock`) with a timeout."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

EXCLUSIVE = fcntl.LOCK_EX
SHARED = fcntl.LOCK_SH

_PAUSE = 0.005  # seconds between two attempts


class Lock:
    """A lock belongs to the open file: two of one process exclude each other as those of two processes do."""

    def __init__(self, path: Path) -> None:
        self.file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)

    def try_acquire(self, mode: int) -> bool:
        try:
            fcntl.flock(self.file, mode | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def acquire(self, mode: int, timeout: float) -> bool:
        """False if it was not to be had within `timeout` seconds."""
        until = monotonic() + timeout
        while not self.try_acquire(mode):
            if monotonic() > until:
                return False
            sleep(_PAUSE)
        return True

    def wait(self, mode: int) -> None:
        """Acquire it without a timeout; the kernel wakes the process up."""
        fcntl.flock(self.file, mode)

    def close(self) -> None:
        """Also releases the lock, unless a child process has inherited the file."""
        os.close(self.file)


@contextmanager
def open_lock(path: Path) -> Iterator[Lock]:
    """The lock's file, closed at the end; nothing is acquired yet."""
    lock = Lock(path)
    try:
        yield lock
    finally:
        lock.close()


def is_free(path: Path) -> bool:
    with open_lock(path) as lock:
        return lock.try_acquire(EXCLUSIVE)
