"""A server on a local port, for the tests of providers that call an HTTP API."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from types import TracebackType
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class HttpCall:
    method: str
    """`POST`, `GET`, …"""

    path: str
    """From the slash on, with the query string."""

    headers: Mapping[str, str]
    """By name in lower case."""

    body: bytes
    """As sent; empty if nothing was."""

    @property
    def json(self) -> Any:
        """The body, read as JSON."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpReply:
    status: int = 200
    """The HTTP status."""

    body: Any = ""
    """Bytes or text are sent as they are, anything else as JSON."""

    headers: Mapping[str, str] = field(default_factory=dict)
    """In addition to the length and the type of the body."""

    seconds: float = 0.0
    """Pause before the reply, in seconds."""

    cut: bool = False
    """Whether the connection is closed, with nothing sent, once the call has been read."""

    def encoded(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return (self.body if isinstance(self.body, str) else json.dumps(self.body)).encode()


class HttpServer(AbstractContextManager["HttpServer"]):
    """Replies to every call with what `reply(call)` returns, which may be changed at any time.

        with HttpServer(lambda call: HttpReply(body={"echo": call.json})) as server:
            urlopen(f"{server.url}/any/path", data=b"{}")

    url: its address, without a slash at the end. calls: what was received so far, in order.
    """

    def __init__(self, reply: Callable[[HttpCall], HttpReply]) -> None:
        self.reply = reply
        self.calls: list[HttpCall] = []
        self._ends = Event()
        self._server = _Listener(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = Thread(target=self._server.serve_forever, args=(0.02,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._ends.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def handle_one_request(self) -> None:
                self.raw_requestline = self.rfile.readline(65_537)
                if not self.raw_requestline or not self.parse_request():
                    self.close_connection = True
                    return
                length = int(self.headers.get("Content-Length") or 0)
                headers = {name.lower(): value for name, value in self.headers.items()}
                call = HttpCall(self.command, self.path, headers, self.rfile.read(length))
                server.calls.append(call)
                self._send(server.reply(call))

            def _send(self, reply: HttpReply) -> None:
                self.close_connection = True
                # Interrupted when the server ends, so that a test need not wait for a reply that nobody awaits.
                if reply.cut or server._ends.wait(reply.seconds):
                    return
                body = reply.encoded()
                self.send_response(reply.status)
                defaults = {"Content-Type": "application/json", "Content-Length": str(len(body)), "Connection": "close"}
                for name, value in {**defaults, **reply.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the method it replaces
                """Tests have their own output."""

        return Handler


class _Listener(ThreadingHTTPServer):
    request_queue_size = 256
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that has gone away is what the tests of cancelled calls and timeouts are about."""
