"""The server's parent: starts it, waits until nobody uses it, ends it. Neither lives without the other."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from threading import Thread
from time import monotonic, sleep

from querygen_postgres.embedded.choice import choose_identity
from querygen_postgres.embedded.cluster import prepare_cluster
from querygen_postgres.embedded.layout import Layout
from querygen_postgres.embedded.lock import ALONE, Lock
from querygen_postgres.embedded.programs import Programs
from querygen_postgres.embedded.refusal import Refusal, kind_of
from querygen_postgres.embedded.settings import free_port, write_settings

_PATIENCE = 120.0
"""Seconds until the server takes connections; after a crash it may have to work off a log first."""

_PORTS_TO_TRY = 5
_ENDINGS = ((signal.SIGINT, 20.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0))
_PAUSE = 0.005


def main(folder: Path, binaries: Path) -> None:
    """Leave the process that was started, so that who started it has no child left, and say one line when all is up."""
    if os.fork():
        os._exit(0)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    layout = Layout(folder)
    try:
        server = _start(layout, binaries)
    except Refusal as refusal:
        _say(refusal.to_json())
    except OSError as error:
        _say(Refusal("permanent", f"the server in {folder} cannot be started: {error}").to_json())
    else:
        _say("up")
        if server is not None:
            _keep(layout, server)


def _start(layout: Layout, binaries: Path) -> subprocess.Popen[bytes] | None:
    """None: another keeper was quicker, whose starter was killed before it could see that."""
    lock = Lock(layout.server)
    until = monotonic() + _PATIENCE
    while not lock.take(ALONE, _PAUSE):
        if os.fstat(lock.file).st_size:
            return None
        if monotonic() > until:
            raise Refusal("retry", f"an earlier server in {layout.folder} has not ended yet")
    os.ftruncate(lock.file, 0)
    programs = Programs(binaries, layout, choose_identity(layout.folder, binaries), lock)
    prepare_cluster(layout, programs)
    for _ in range(_PORTS_TO_TRY):
        begin = layout.log.stat().st_size
        port = free_port()
        if server := _serve(layout, programs, port):
            os.pwrite(lock.file, str(port).encode(), 0)
            return server
        if "could not create any TCP/IP sockets" not in layout.last_words(begin):
            break
    why = layout.last_words(begin)
    raise Refusal(kind_of(why), f"the server does not start: {why}")


def _serve(layout: Layout, programs: Programs, port: int) -> subprocess.Popen[bytes] | None:
    """None: it has ended. What an earlier server left is a trap: its process id may be somebody else's by now."""
    (layout.data / "postmaster.pid").unlink(missing_ok=True)
    write_settings(layout.data, port, quiet=True)
    server = programs.start("postgres", "-D", str(layout.data))
    until = monotonic() + _PATIENCE
    while server.poll() is None:
        if _is_ready(layout.data, server.pid):
            write_settings(layout.data, port, quiet=False)
            server.send_signal(signal.SIGHUP)
            return server
        if monotonic() > until:
            server.kill()
            raise Refusal("retry", f"the server takes no connections: {layout.last_words()}")
        sleep(_PAUSE)
    return None


def _is_ready(data: Path, pid: int) -> bool:
    """As `pg_ctl` does it: the first line says who, the eighth how far."""
    with suppress(FileNotFoundError):
        lines = (data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        return len(lines) > 7 and int(lines[0]) == pid and lines[7].strip() == "ready"
    return False


def _say(line: str) -> None:
    """To who started us, be it still there; then let go of it."""
    with suppress(BrokenPipeError):
        os.write(sys.stdout.fileno(), line.encode())
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, sys.stdout.fileno())
    os.close(nothing)


def _keep(layout: Layout, server: subprocess.Popen[bytes]) -> None:
    Thread(target=_end_with, args=[server], daemon=True).start()
    Lock(layout.users).wait(ALONE)  # kept until the end: who comes now waits for it, then starts a new server
    for ending, patience in _ENDINGS:
        server.send_signal(ending)
        sleep(patience)


def _end_with(server: subprocess.Popen[bytes]) -> None:
    server.wait()
    os._exit(0)
