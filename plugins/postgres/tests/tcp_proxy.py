"""A stand-in for the network between a client and a server: it forwards, counts, and fails when it is told to."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Literal

Direction = Literal["up", "down"]
"""From the client to the server, and back."""

_CHUNK = 1 << 16
_PATIENCE = 20.0
_AT_ONCE = struct.pack("ii", 1, 0)


@dataclass
class Cut:
    """Ends a connection once `after` bytes have gone in `direction`, counted from upward byte number `since`.

    Whoever these bytes are for gets all of them, and then a polite end. The other side gets the same, or a reset.
    """

    direction: Direction
    after: int
    since: int
    hard: bool
    base: int | None = None

    def room(self, direction: Direction, counted: dict[Direction, int], size: int) -> int | None:
        """How many of the next `size` bytes may go; None if all may."""
        if self.base is None and (self.direction == "up" or (direction == "up" and counted["up"] + size > self.since)):
            self.base = self.since if self.direction == "up" else counted["down"]
        if self.base is None or direction != self.direction:
            return None
        left = self.base + self.after - counted[direction]
        return left if 0 <= left <= size else None


class Proxy:
    """Works in a thread of its own. Its port stays the same, whatever it does to those who use it.

    target: host and port; may be changed, for the next connections. counted: bytes that went through.
    """

    def __init__(self, host: str, port: int) -> None:
        self.target = (host, port)
        self.counted: dict[Direction, int] = {"up": 0, "down": 0}
        self.cuts = 0
        self._cut: Cut | None = None
        self._connections: dict[asyncio.Task[None], list[asyncio.StreamWriter]] = {}
        self._listening: asyncio.Task[None] | None = None
        self._loop = asyncio.new_event_loop()
        self._flow = asyncio.Event()
        self._flow.set()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy")
        self._thread.start()
        self.port = 0
        self.accept()

    def count_anew(self) -> None:
        self._now(lambda: self.counted.update(up=0, down=0))

    def cut(self, direction: Direction, after: int, *, since: int = 0, hard: bool = False) -> None:
        """Cut one connection, the first that gets so far."""
        self._now(lambda: setattr(self, "_cut", Cut(direction, after, since, hard)))

    def spare(self) -> None:
        """Take back a cut that has not happened."""
        self._now(lambda: setattr(self, "_cut", None))

    def cut_all(self, *, hard: bool = True) -> None:
        async def end() -> None:
            for writers in self._connections.values():
                for writer in writers:
                    _end(writer, hard=hard)

        self._run(end())

    def refuse(self) -> None:
        """New connections are refused, as by a machine on which nothing listens. Those that are in use stay."""

        async def close() -> None:
            if self._listening is not None:
                self._listening.cancel()
                await asyncio.wait([self._listening])
                self._listening = None

        self._run(close())

    def accept(self) -> None:
        async def listen() -> None:
            if self._listening is None:
                listener = socket.create_server(("127.0.0.1", self.port), backlog=100)
                self.port = listener.getsockname()[1]
                self._listening = asyncio.create_task(self._listen(listener))

        self._run(listen())

    def pause(self) -> None:
        """A black hole: nothing is lost, nothing arrives."""
        self._now(self._flow.clear)

    def resume(self) -> None:
        self._now(self._flow.set)

    def close(self) -> None:
        self.refuse()
        self._run(self._end_all())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_PATIENCE)
        self._loop.close()

    async def _end_all(self) -> None:
        tasks = list(self._connections)
        for task in tasks:
            for writer in self._connections[task]:
                _end(writer, hard=True)
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # for the transports to close

    async def _listen(self, listener: socket.socket) -> None:
        listener.setblocking(False)
        with listener:
            while True:
                client, _ = await self._loop.sock_accept(listener)
                writers: list[asyncio.StreamWriter] = []
                self._connections[asyncio.create_task(self._serve(client, writers))] = writers

    async def _serve(self, accepted: socket.socket, writers: list[asyncio.StreamWriter]) -> None:
        try:
            with suppress(OSError, asyncio.CancelledError):
                reader, client = await asyncio.open_connection(sock=accepted)
                writers.append(client)
                answers, server = await asyncio.open_connection(*self.target)
                writers.append(server)
                ways = (self._pump("up", reader, server, client), self._pump("down", answers, client, server))
                pumps = [asyncio.create_task(way) for way in ways]
                try:
                    await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for pump in pumps:
                        pump.cancel()
                    await asyncio.gather(*pumps, return_exceptions=True)
        finally:
            for writer in writers:
                _end(writer, hard=False)
            self._connections = {task: of for task, of in self._connections.items() if of is not writers}

    async def _read(self, source: asyncio.StreamReader) -> bytes:
        """In a pause an end does not get through either."""
        try:
            return await source.read(_CHUNK)
        finally:
            await self._flow.wait()

    async def _pump(
        self, way: Direction, source: asyncio.StreamReader, to: asyncio.StreamWriter, back: asyncio.StreamWriter
    ) -> None:
        with suppress(OSError):
            while chunk := await self._read(source):
                room = self._cut.room(way, self.counted, len(chunk)) if self._cut else None
                part = chunk if room is None else chunk[:room]
                self.counted[way] += len(part)
                to.write(part)
                if room is not None and self._cut is not None:
                    hard, self._cut = self._cut.hard, None
                    self.cuts += 1
                    _end(to, hard=False)
                    _end(back, hard=hard)
                    return
                await to.drain()

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(_PATIENCE)

    def _now(self, work: Callable[[], object]) -> None:
        async def do() -> None:
            work()

        self._run(do())


def _end(writer: asyncio.StreamWriter, *, hard: bool) -> None:
    if hard and not writer.transport.is_closing():
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
        writer.transport.abort()
    else:
        writer.close()


@contextmanager
def proxied(host: str, port: int) -> Iterator[Proxy]:
    proxy = Proxy(host, port)
    try:
        yield proxy
    finally:
        proxy.close()
