"""A file that a sink or observer writes: its name, one for each shard, and its errors."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

from querygen_core.api import Shard, SinkError

_TRANSIENT_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ESTALE}


class OutputFile:
    """A file named in a config, relative to the current folder."""

    def __init__(self, path: str, shard: Shard, *, sample: bool = False) -> None:
        """sample: another file, beside it: `x.sample.jsonl` for `x.jsonl`, `x.sample.jsonl.gz` for `x.jsonl.gz`."""
        name = Path(path)
        if sample:
            ending = "".join(name.suffixes[-2:]) if name.suffix == ".gz" else name.suffix
            name = name.with_name(f"{name.name.removesuffix(ending)}.sample{ending}")
        if shard.size > 1:
            name = name.with_name(f"{name.stem}.{shard.part_name}{name.suffix}")
        self.identity = str(name)
        """The name as configured, with the shard: the same on every machine, unlike `path`."""
        self.path = name.expanduser()

    def read(self) -> BufferedReader | None:
        """The current file, open for reading; None if there is none. Raises OSError for links, folders and devices."""
        try:
            descriptor = open_regular_file(self.path, os.O_RDONLY)
        except FileNotFoundError:
            return None
        return os.fdopen(descriptor, "rb")

    @contextmanager
    def failures(self) -> Iterator[None]:
        """Turns OSError into `SinkError`: `retry` for a full disk or too many open files, `permanent` for all that a
        person must repair.
        """
        try:
            yield
        except OSError as error:
            message = f"cannot write {self.identity}: {_explain(error)}"
            raise SinkError("retry" if error.errno in _TRANSIENT_ERRORS else "permanent", message) from error


def open_regular_file(path: Path, flags: int, mode: int = 0o666) -> int:
    """A descriptor of a regular file. Raises OSError for anything else.

    A file opened for writing must have no second hard link, through which somebody could redirect our writes into
    another file. It has no link at all if it was removed a moment ago.
    """
    descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, mode)
    status = os.fstat(descriptor)
    if stat.S_ISREG(status.st_mode) and (flags == os.O_RDONLY or status.st_nlink <= 1):
        return descriptor
    os.close(descriptor)
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, "is a folder", str(path))
    raise OSError(errno.EINVAL, "it is not a regular file or has a second hard link", str(path))


def _explain(error: OSError) -> str:
    match error.errno:
        case errno.ELOOP:
            return f"{error.filename} is a symbolic link; name the file itself"
        case errno.EISDIR:
            return f"{error.filename} is a folder; name a file"
        case errno.EEXIST | errno.ENOTDIR:
            return f"a folder in its path is a file ({error.filename}); remove it or choose another path"
        case errno.EMFILE | errno.ENFILE:
            return f"{error.strerror}; raise the limit (`ulimit -n`)"
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return f"{error.strerror} ({error.filename}); make it writable or choose another path"
        case _:
            return f"{error.strerror} ({error.filename})" if error.filename else str(error.strerror)
