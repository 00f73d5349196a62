"""Files of a folder that several processes write to, possibly of several machines: durable, locked, and its clock."""

from __future__ import annotations

import fcntl
import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from querygen_core.contracts.errors import JournalError
from querygen_core.formats.atomic_file import sync_folder
from querygen_core.journal.failures import kind_of

_PATIENCE = 10.0  # seconds to wait for a lock, which is held for the time of two fsyncs
_MODE = 0o770  # of folders, less the umask: the machines that share a disk may have a group in common


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn an OSError of the block into a JournalError about `path`."""
    try:
        yield
    except OSError as error:
        raise JournalError(f"{path}: {error.strerror or error}", kind=kind_of(error)) from None


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, durably. Raises OSError."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(_MODE, exist_ok=True)
        sync_folder(folder.parent)


@contextmanager
def durable_file(folder: Path, body: bytes) -> Iterator[Path]:
    """A durable file with `body`, to be linked or renamed. Its name begins with a dot; a killed process may leave it.

    Raises:
        OSError: it cannot be written, or not made durable.
    """
    make_folder(folder)
    path = folder / f".{uuid4().hex}.partial"
    try:
        with path.open("xb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        yield path
    finally:
        path.unlink(missing_ok=True)


def link(source: Path, path: Path) -> bool:
    """Give a durable file the name `path` too, durably. False if there is a file of that name. Raises OSError."""
    try:
        os.link(source, path)
        made = True
    except FileExistsError:
        made = False
    sync_folder(path.parent)  # also for what another process has linked: whoever sees it relies on it
    return made


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other processes, and threads of this one, out of the same block for this folder. Its lock is `.lock`.

    Raises:
        JournalError: another one stays in it. OSError: the lock cannot be opened.
    """
    with (folder / ".lock").open("ab") as file:
        until = time.monotonic() + _PATIENCE
        while not _try_lock(file.fileno()):  # polled, because the holder may have been stopped
            if time.monotonic() > until:
                raise JournalError(f"{folder}: another process has locked it for {_PATIENCE:g} s; run again later")
            time.sleep(random.uniform(0.001, 0.01))
        yield


def _try_lock(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def clock_of(folder: Path) -> float:
    """The time, in seconds since 1970, that the disk gives to a file touched now: on a shared disk its server's."""
    clock = folder / ".clock"
    clock.touch()
    return clock.stat().st_mtime


def modified(file: os.DirEntry[str]) -> float | None:
    """Time of its last write, in seconds since 1970; None if it has been removed."""
    try:
        return file.stat().st_mtime
    except FileNotFoundError:
        return None
