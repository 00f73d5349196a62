"""How an answer gets to the client, or does not: whole, cut, drop by drop, with a wrong length, never."""

from __future__ import annotations

import asyncio
import gzip
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus
from typing import Literal

from gemini_server.http_protocol import Connection

Way = Literal["whole", "close", "reset", "half", "short", "drip", "silence", "gzip_cut"]
"""whole. close, reset: not a byte. half: closed in mid-body. short: fewer bytes than Content-Length says, then the end.
drip: byte by byte. silence: nothing, and the connection stays. gzip_cut: compressed, its end missing."""

_DROP = 64  # the first drop of a drip; the others are single bytes

_HEADERS = (
    b"Vary: Origin\r\nVary: X-Origin\r\nVary: Referer\r\nServer: scaffolding on HTTPServer2\r\nX-XSS-Protection: 0\r\n"
    b"X-Frame-Options: SAMEORIGIN\r\nX-Content-Type-Options: nosniff\r\nServer-Timing: gfet4t7; dur=12\r\n"
    b'Alt-Svc: h3=":443"; ma=2592000,h3-29=":443"; ma=2592000\r\n'
)


@dataclass(slots=True)
class Reply:
    """An answer to send. headers: beyond those that every answer has. pause: seconds between the bytes of a drip."""

    status: int
    body: bytes
    kind: str = "application/json; charset=UTF-8"
    headers: Iterable[tuple[str, str]] = field(default=())
    way: Way = "whole"
    pause: float = 1.0


class Writer:
    """Writes replies. chunked, compress: as Google's servers do, though it takes this one more time."""

    def __init__(self, *, chunked: bool = False, compress: bool = False) -> None:
        self.chunked = chunked
        self.compress = compress
        self._second = 0
        self._heads: dict[tuple[int, str], bytes] = {}

    def deliver(
        self,
        reply: Reply,
        connection: Connection,
        sent: Callable[[], None],
        failed: Callable[[], None],
        *,
        gzipped: bool,
    ) -> None:
        """`sent` if the client could get all of a whole answer; `failed` if this way of delivery leaves it without one.

        If the client goes away first, neither: `connection.gone` is called.
        """
        way = reply.way
        if way == "silence":
            return
        if way in ("close", "reset"):
            failed()
            connection.close(hard=way == "reset")
            return
        data, start = self._data(reply, gzipped=gzipped)
        if way == "whole":
            connection.send(data, sent)
        elif way == "drip":
            _drip(data, start + _DROP, reply.pause, connection, sent)
        else:
            failed()
            connection.send(
                data[: start + (len(data) - start) // 2] if way == "half" else data, lambda: None, close=True
            )

    def _data(self, reply: Reply, *, gzipped: bool) -> tuple[bytes, int]:
        """Head and body, and where the body starts."""
        body, extra = reply.body, b""
        if reply.way == "gzip_cut":
            body, extra = gzip.compress(body, 1)[:-9], b"Content-Encoding: gzip\r\n"
        elif self.compress and gzipped:
            body, extra = gzip.compress(body, 1), b"Content-Encoding: gzip\r\n"
        for name, value in reply.headers:
            extra += f"{name}: {value}\r\n".encode("latin-1")
        head = self._head(reply.status, reply.kind) + extra
        if self.chunked and reply.way != "short":
            head += b"Transfer-Encoding: chunked\r\n\r\n"
            return b"%b%x\r\n%b\r\n0\r\n\r\n" % (head, len(body), body), len(head)
        head += b"Content-Length: %d\r\n\r\n" % (len(body) + (100 if reply.way == "short" else 0))
        return head + body, len(head)

    def _head(self, status: int, kind: str) -> bytes:
        now = int(time.time())
        if now != self._second:
            self._second = now
            self._heads.clear()
        head = self._heads.get((status, kind))
        if head is None:
            date = formatdate(now, usegmt=True)
            line = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nContent-Type: {kind}\r\nDate: {date}\r\n"
            head = self._heads[status, kind] = line.encode("latin-1") + _HEADERS
        return head


def _drip(data: bytes, at: int, pause: float, connection: Connection, sent: Callable[[], None]) -> None:
    connection.write(data[:at])

    def drop(at: int) -> None:
        if connection.transport.is_closing():
            return
        if at >= len(data) - 1:
            connection.send(data[at:], sent)
        else:
            connection.write(data[at : at + 1])
            loop.call_later(pause, drop, at + 1)

    loop = asyncio.get_running_loop()
    loop.call_later(pause, drop, at)
