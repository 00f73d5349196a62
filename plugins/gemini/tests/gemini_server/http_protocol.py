"""HTTP/1.1 as a server needs it: keep-alive, pipelining, bodies by length or in chunks. One request at a time."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from socket import SO_LINGER, SOL_SOCKET
from typing import cast

MOST = 64 << 20
"""Bytes of a request's body beyond which it is refused."""

_AT_ONCE = struct.pack("ii", 1, 0)
_BAD = b"HTTP/1.1 %d %b\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class BadRequest(Exception):
    """What came is no HTTP/1.1 request that this server can read; it is answered and the connection closed."""

    def __init__(self, status: int, reason: bytes) -> None:
        super().__init__(status, reason)
        self.answer = _BAD % (status, reason)


class Incoming:
    """A request. Headers are looked for only when somebody asks, for most are never asked for."""

    __slots__ = ("_low", "body", "close", "head", "method", "path", "query")

    def __init__(self, head: bytes, low: bytes, body: bytes) -> None:
        line = head.partition(b"\r\n")[0].split(b" ")
        if len(line) != 3 or not line[2].startswith(b"HTTP/1."):
            raise BadRequest(400, b"Bad Request")
        path, _, query = line[1].partition(b"?")
        self.method = line[0].decode("latin-1")
        self.path = path.decode("latin-1")
        self.query = query.decode("latin-1")
        self.head = head
        self.body = body
        self._low = low
        self.close = line[2] == b"HTTP/1.0" or b"\r\nconnection: close" in low

    def header(self, name: bytes) -> str:
        """Its value, "" if it is absent. name: in lower case."""
        start = self._low.find(b"\r\n%b:" % name)
        if start < 0:
            return ""
        start += len(name) + 3
        end = self.head.find(b"\r\n", start)
        return self.head[start : end if end >= 0 else None].decode("latin-1").strip()

    @property
    def headers(self) -> dict[str, str]:
        pairs = (line.partition(b":") for line in self.head.split(b"\r\n")[1:])
        return {name.decode("latin-1").lower(): value.decode("latin-1").strip() for name, _, value in pairs}


class Connection(asyncio.Protocol):
    """Hands each request to `serve`, which ends it with `send`, `abort` or `close`, now or later.

    gone: called once if the client goes away while a request is being worked on or its answer is on its way.
    """

    def __init__(self, serve: Callable[[Incoming, Connection], None], connections: set[Connection]) -> None:
        self._serve = serve
        self._connections = connections
        self._buffer = b""
        self._at_work = False
        self._reading = False
        self._paused = False
        self._close = False
        self._sent: Callable[[], None] | None = None
        self.gone: Callable[[], None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.set_write_buffer_limits(0)  # so that `pause_writing` tells what the kernel has not taken yet
        self._connections.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._connections.discard(self)
        self._sent = None
        gone, self.gone = self.gone, None
        if gone is not None:
            gone()

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        if not self._at_work:
            self._work()

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        if self._sent is not None:
            self._end()

    def send(self, data: bytes, sent: Callable[[], None], *, close: bool = False) -> None:
        """The whole answer. `sent` is called once the kernel has all of it, `gone` if that does not come to pass."""
        self._close = self._close or close
        self._sent = sent
        self.write(data)
        if not self.transport.is_closing() and not self._paused:
            self._end()

    def write(self, data: bytes) -> None:
        """Part of an answer."""
        if not self.transport.is_closing():
            self.transport.write(data)

    def close(self, *, hard: bool = False) -> None:
        """Without another word: politely, or with a reset (RST)."""
        self.gone = None
        if hard:
            sock = self.transport.get_extra_info("socket")
            sock.setsockopt(SOL_SOCKET, SO_LINGER, _AT_ONCE)
            self.transport.abort()
        else:
            self.transport.close()

    def _end(self) -> None:
        sent, self._sent, self.gone = self._sent, None, None
        self._at_work = False
        if sent is not None:
            sent()
        if self._close:
            self.transport.close()
        elif self._buffer and not self._reading:
            self._work()

    def _work(self) -> None:
        self._reading = True
        while self._buffer and not self._at_work and not self.transport.is_closing():
            try:
                incoming = self._take()
            except BadRequest as bad:
                self.transport.write(bad.answer)
                self.transport.close()
                break
            if incoming is None:
                break
            self._at_work, self._close = True, incoming.close
            self._serve(incoming, self)
        self._reading = False

    def _take(self) -> Incoming | None:
        """The next request, None if not all of it is here."""
        buffer = self._buffer
        end = buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(buffer) > 1 << 16:
                raise BadRequest(431, b"Request Header Fields Too Large")
            return None
        head = buffer[:end]
        low = head.lower()
        body, at = self._body(buffer, end + 4, low)
        if body is None:
            return None
        self._buffer = buffer[at:]
        return Incoming(head, low, body)

    def _body(self, buffer: bytes, at: int, low: bytes) -> tuple[bytes | None, int]:
        start = low.find(b"\r\ncontent-length:")
        if start < 0:
            return unchunk(buffer, at) if b"\r\ntransfer-encoding: chunked" in low else (b"", at)
        end = low.find(b"\r\n", start + 2)
        try:
            size = int(low[start + 17 : end if end >= 0 else None])
        except ValueError:
            raise BadRequest(400, b"Bad Request") from None
        if not 0 <= size <= MOST:
            raise BadRequest(413, b"Content Too Large")
        if len(buffer) - at < size:
            if len(buffer) == at and b"\r\nexpect: 100-continue" in low:
                self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            return None, at
        return buffer[at : at + size], at + size


def unchunk(buffer: bytes, at: int) -> tuple[bytes | None, int]:
    """A body in chunks and where it ends, None if not all of it is here. Trailers are not read."""
    parts = []
    while (end := buffer.find(b"\r\n", at)) >= 0:
        try:
            size = int(buffer[at:end].partition(b";")[0], 16)
        except ValueError:
            raise BadRequest(400, b"Bad Request") from None
        if size > MOST:
            raise BadRequest(413, b"Content Too Large")
        if len(buffer) < end + size + 4:
            break
        if size == 0:
            return b"".join(parts), end + 4
        parts.append(buffer[end + 2 : end + 2 + size])
        at = end + size + 4
    return None, at
