"""Where an output goes: one file, per shard if there are several, and what its failures are called."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

from querygen_core.api import Shard, SinkError

_MAY_HEAL = {errno.ENOSPC, errno.EDQUOT}


class Target:
    """A file named in a config, relative to the current folder. `identity` is that name, never the resolved path."""

    def __init__(self, path: str, shard: Shard) -> None:
        name = Path(path)
        if shard.size > 1:
            name = name.with_name(f"{name.stem}.part-{shard.index:05}-of-{shard.size:05}{name.suffix}")
        self.identity = str(name)
        self.path = name.expanduser()

    def read(self) -> BufferedReader | None:
        """What is there now, or None. Symbolic links, folders and devices are refused, not followed."""
        try:
            file = open_plain(self.path, os.O_RDONLY)
        except FileNotFoundError:
            return None
        return os.fdopen(file, "rb")

    @contextmanager
    def failures(self) -> Iterator[None]:
        """Turn the system's errors into `SinkError`: a full disk may heal, everything else needs a person."""
        try:
            yield
        except OSError as error:
            message = f"cannot write {self.identity}: {_explain(error)}"
            raise SinkError("retry" if error.errno in _MAY_HEAL else "permanent", message) from error


def open_plain(path: Path, flags: int, mode: int = 0o666) -> int:
    """A descriptor of a regular file, or OSError.

    What is written to may have one name only: through a second one, a stranger's file could be put in the way. It has
    none if it was removed in this moment.
    """
    file = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, mode)
    status = os.fstat(file)
    if stat.S_ISREG(status.st_mode) and (flags == os.O_RDONLY or status.st_nlink <= 1):
        return file
    os.close(file)
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, "is a folder", str(path))
    raise OSError(errno.EINVAL, "it is no plain file, or has a second name", str(path))


def _explain(error: OSError) -> str:
    match error.errno:
        case errno.ELOOP:
            return f"{error.filename} is a symbolic link; name the file itself"
        case errno.EISDIR:
            return f"{error.filename} is a folder"
        case errno.EEXIST | errno.ENOTDIR:
            return f"a folder on the way to it is a file ({error.filename})"
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return f"{error.strerror} ({error.filename}); make it writable or choose another path"
        case _:
            return f"{error.strerror} ({error.filename})" if error.filename else str(error.strerror)
