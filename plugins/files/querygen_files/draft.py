"""A file's next content, written beside it as `<name>.partial` and put in its place in one step."""

from __future__ import annotations

import fcntl
import hashlib
import os
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep

from querygen_core.api import SinkError
from querygen_files.target import Target, open_plain

PATIENCE = 5.0
"""Seconds to wait for another writer of the same file; a small job's is done by then."""


def usual_mode() -> int:
    """The permissions a new file gets here. Not for threads: the umask can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return 0o666 & ~mask


class Draft:
    """Private, and invisible under the target's name, until `publish`. A crash at any moment leaves the old file.

    Raises OSError, or SinkError where another writer is at work.
    """

    def __init__(self, target: Target, mode: int) -> None:
        self._target = target
        self._mode = mode
        self._path = target.path.with_name(f"{target.path.name}.partial")
        self._hash = hashlib.sha256()
        self._size = 0
        self._published = False
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._claim()
        os.ftruncate(self._file, 0)

    def _claim(self) -> int:
        """The file, locked. A killed run's leftover is taken over; for a living writer we wait a while."""
        patience = monotonic() + PATIENCE
        while (file := self._try_to_claim()) is None:
            if monotonic() > patience:
                raise SinkError("retry", f"cannot write {self._target.identity}: another run or sink is writing it")
            sleep(0.02)
        return file

    def _try_to_claim(self) -> int | None:
        file = open_plain(self._path, os.O_WRONLY | os.O_CREAT, 0o600)
        with suppress(BlockingIOError, FileNotFoundError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(file), self._path.lstat()):  # else it was published in this moment
                return file
        os.close(file)
        return None

    def write(self, data: bytes) -> None:
        self._hash.update(data)
        self._size += len(data)
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._file, rest) :]

    def publish(self) -> None:
        """Replace the target, durably; if it holds these very bytes already, leave it as it is."""
        if self._is_old_news():
            return
        os.fchmod(self._file, self._mode)
        os.fsync(self._file)
        self._path.replace(self._target.path)
        self._published = True
        _sync_folder(self._path.parent)

    def _is_old_news(self) -> bool:
        if (old := self._target.read()) is None:
            return False
        with old:
            same_size = os.fstat(old.fileno()).st_size == self._size
            return same_size and hashlib.file_digest(old, "sha256").digest() == self._hash.digest()

    def close(self) -> None:
        """Remove it, unless it was published. The name goes before the lock: nobody takes over what is going."""
        with suppress(OSError):
            if not self._published:
                self._path.unlink()
        with suppress(OSError):
            os.close(self._file)


def _sync_folder(folder: Path) -> None:
    """A rename is durable when the folder is."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
