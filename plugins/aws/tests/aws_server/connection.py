"""One client's connection to the proxy in front of an emulator of AWS."""

from __future__ import annotations

import asyncio
import json
import math
import re
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

from aws_server.asked import Asked, answer, error
from aws_server.rules import CutBody, Drop, Effect, Fail, LoseAnswer, Unprocessed, WithoutHeader

EffectOn = Callable[[Asked], tuple[float, Effect | None]]
_CHUNK = 1 << 16


class Connection:
    """One of a client, with one to the emulator beside it, made when it is first needed."""

    def __init__(
        self, effect_on: EffectOn, target: tuple[str, int], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._effect_on = effect_on
        self._target = target
        self._reader = reader
        self._writer = writer
        self._upstream: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def serve(self) -> None:
        try:
            with suppress(OSError, EOFError, asyncio.CancelledError):
                while await self._one():
                    await self._writer.drain()
        finally:
            self._writer.close()
            self._leave_upstream()

    def abort(self) -> None:
        """However much the client has not taken yet."""
        self._writer.transport.abort()

    async def _one(self) -> bool:
        """Answer a request; whether another may follow on this connection."""
        asked = Asked(await self._reader.readuntil(b"\r\n\r\n"))
        if "100-continue" in asked.headers.get("expect", "").lower():
            self._writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if asked.by_body:
            asked.body = b"".join([part async for part in _body(self._reader, asked.headers)])
        pause, effect = self._effect_on(asked)
        await asyncio.sleep(pause)
        if isinstance(effect, Drop):
            return False
        if isinstance(effect, Fail):
            async for _ in self._rest(asked):
                pass
            self._writer.write(error(asked, effect.code, effect.message, effect.status))
            return True
        if isinstance(effect, Unprocessed):
            self._writer.write(await self._in_part(asked, effect.share))
            return True
        return await self._forward(asked, effect)

    async def _forward(self, asked: Asked, effect: Effect | None) -> bool:
        dropped = effect.name if isinstance(effect, WithoutHeader) else None
        answers = await self._send(_without(asked.head, dropped), self._rest(asked))
        head, headers, status = await _answer_head(answers)
        head = _without(head, dropped)
        left = effect.after if isinstance(effect, CutBody) else None
        lost = isinstance(effect, LoseAnswer)
        if not lost:
            self._writer.write(head)
        if asked.method != "HEAD" and status not in {204, 304}:
            async for part in _body(answers, headers, until_end=True):
                if not lost:
                    self._writer.write(part if left is None else part[:left])
                    await self._writer.drain()
                if left is not None:
                    left = max(0, left - len(part))
        if effect is not None or "close" in headers.get("connection", "").lower():
            self._leave_upstream()
            return False
        return True

    async def _in_part(self, asked: Asked, share: float) -> bytes:
        """Forward the first items; the answer to all of them."""
        wanted = json.loads(asked.body)
        items = [(table, item) for table, some in wanted["RequestItems"].items() for item in some]
        kept = len(items) - math.ceil(len(items) * share)
        answered: dict[str, Any] = {}
        if kept:
            body = json.dumps({**wanted, "RequestItems": _by_table(items[:kept])}).encode()
            answers = await self._send(_with_length(asked.head, len(body)), _once(body))
            head, headers, status = await _answer_head(answers)
            content = b"".join([part async for part in _body(answers, headers)])
            if status != 200:
                return head + content
            answered = json.loads(content)
        left = _by_table(items[kept:])
        for table, some in answered.get("UnprocessedItems", {}).items():
            left.setdefault(table, []).extend(some)
        return answer(asked, 200, json.dumps({**answered, "UnprocessedItems": left}).encode())

    async def _rest(self, asked: Asked) -> AsyncIterator[bytes]:
        """The body, which has been read already if it says what is asked for."""
        if asked.by_body:
            yield asked.body
            return
        async for part in _body(self._reader, asked.headers):
            yield part

    async def _send(self, head: bytes, body: AsyncIterator[bytes]) -> asyncio.StreamReader:
        if self._upstream is not None and self._upstream[0].at_eof():
            self._leave_upstream()
        if self._upstream is None:
            self._upstream = await asyncio.open_connection(*self._target)
            self._upstream[1].get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        answers, server = self._upstream
        server.write(head)
        async for part in body:
            server.write(part)
            await server.drain()
        return answers

    def _leave_upstream(self) -> None:
        if self._upstream is not None:
            self._upstream[1].close()
            self._upstream = None


async def _answer_head(answers: asyncio.StreamReader) -> tuple[bytes, dict[str, str], int]:
    """Of the final answer: the client has had its `100 Continue` from the proxy."""
    while True:
        head = await answers.readuntil(b"\r\n\r\n")
        status = int(head.split(b" ", 2)[1])
        if status != 100:
            return head, Asked(head).headers, status


async def _body(
    source: asyncio.StreamReader, headers: dict[str, str], *, until_end: bool = False
) -> AsyncIterator[bytes]:
    """The bytes of a body as they are sent, frames of chunks included. until_end: it goes so far by default."""
    if "chunked" in headers.get("transfer-encoding", "").lower():
        size = -1
        while size != 0:
            line = await source.readuntil(b"\r\n")
            size = int(line.partition(b";")[0], 16)
            yield line + await source.readexactly(size + 2)
        return
    left = int(headers.get("content-length", "-1" if until_end else "0"))
    while left:
        part = await source.read(_CHUNK if left < 0 else min(left, _CHUNK))
        if not part:
            if left < 0:
                return
            raise EOFError
        left -= len(part) if left > 0 else 0
        yield part


async def _once(body: bytes) -> AsyncIterator[bytes]:
    yield body


def _by_table(items: list[tuple[str, Any]]) -> dict[str, list[Any]]:
    tables: dict[str, list[Any]] = {}
    for table, item in items:
        tables.setdefault(table, []).append(item)
    return tables


def _with_length(head: bytes, size: int) -> bytes:
    return re.sub(rb"(?i)\r\ncontent-length:[^\r]*", b"\r\nContent-Length: %d" % size, head)


def _without(head: bytes, name: str | None) -> bytes:
    return re.sub(rb"(?i)\r\n%s:[^\r]*" % re.escape(name.encode()), b"", head) if name else head
