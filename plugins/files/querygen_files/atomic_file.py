"""Replaces a file in one step: its next content is written to a partial file beside it, which is then renamed."""

from __future__ import annotations

import fcntl
import hashlib
import os
from contextlib import suppress
from time import monotonic, sleep

from querygen_core.api import SinkError
from querygen_core.formats import move_into_place
from querygen_files.fence import Fence
from querygen_files.output_file import OutputFile, open_regular_file

LOCK_TIMEOUT = 5.0
"""Seconds to wait for another writer of the same file; a small job is done by then."""


def default_file_mode() -> int:
    """The permissions of a new file here. Not thread-safe: the umask can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return 0o666 & ~mask


class AtomicFile:
    """The partial file, private until `publish`. A crash at any moment leaves the old file as it was.

    It is `<name>.partial`, which one process at a time can write, or with a lease `<name>.<number>.partial`, since a
    paused process must not hold up its successor.

    Raises OSError, or SinkError if another process is writing the same file or has taken over the job.
    """

    def __init__(self, target: OutputFile, mode: int, fence: Fence | None = None) -> None:
        """mode: permissions of the published file."""
        self._target = target
        self._mode = mode
        self._fence = fence
        self._path = fence.partial if fence else target.path.with_name(f"{target.path.name}.partial")
        self._hash = hashlib.sha256()
        self._size = 0
        self._is_published = False
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._descriptor = self._open_locked()
        # Only with the lock held, since until then the content may be another writer's.
        os.ftruncate(self._descriptor, 0)

    def _open_locked(self) -> int:
        """Takes over the partial file of a killed run, and waits for that of a living one."""
        deadline = monotonic() + LOCK_TIMEOUT
        while (descriptor := self._try_open_locked()) is None:
            if monotonic() > deadline:
                raise SinkError("retry", f"cannot write {self._target.identity}: another run or sink is writing it")
            sleep(0.02)
        return descriptor

    def _try_open_locked(self) -> int | None:
        descriptor = open_regular_file(self._path, os.O_WRONLY | os.O_CREAT, 0o600)
        with suppress(BlockingIOError, FileNotFoundError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Between opening and locking, its owner may have published it: then it is the target, not a partial file.
            if os.path.samestat(os.fstat(descriptor), self._path.lstat()):
                return descriptor
        os.close(descriptor)
        return None

    def write(self, data: bytes) -> None:
        self._hash.update(data)
        self._size += len(data)
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]

    def publish(self) -> None:
        """Replace the target durably. If it holds the same bytes already, it stays, with its modification time."""
        self._check_fence()
        if self._equals_target():
            return
        os.fchmod(self._descriptor, self._mode)
        os.fsync(self._descriptor)
        try:
            move_into_place(self._path, self._target.path)
        except FileNotFoundError:  # a later process has removed it, and left its mark before
            self._check_fence()
            raise
        self._is_published = True

    def _check_fence(self) -> None:
        if self._fence is not None:
            self._fence.check()

    def _equals_target(self) -> bool:
        if (current := self._target.read()) is None:
            return False
        with current:
            has_same_size = os.fstat(current.fileno()).st_size == self._size
            return has_same_size and hashlib.file_digest(current, "sha256").digest() == self._hash.digest()

    def close(self) -> None:
        """Remove the partial file unless it was published.

        It is removed before its lock is released, so that no other writer takes over a file that is about to vanish.
        """
        with suppress(OSError):
            if not self._is_published:
                self._path.unlink()
        with suppress(OSError):
            os.close(self._descriptor)
