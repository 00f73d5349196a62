"""The server's parent process: starts it, waits until nobody uses it, stops it. The server never outlives it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from threading import Thread
from time import monotonic, sleep

from querygen_embedded.cluster import prepare_cluster
from querygen_embedded.lock import EXCLUSIVE, Lock
from querygen_embedded.paths import ServerPaths
from querygen_embedded.run_as import choose_identity
from querygen_embedded.settings import free_port, write_settings
from querygen_embedded.spawner import Spawner
from querygen_embedded.start_error import StartError, kind_of

_START_TIMEOUT = 120.0
"""Seconds until the server accepts connections; after a crash it first replays its write-ahead log."""

_PORTS_TO_TRY = 5
_STOP_SIGNALS = ((signal.SIGINT, 20.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0))
"""PostgreSQL's fast shutdown, immediate shutdown, kill; each with the seconds to wait before the next."""

_PAUSE = 0.005  # seconds between two looks at something that has no notification


def main(folder: Path, binaries: Path) -> None:
    """Daemonise, then print one status line when ready: `up`, or the `StartError` as JSON."""
    if os.fork():
        os._exit(0)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    paths = ServerPaths(folder)
    try:
        server = _start(paths, binaries)
    except StartError as error:
        _report_status(error.to_json())
    except OSError as error:
        _report_status(StartError("permanent", f"the server in {folder} cannot be started: {error}").to_json())
    else:
        _report_status("up")
        if server is not None:
            _supervise(paths, server)


def _start(paths: ServerPaths, binaries: Path) -> subprocess.Popen[bytes] | None:
    """A server that accepts connections, its port written to `server.lock`.

    None if another supervisor has started one: a run that was killed while it waited leaves its supervisor behind, and
    the next run, which sees no server yet, starts a second one.
    """
    lock = Lock(paths.server)
    until = monotonic() + _START_TIMEOUT
    while not lock.acquire(EXCLUSIVE, _PAUSE):
        if os.fstat(lock.file).st_size:
            return None
        if monotonic() > until:
            raise StartError("retry", f"an earlier server in {paths.folder} has not ended yet")
    os.ftruncate(lock.file, 0)
    spawner = Spawner(binaries, paths, choose_identity(paths.folder, binaries), lock)
    prepare_cluster(paths, spawner)
    for _ in range(_PORTS_TO_TRY):
        log_size = paths.log.stat().st_size
        port = free_port()
        if server := _serve(paths, spawner, port):
            os.pwrite(lock.file, str(port).encode(), 0)
            return server
        if "could not create any TCP/IP sockets" not in paths.cause_in_log(log_size):
            break  # only a port that was taken in the meantime is worth another attempt
    cause = paths.cause_in_log(log_size)
    raise StartError(kind_of(cause), f"the server did not start: {cause}")


def _serve(paths: ServerPaths, spawner: Spawner, port: int) -> subprocess.Popen[bytes] | None:
    """A server that is ready, or None if it has ended."""
    # We hold server.lock, so no server runs. A crashed one may have left its process id in this file, and
    # PostgreSQL would refuse to start if the system has given that id to another process since.
    (paths.data / "postmaster.pid").unlink(missing_ok=True)
    write_settings(paths.data, port, quiet=True)
    server = spawner.start("postgres", "-D", str(paths.data))
    until = monotonic() + _START_TIMEOUT
    while server.poll() is None:
        if _is_ready(paths.data, server.pid):
            write_settings(paths.data, port, quiet=False)
            server.send_signal(signal.SIGHUP)  # re-read the settings
            return server
        if monotonic() > until:
            server.kill()
            raise StartError("retry", f"the server accepts no connections: {paths.cause_in_log()}")
        sleep(_PAUSE)
    return None


def _is_ready(data: Path, pid: int) -> bool:
    """As `pg_ctl` checks it: line 1 of `postmaster.pid` is the process id, line 8 the status."""
    with suppress(FileNotFoundError):
        lines = (data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        return len(lines) > 7 and int(lines[0]) == pid and lines[7].strip() == "ready"
    return False


def _report_status(line: str) -> None:
    """Write to the starting process, if it still exists, and close the pipe, on whose end it waits."""
    with suppress(BrokenPipeError):
        os.write(sys.stdout.fileno(), line.encode())
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)


def _supervise(paths: ServerPaths, server: subprocess.Popen[bytes]) -> None:
    """Stop the server when its last user has ended; the process exits as soon as the server has."""
    Thread(target=_exit_with, args=[server], daemon=True).start()
    # Held until this process exits: a new user waits for the lock, then starts a new server instead of using this one.
    Lock(paths.users).wait(EXCLUSIVE)
    for stop_signal, timeout in _STOP_SIGNALS:
        server.send_signal(stop_signal)
        sleep(timeout)


def _exit_with(server: subprocess.Popen[bytes]) -> None:
    server.wait()
    os._exit(0)
