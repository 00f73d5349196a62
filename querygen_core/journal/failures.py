"""What an error of SQLite or of the file system means for a run: one sentence, and whether a retry may heal it."""

from __future__ import annotations

import errno
import os
import sqlite3
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from querygen_core.contracts.errors import JournalError, JournalFailure

SALVAGE = "`querygen salvage CONFIG` keeps what can be read of it"
"""What to do about a damaged database."""

_PRIVATE, _OTHERS = 0o600, 0o077
_FILES_OF_A_CONNECTION = 6  # database, log, its index, folder, with some to spare

_MEANINGS: Mapping[str, tuple[JournalFailure, str]] = {
    "SQLITE_FULL": ("retry", "the disk is full; free space and run again"),
    "SQLITE_IOERR": ("retry", "the disk failed; run again, elsewhere if it persists"),
    "SQLITE_BUSY": ("retry", "another process has locked it; run again later"),
    "SQLITE_PROTOCOL": ("retry", "other processes are locking it all the time; run again later"),
    "SQLITE_READONLY_DBMOVED": ("retry", "it was moved or removed while it was used; run again"),
    "SQLITE_READONLY": ("unusable", "it is not writable; check the owner of state_dir"),
    "SQLITE_CANTOPEN": ("unusable", "it cannot be opened; check the owner of state_dir"),
    "SQLITE_NOTADB": ("unusable", f"it is not a database, or its beginning is damaged; {SALVAGE}"),
    "SQLITE_CORRUPT": ("unusable", f"it is damaged; {SALVAGE}"),
    # A table that is missing, a row of the wrong shape: the statements are always the same, so the file is at fault.
    "SQLITE_CONSTRAINT": ("unusable", f"its rows or tables are not as expected; {SALVAGE}"),
    "SQLITE_MISMATCH": ("unusable", f"its rows or tables are not as expected; {SALVAGE}"),
    "SQLITE_ERROR": ("unusable", f"its tables are not as expected; {SALVAGE}"),
}
"""By the beginning of SQLite's name for the error; the first that fits."""

_HEALING = frozenset(
    {
        errno.EDQUOT,
        errno.EIO,
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOENT,  # its folder was removed; the next run makes it
        errno.ENOLCK,
        errno.ENOMEM,
        errno.ENOSPC,
        errno.ESTALE,
    }
)
"""Errors of the file system that another attempt may not meet again. All others need a person."""


def explain(error: BaseException, name: str) -> Exception:
    """The error for the caller: a JournalError for what SQLite, the disk or a lack of memory caused.

    Errors of the caller's own function come back as they are. name: of the database, as messages call it.
    """
    if isinstance(error, MemoryError):
        return JournalError(f"{name}: out of memory; run again with more")
    if isinstance(error, UnicodeDecodeError):  # statements are constants: the name of a column, or SQLite's message
        return JournalError(f"{name}: it is damaged; {SALVAGE} ({error.reason})", kind="unusable")
    if not isinstance(error, sqlite3.Error):
        return error if isinstance(error, Exception) else JournalError(f"{name}: its thread ended by {error!r}")
    code = _code(error)
    if code.startswith("SQLITE_CANTOPEN") and not has_descriptors():
        return JournalError(f"{name}: too many open files; raise the limit (`ulimit -n`) ({code})")
    kind, meaning = next(
        (meaning for prefix, meaning in _MEANINGS.items() if code.startswith(prefix)), ("retry", str(error))
    )
    detail = f"{code}: {error}" if code == "SQLITE_ERROR" else code
    return JournalError(f"{name}: {meaning} ({detail})", kind=kind)


def is_fatal(error: BaseException) -> bool:
    """Whether a connection must not be used any more after this error.

    After a failed fsync the system may count the lost pages as written, so that a second try succeeds for nothing. A
    damaged database is not written to, since that may destroy what `querygen salvage` could keep.
    """
    if isinstance(error, UnicodeDecodeError):  # of a damaged name
        return True
    fatal = ("SQLITE_IOERR", "SQLITE_CORRUPT", "SQLITE_NOTADB")
    return isinstance(error, sqlite3.Error) and _code(error).startswith(fatal)


def is_locked(error: BaseException) -> bool:
    """Whether another process kept the database locked for as long as a connection waits."""
    return isinstance(error, sqlite3.Error) and _code(error).startswith("SQLITE_BUSY")


def open_private(path: Path) -> int:
    """A descriptor of a file of the journal; one that is made is for its owner only.

    Raises:
        OSError: it cannot be opened, or is a symbolic link, which another user may have laid.
    """
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, _PRIVATE)


def make_private(path: Path) -> None:
    """Keep other users from a database and the files beside it, as an earlier version or a copy may have left them.

    Not by a descriptor: closing it would drop the locks that SQLite has on the file.
    """
    for file in (path, *(path.with_name(f"{path.name}{end}") for end in ("-wal", "-shm"))):
        with suppress(OSError):
            status = file.lstat()
            if stat.S_ISREG(status.st_mode) and status.st_mode & _OTHERS and status.st_uid == os.geteuid():
                file.chmod(stat.S_IMODE(status.st_mode) & ~_OTHERS)  # what its owner may not do stays so


def has_descriptors() -> bool:
    """Whether this process may open as many more files as SQLite needs for a connection, which does not tell."""
    opened: list[int] = []
    try:
        opened += (os.open("/", os.O_RDONLY | os.O_CLOEXEC) for _ in range(_FILES_OF_A_CONNECTION))
    except OSError as error:
        return error.errno not in (errno.EMFILE, errno.ENFILE)
    finally:
        for descriptor in opened:
            os.close(descriptor)
    return True


def kind_of(error: OSError) -> JournalFailure:
    """`retry` if another attempt may not meet this error, else `unusable`."""
    if error.errno == errno.ENOENT and error.filename is not None and Path(error.filename).is_symlink():
        return "unusable"  # a link to a folder that is not there; no run makes that one
    return "retry" if error.errno in _HEALING else "unusable"


def _code(error: sqlite3.Error) -> str:
    return getattr(error, "sqlite_errorname", type(error).__name__)
