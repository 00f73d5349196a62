"""The server's settings, written at each start, so that those of a newer querygen apply to existing data too."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

SYNC_METHOD = "syncfs" if sys.platform == "linux" else "fsync"
"""`syncfs` is one call; `fsync` for each of a thousand files takes up to 3 s on a busy disk."""

_NAME = "querygen.conf"

_SETTINGS = """\
listen_addresses = '127.0.0.1'
unix_socket_directories = ''  # a socket's path is limited to 107 characters, and a state folder's may be longer
port = {port}
max_connections = 50
shared_buffers = 32MB
max_wal_size = 256MB
min_wal_size = 32MB
recovery_init_sync_method = {sync}
wal_level = minimal
max_wal_senders = 0
max_logical_replication_workers = 0
io_method = sync
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
lc_messages = 'C'
log_min_messages = {level}
log_min_error_statement = panic  # statements hold customers' data; whoever sent one gets its error anyway
log_error_verbosity = terse
log_checkpoints = off
"""


def include_settings(data: Path) -> None:
    with (data / "postgresql.conf").open("a", encoding="utf-8") as file:
        file.write(f"\ninclude '{_NAME}'\n")


def write_settings(data: Path, port: int, *, quiet: bool) -> None:
    """quiet: log fatal errors only; for the start, when the server would log the port that it listens on."""
    level = "fatal" if quiet else "warning"
    (data / _NAME).write_text(_SETTINGS.format(port=port, level=level, sync=SYNC_METHOD), encoding="utf-8")


def free_port() -> int:
    """A port of 127.0.0.1 that is free now; another process may take it before the server does."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
