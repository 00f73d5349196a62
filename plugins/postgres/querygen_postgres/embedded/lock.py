"""`flock`, with an end to the waiting."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

ALONE = fcntl.LOCK_EX
TOGETHER = fcntl.LOCK_SH

_PAUSE = 0.005


class Lock:
    """Belongs to the open file: two of one process exclude each other as those of two processes do."""

    def __init__(self, path: Path) -> None:
        self.file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)

    def try_to_take(self, kind: int) -> bool:
        try:
            fcntl.flock(self.file, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def take(self, kind: int, seconds: float) -> bool:
        """False: somebody else had it all the time."""
        until = monotonic() + seconds
        while not self.try_to_take(kind):
            if monotonic() > until:
                return False
            sleep(_PAUSE)
        return True

    def wait(self, kind: int) -> None:
        """For as long as it takes, at no cost."""
        fcntl.flock(self.file, kind)

    def close(self) -> None:
        """Also gives the lock up, unless a child process has inherited the file."""
        os.close(self.file)


@contextmanager
def opened(path: Path) -> Iterator[Lock]:
    lock = Lock(path)
    try:
        yield lock
    finally:
        lock.close()


def is_free(path: Path) -> bool:
    with opened(path) as lock:
        return lock.try_to_take(ALONE)
