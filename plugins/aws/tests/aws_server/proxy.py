"""A stand-in for AWS's bad days: in front of an emulator, for no emulator throttles, loses answers or is slow."""

from __future__ import annotations

import asyncio
import re
import threading
from collections import Counter
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from aws_server.asked import Asked
from aws_server.connection import Connection
from aws_server.emulators import Aws
from aws_server.rules import CutBody, Delay, Drop, Effect, Fail, LoseAnswer, Rule, Unprocessed, WithoutHeader

__all__ = [
    "AwsProxy",
    "CutBody",
    "Delay",
    "Drop",
    "Effect",
    "Fail",
    "LoseAnswer",
    "Rule",
    "Unprocessed",
    "WithoutHeader",
    "proxied",
]

_PATIENCE = 20.0
NOTHING: Mapping[str, str] = {}


class AwsProxy:
    """An HTTP/1.1 reverse proxy in a thread of its own. Without rules it forwards byte for byte.

        with proxied(aws) as proxy:              # aws: from emulators.running
            process_or_test_uses(proxy.environ)  # or proxy.client("s3")
            proxy.on("BatchWriteItem", Fail("ThrottlingException"), share=0.3)
            proxy.on("PutObject", Fail("SlowDown"), key="^/bucket/out/", first=2)
            proxy.on("dynamodb:.*", Delay(3600))
            ...
            assert proxy.counts["PutObject"] == 3
            proxy.clear()

    `on` adds a rule at any time and returns it (`rule.hits`). operation: a regular expression for the whole name, with
    or without the service (`s3`, `dynamodb`, `secretsmanager`, `sts`) before it. key: one that is searched for in
    `/bucket/key`, or in the JSON body of what is not S3. unless: not if the request has all these headers (in lower
    case), as a bucket's policy demands some. first: only so many times. share: of the requests, drawn by
    a hash of `seed`, the request, and how often it came before; so what failed may succeed when it is sent again. The
    first rule that applies is the one that counts; a Delay comes on top.

    `counts`: requests by operation, those that failed included. `clear()` forgets rules, `counts.clear()` the counts.
    `refuse()` is a machine on which nothing listens, and ends what is open; `accept()` the end of that. The port stays.
    """

    def __init__(self, aws: Aws) -> None:
        self._kind = aws.kind
        target = urlsplit(aws.url)
        self._target = (str(target.hostname), target.port or 80)
        self._rules: tuple[Rule, ...] = ()
        self.counts: Counter[str] = Counter()
        self._connections: dict[asyncio.Task[None], Connection] = {}
        self._server: asyncio.Server | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="aws proxy")
        self._thread.start()
        self.port = 0
        self.accept()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environ(self) -> dict[str, str]:
        """What a process needs to use AWS through the proxy."""
        return Aws(self._kind, self.url).environ

    def client(self, service: str) -> Any:
        """A client that tries once, for a test of its own."""
        return Aws(self._kind, self.url).client(service)

    def on(
        self,
        operation: str,
        effect: Effect,
        *,
        key: str = "",
        first: int | None = None,
        share: float = 1.0,
        seed: int = 0,
        unless: Mapping[str, str] = NOTHING,
    ) -> Rule:
        rule = Rule(re.compile(operation), re.compile(key, re.DOTALL), effect, first, share, seed, unless)
        self._rules = (*self._rules, rule)
        return rule

    def clear(self) -> None:
        self._rules = ()

    def refuse(self) -> None:
        self._run(self._refuse())

    def accept(self) -> None:
        async def listen() -> None:
            if self._server is None:
                self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port, backlog=200)
                self.port = self._server.sockets[0].getsockname()[1]

        self._run(listen())

    def close(self) -> None:
        self.refuse()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_PATIENCE)
        self._loop.close()

    def _effect_on(self, asked: Asked) -> tuple[float, Effect | None]:
        """The pause that comes first, and what happens then."""
        self.counts[asked.operation] += 1
        pause = 0.0
        for rule in self._rules:
            if rule.applies(asked):
                if not isinstance(rule.effect, Delay):
                    return pause, rule.effect
                pause += rule.effect.seconds
        return pause, None

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(self._effect_on, self._target, reader, writer)
        task = asyncio.create_task(connection.serve())
        self._connections[task] = connection
        task.add_done_callback(self._connections.pop)

    async def _refuse(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        open_now = dict(self._connections)
        for task in open_now:
            task.cancel()
        await asyncio.gather(*open_now, return_exceptions=True)
        for connection in open_now.values():
            connection.abort()
        await asyncio.sleep(0)  # for the transports to close

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(_PATIENCE)


@contextmanager
def proxied(aws: Aws) -> Iterator[AwsProxy]:
    """A proxy in front of an emulator, until the block ends."""
    proxy = AwsProxy(aws)
    try:
        yield proxy
    finally:
        proxy.close()
