"""Chooses the user to run the server as, by trying."""

from __future__ import annotations

import os
from pathlib import Path

from querygen_embedded.identity import Identity, identities
from querygen_embedded.start_error import StartError

_ROOT = (
    "PostgreSQL refuses to run as root, and no other user can run it here ({tried}); run querygen as an ordinary user, "
    "or put its environment and the state folder where the user `nobody` can read them"
)
_NAMELESS = (
    "PostgreSQL refuses to run as a user without a name: user {uid} is not in /etc/passwd, and a user namespace cannot "
    "give it a name here ({tried}); add it, for example with `useradd --uid {uid} querygen`, or set `dsn` to a server"
)
_UNREACHABLE = "user {uid} cannot run the server ({tried}); give it access, or set `dsn` to another server"


def choose_identity(folder: Path, binaries: Path) -> Identity:
    """The first identity that works for these two folders.

    Raises:
        StartError: none does; the message names each that was tried and why it failed.
    """
    tried = []
    for identity in identities(folder):
        if not (failure := _failure_of(identity, folder, binaries)):
            return identity
        tried.append(f"{identity}: {failure}")
    uid = os.geteuid()
    message = _ROOT if uid == 0 else _UNREACHABLE if tried[0].startswith("as ") else _NAMELESS
    raise StartError("permanent", message.format(uid=uid, tried="; ".join(tried)))


def _failure_of(identity: Identity, folder: Path, binaries: Path) -> str:
    """Why the identity does not work, or empty. Tried in a child process: some identities cannot be left again."""
    read_end, write_end = os.pipe()
    if (child := os.fork()) == 0:
        try:
            _try(identity, folder, binaries)
        except OSError as error:
            os.write(write_end, str(error).encode())
        finally:
            os._exit(0)
    os.close(write_end)
    with os.fdopen(read_end) as pipe:
        failure = pipe.read()
    os.waitpid(child, 0)
    return failure


def _try(identity: Identity, folder: Path, binaries: Path) -> None:
    """`folder` itself will be given to the identity; only the folders above it must be accessible already."""
    identity.assume()
    for path in (binaries / "initdb", binaries / "postgres", folder.parent):
        if not os.access(path, os.X_OK):
            raise PermissionError(f"{path} is not accessible")
