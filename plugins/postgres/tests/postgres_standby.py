"""A hot standby: it answers what is asked, and takes no writes."""

from __future__ import annotations

import logging
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from postgres_fixtures import create_tables
from postgres_server import Database, Server
from querygen_embedded import EmbeddedServer
from querygen_embedded.binaries import find_binaries
from querygen_embedded.run_as import choose_identity

_LOG = logging.getLogger("tests.postgres")
_PATIENCE = 60.0  # seconds


@contextmanager
def standby(folder: Path) -> Iterator[Database]:
    """A database with the tables, whose primary is gone."""
    server = _primary(folder)
    data, binaries = folder / "data", find_binaries()
    (data / "standby.signal").touch()
    identity = choose_identity(folder, binaries)  # PostgreSQL refuses to run as root
    os.chown(data / "standby.signal", identity.uid, identity.gid)
    process = subprocess.Popen(
        [binaries / "postgres", "-D", data],
        stderr=subprocess.DEVNULL,
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
        preexec_fn=identity.assume,  # noqa: PLW1509 - it only makes system calls
    )
    try:
        _wait(server)
        yield Database(server, "postgres")
    finally:
        process.terminate()
        process.wait(_PATIENCE)


def _primary(folder: Path) -> Server:
    """How to reach a server that has been stopped, and that has logged what a standby needs."""
    for setting in ("ALTER SYSTEM SET wal_level = replica", "CHECKPOINT"):
        embedded = EmbeddedServer(folder, _LOG)
        server = Server(embedded.start())
        if setting == "CHECKPOINT":
            create_tables(Database(server, "postgres"))
        with psycopg.connect(server.dsn(), autocommit=True) as connection:
            connection.execute(setting.encode())
        embedded.stop()
    return server


def _wait(server: Server) -> None:
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            psycopg.connect(server.dsn()).close()
        except psycopg.OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
        else:
            return
