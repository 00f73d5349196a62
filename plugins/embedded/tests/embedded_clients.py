"""Clients of a server, in this process and in others, and the processes that a server consists of."""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg

from querygen_embedded import EmbeddedServer

LOG = logging.getLogger(__name__)
PATIENCE = 60.0  # seconds; only what never happens needs them

SCRIPT = """
import json, logging, sys
from pathlib import Path
from querygen_core.api import SinkError
from querygen_embedded import EmbeddedServer
server = EmbeddedServer(Path(sys.argv[1]), logging.getLogger("test"))
print(json.dumps("here"), flush=True)
for line in sys.stdin:
    try:
        answer = getattr(server, line.strip())()
    except SinkError as error:
        answer = {"kind": error.kind, "message": str(error)}
    print(json.dumps(answer), flush=True)
"""


class Client:
    """A process that calls methods of the server in `folder` by name."""

    def __init__(self, folder: Path, prefix: list[str], python: str, **options) -> None:
        self.process = subprocess.Popen(
            [*prefix, python, "-c", SCRIPT, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )

    def tell(self, word: str) -> None:
        self.process.stdin.write(f"{word}\n")
        self.process.stdin.flush()

    def hear(self):
        line = self.process.stdout.readline()
        assert line, self.process.stderr.read()
        return json.loads(line)

    def ask(self, word: str):
        self.tell(word)
        return self.hear()


@contextmanager
def client(folder: Path, prefix: list[str] | None = None, python: str = sys.executable, **options) -> Iterator[Client]:
    """Killed at the end, if it is still there."""
    made = Client(folder, prefix or [], python, **options)
    try:
        with made.process:
            try:
                assert made.hear() == "here"
                yield made
            finally:
                made.process.kill()
    finally:
        assert eventually(lambda: not processes(folder)), processes(folder)


@contextmanager
def served(folder: Path) -> Iterator[dict]:
    server = EmbeddedServer(folder, LOG)
    try:
        yield server.start()
    finally:
        server.stop()


def execute(parameters: dict, statement: str) -> list:
    with psycopg.connect(**parameters, autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def copy_of(made: Path, folder: Path) -> Path:
    """A server's folder that need not be set up first."""
    return Path(shutil.copytree(made, folder))


def processes(folder: Path) -> dict[int, str]:
    """Supervisor, postmaster and initdb of the server in `folder`, with their command lines."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (line := _command_line(entry)) and str(folder) in line and SCRIPT not in line:
            found[int(entry.name)] = line
    return found


def _command_line(entry: Path) -> str:
    try:
        return (entry / "cmdline").read_text(errors="replace").replace("\0", " ")
    except OSError:
        return ""


def supervisor(folder: Path) -> int:
    (pid,) = [pid for pid, line in processes(folder).items() if "__main__.py" in line]
    return pid


def postmaster(folder: Path) -> int:
    return int((folder / "data" / "postmaster.pid").read_text().splitlines()[0])


def kill(*pids: int) -> None:
    """In this order. One may take the next along before we get to it."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def eventually(condition: Callable[[], object], patience: float = PATIENCE) -> bool:
    until = time.monotonic() + patience
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


def answers(parameters: dict) -> bool:
    try:
        return execute(parameters, "select 1") == [(1,)]
    except psycopg.OperationalError:
        return False


def modes(folder: Path) -> list[tuple[str, int, int, int]]:
    """Modes and owners of the folders above, which must not change."""
    stats = [(str(path), path.stat()) for path in folder.parents]
    return [(path, status.st_mode, status.st_uid, status.st_gid) for path, status in stats]
