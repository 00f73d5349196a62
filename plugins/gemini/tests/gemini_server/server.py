"""The stand-in as a test uses it: in a process or a thread, watched and changed over HTTP."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from gemini_server.control import control
from gemini_server.faults import Faults
from gemini_server.http_protocol import Connection
from gemini_server.pace import Latency
from gemini_server.service import Service
from gemini_server.settings import Settings

FOLDER = Path(__file__).parents[1]
"""Where `python -m gemini_server` finds this package."""

_PATIENCE = 20.0
_BACKLOG = 4096


class Gemini:
    """A running stand-in, seen from a test. Each method is one request to `/_control/`; see `gemini_control`.

    url: to be used as the provider's base URL. pid: of its process; of this one if it runs in a thread.
    """

    def __init__(self, port: int, pid: int) -> None:
        self.port = port
        self.pid = pid
        self.url = f"http://127.0.0.1:{port}"

    def stats(self) -> dict[str, Any]:
        return dict(self.control("GET", "stats"))

    def accounts(self, *, paid: int = 0) -> dict[str, dict[str, Any]]:
        """By request key. paid: only those that were paid so many times or more."""
        return dict(self.control("GET", f"accounts?paid={paid}"))

    def log(self, *, after: int = 0) -> list[dict[str, Any]]:
        return list(self.control("GET", f"log?after={after}"))

    def requests(self, last: int = 200) -> list[dict[str, Any]]:
        """The last generateContent requests as they came, `body` as text."""
        return list(self.control("GET", f"requests?last={last}"))

    def set_faults(self, **faults: Any) -> None:
        """These and no others; see `Faults`. Without any, no more faults."""
        self.control("POST", "faults", faults)

    def set_keys(self, **states: str) -> None:
        """Name → `valid`, `revoked`, `suspended` or `leaked`; `**{"*": …}` for those not named."""
        self.control("POST", "keys", states)

    def set_pace(self, **pace: Any) -> None:
        """latency, at_once, per_window, window; what is not given stays."""
        self.control("POST", "pace", pace)

    def set_answers(self, **answers: Any) -> None:
        """answers, questions, seed; what is not given is as at the start."""
        self.control("POST", "answers", answers)

    def reset(self) -> None:
        """Forget all that was counted, and with it which attempt is the next."""
        self.control("POST", "reset")

    def control(self, method: str, name: str, value: Mapping[str, Any] | None = None) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_PATIENCE)
        try:
            body = None if value is None else json.dumps(value)
            connection.request(method, f"/_control/{name}", body, {"Connection": "close"})
            response = connection.getresponse()
            said = json.loads(response.read())
        finally:
            connection.close()
        if response.status != 200:
            raise ValueError(said["error"])
        return said


@contextmanager
def running(*, process: bool = True, **settings: Any) -> Iterator[Gemini]:
    """A stand-in with these `Settings`, gone afterwards: in a process of its own, or in a thread of this one."""
    chosen = Settings(**settings)
    Latency.read(chosen.latency)  # what is wrong with them shows here, not in the output of another process
    Faults.read(chosen.faults)
    with (_in_process if process else _in_thread)(chosen) as server:
        yield server


@contextmanager
def _in_process(settings: Settings) -> Iterator[Gemini]:
    command = [
        sys.executable,
        "-m",
        "gemini_server",
        "--until-eof",
        "--settings",
        json.dumps(settings.told()),
    ]
    with subprocess.Popen(command, cwd=FOLDER, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            if process.stdout is None:
                raise AssertionError("asked for")
            line = process.stdout.readline().decode()
            if not line:
                raise RuntimeError(f"the stand-in ended with {process.wait(_PATIENCE)}")
            yield Gemini(int(line.rpartition(":")[2]), process.pid)
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(_PATIENCE)
            process.kill()


@contextmanager
def _in_thread(settings: Settings) -> Iterator[Gemini]:
    server = Server(settings)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="gemini")
    thread.start()
    try:
        port = asyncio.run_coroutine_threadsafe(server.start(), loop).result(_PATIENCE)
        yield Gemini(port, os.getpid())
    finally:
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result(_PATIENCE)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(_PATIENCE)
        loop.close()


class Server:
    """The stand-in in an event loop that runs."""

    def __init__(self, settings: Settings) -> None:
        self.service = Service(settings)
        self.service.control = control
        self._connections: set[Connection] = set()
        self._listening: asyncio.Server | None = None

    async def start(self) -> int:
        """The port."""
        listener = socket.create_server(("127.0.0.1", self.service.settings.port), backlog=_BACKLOG)
        self._listening = await asyncio.get_running_loop().create_server(
            lambda: Connection(self.service.serve, self._connections), sock=listener, backlog=_BACKLOG
        )
        return int(listener.getsockname()[1])

    async def stop(self) -> None:
        if self._listening is not None:
            self._listening.close()
        for connection in list(self._connections):
            connection.gone = None
            connection.transport.abort()
        await asyncio.sleep(0)  # for the transports to close
        self.service.accounts.close()


async def serve(settings: Settings, *, until_eof: bool = False) -> None:
    """Until SIGTERM or SIGINT. until_eof: or until standard input ends, as when whoever started this is killed."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if until_eof:
        loop.add_reader(sys.stdin.fileno(), stop.set)
    server = Server(settings)
    print(f"http://127.0.0.1:{await server.start()}", flush=True)
    await stop.wait()
    await server.stop()
