"""The identity that can run the server here, found by trying."""

from __future__ import annotations

import os
from pathlib import Path

from querygen_postgres.embedded.identity import Identity, identities
from querygen_postgres.embedded.refusal import Refusal

_ROOT = (
    "PostgreSQL does not run as root, and nobody else can run it here ({tried}). Run querygen as an ordinary user, or "
    "put its environment and the state folder where the user `nobody` can reach them"
)
_NAMELESS = (
    "PostgreSQL does not run as a user without a name, and user {uid} is not in /etc/passwd, nor can it be called "
    "otherwise here ({tried}). Add it, as with `useradd --uid {uid} querygen`, or name a server in `dsn`"
)
_UNREACHABLE = "user {uid} cannot run the server ({tried}). Give it the rights to, or name a server in `dsn`"


def choose_identity(folder: Path, binaries: Path) -> Identity:
    tried = []
    for identity in identities(folder):
        if not (complaint := _complaint(identity, folder, binaries)):
            return identity
        tried.append(f"{identity}: {complaint}")
    uid = os.geteuid()
    message = _ROOT if uid == 0 else _UNREACHABLE if tried[0].startswith("as ") else _NAMELESS
    raise Refusal("permanent", message.format(uid=uid, tried="; ".join(tried)))


def _complaint(identity: Identity, folder: Path, binaries: Path) -> str:
    """Why not; empty if it can. A child process tries, for there is no way back from some identities."""
    ours, theirs = os.pipe()
    if (child := os.fork()) == 0:
        try:
            _try(identity, folder, binaries)
        except OSError as error:
            os.write(theirs, str(error).encode())
        finally:
            os._exit(0)
    os.close(theirs)
    with os.fdopen(ours) as pipe:
        complaint = pipe.read()
    os.waitpid(child, 0)
    return complaint


def _try(identity: Identity, folder: Path, binaries: Path) -> None:
    """The folder itself is given to whom it needs; so is nothing above it."""
    identity.assume()
    for path, right in ((binaries / "initdb", os.X_OK), (binaries / "postgres", os.X_OK), (folder.parent, os.X_OK)):
        if not os.access(path, right):
            raise PermissionError(f"{path} is out of reach")
