"""The database cluster: initialised once, completely or not at all, and only opened by the version that made it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from querygen_embedded.paths import ServerPaths
from querygen_embedded.settings import SYNC_METHOD, include_settings
from querygen_embedded.spawner import Spawner
from querygen_embedded.start_error import NO_SPACE, REBUILD, StartError, kind_of

USER = "postgres"

_INITDB_TIMEOUT = 120.0  # seconds
_ROOM = 64  # MB that a new cluster needs, generously
_OPTIONS = (
    f"--sync-method={SYNC_METHOD}",
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--no-locale",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
)


def prepare_cluster(paths: ServerPaths, spawner: Spawner) -> None:
    """Initialise the cluster and its password, or check that those that exist fit the programs.

    Raises:
        StartError: they do not fit, or `initdb` fails.
    """
    if paths.data.exists():
        _check(paths, spawner.binaries / "postgres")
    else:
        _initialise(paths, spawner)


def _check(paths: ServerPaths, postgres: Path) -> None:
    version = paths.data / "PG_VERSION"
    if not paths.password.exists():
        raise StartError("permanent", f"{paths.folder} has no password file; {REBUILD}")
    if not version.exists():
        raise StartError("permanent", f"{paths.folder} has no database in its data directory; {REBUILD}")
    created_by, installed = version.read_text(encoding="ascii").strip(), _major_version(postgres)
    if created_by != installed:
        message = f"{paths.data} was created by PostgreSQL {created_by}, but PostgreSQL {installed} is installed"
        raise StartError("permanent", f"{message}; {REBUILD}")


def _major_version(postgres: Path) -> str:
    """Also the check that the program runs on this system at all."""
    done = subprocess.run([postgres, "--version"], capture_output=True, text=True, check=False)  # noqa: S603
    if not (match := re.search(r"\(PostgreSQL\) (\d+)", done.stdout)):
        raise StartError("permanent", f"{postgres} does not run here: {done.stderr.strip() or done.returncode}")
    return match[1]


def _initialise(paths: ServerPaths, spawner: Spawner) -> None:
    """`data` appears by a rename when it is complete; an interrupted `initdb` leaves only `data.partial`."""
    if paths.partial.exists():
        shutil.rmtree(paths.partial)
    _write_password(paths.password)
    log_size = paths.log.stat().st_size
    arguments = ("--pgdata", str(paths.partial), "--username", USER, "--pwfile", str(paths.password))
    initdb = spawner.start("initdb", *arguments, *_OPTIONS)
    try:
        failed = initdb.wait(_INITDB_TIMEOUT)
    except subprocess.TimeoutExpired:
        initdb.kill()
        raise StartError("retry", f"initialising {paths.data} took more than {_INITDB_TIMEOUT:.0f} seconds") from None
    if failed:
        cause = _cause(paths, log_size)
        raise StartError(kind_of(cause), f"the server's data directory {paths.data} cannot be set up: {cause}")
    include_settings(paths.partial)
    paths.partial.rename(paths.data)
    _sync(paths.folder)


def _cause(paths: ServerPaths, log_size: int) -> str:
    """On a full disk `initdb` may not be able to log why it fails; then it removes what it has written."""
    cause = paths.cause_in_log(log_size)
    free = shutil.disk_usage(paths.folder).free // 1_000_000
    if free < _ROOM and NO_SPACE not in cause:
        return f"{NO_SPACE} on device: a new server needs {_ROOM} MB, and {free} MB are free"
    return cause


def _write_password(path: Path) -> None:
    """Durable before `initdb` reads it: data whose password was lost in a crash would be unusable."""
    path.unlink(missing_ok=True)
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(file, "w") as password:
        password.write(os.urandom(24).hex())
        password.flush()
        os.fsync(file)


def _sync(folder: Path) -> None:
    file = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)
