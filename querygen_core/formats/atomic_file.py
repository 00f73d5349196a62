"""Replaces a file in one step: whoever reads it, also after a power cut, finds all of the old content or of the new."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO


@contextmanager
def replacing(path: Path, mode: int = 0o666) -> Iterator[BinaryIO]:
    """A file to write; it takes the place of `path`, durably, when the block ends without an error.

    Until then it stands beside `path` as `<name>.<process id>.partial`, so that two processes do not write into each
    other's. After an error it is removed, and `path` is as it was. mode: its permissions, before the umask.

    Raises:
        OSError: it cannot be written, or not made durable.
    """
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        # What is there was left by a killed process, or is a link that somebody has laid to a file of ours.
        partial.unlink(missing_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(partial, flags, mode), "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        move_into_place(partial, path)
    except BaseException:
        with suppress(OSError):
            partial.unlink()
        raise


def move_into_place(source: Path, path: Path) -> None:
    """Rename `source`, whose content is durable already, to `path` in the same folder; durable when it returns.

    Raises:
        OSError: the rename, or making it durable, failed.
    """
    source.replace(path)
    sync_folder(path.parent)  # a rename is an entry of the folder


def sync_folder(folder: Path) -> None:
    """Make the entries of a folder durable.

    Raises:
        OSError: it failed.
    """
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
