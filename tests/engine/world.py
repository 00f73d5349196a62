"""A run's inside without a config: a real journal, a provider that does as it is told."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from querygen_core.api import Capabilities
from querygen_core.engine.ask import Asker, Conversation, Model
from querygen_core.engine.breaker import Breaker
from querygen_core.engine.budget import Budget
from querygen_core.engine.halt import Halt
from querygen_core.engine.meter import Meter
from querygen_core.engine.throttle import Throttle
from querygen_core.journal.sqlite import SqliteJournal
from querygen_core.records import Product, Query, Request, Response, Usage, Want
from querygen_core.testing import context

SCHEMA = {"type": "object", "properties": {"questions": {"type": "array", "items": {"type": "object"}}}}


def questions(*texts: str) -> Response:
    items = [{"text": text} for text in texts]
    return Response(text=json.dumps({"questions": items}), usage=Usage(input=10, output=5))


@dataclass
class ScriptedProvider:
    """Answers by `script(request, call number of that prompt)`; what it returns is raised if it is an exception."""

    script: Callable[[Request, int], Response | Exception]
    seconds: float = 0.0
    capabilities: Capabilities = field(default_factory=lambda: Capabilities(free=True))
    limit_key: str = "scripted"
    calls: Counter[str] = field(default_factory=Counter)
    in_flight: int = 0
    most_in_flight: int = 0

    async def complete(self, request: Request) -> Response:
        number = self.calls[request.prompt]
        self.calls[request.prompt] += 1
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            await asyncio.sleep(self.seconds)
        finally:
            self.in_flight -= 1
        answer = self.script(request, number)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def aclose(self) -> None: ...


@dataclass
class World:
    provider: ScriptedProvider
    journal: SqliteJournal
    asker: Asker
    halt: Halt
    meter: Meter

    def conversation(self) -> Conversation:
        return Conversation(self.asker)


@asynccontextmanager
async def world(
    folder: Path,
    script: Any,
    *,
    seconds: float = 0.0,
    concurrency: int = 8,
    journal: Any = SqliteJournal,
    **limits: Any,
):
    provider = ScriptedProvider(script, seconds)
    journal = journal(context(folder))
    await journal.begin({})
    halt, meter = Halt(), Meter()
    model = Model(
        "m", "test/scripted", "m-1", provider, {"use": "test/scripted"}, Throttle(halt, concurrency), Breaker(halt, "m")
    )
    budget = Budget(halt, await journal.spent(), limits.pop("max_calls", None), limits.pop("max_tokens", None))
    settings = {"call_timeout": 5.0, "retry_for": 30.0, **limits}
    asker = Asker(journal, {"m": model}, asyncio.Semaphore(concurrency), budget, halt, meter, **settings)
    try:
        yield World(provider, journal, asker, halt, meter)
    finally:
        await asker.settled()
        await journal.aclose()


def request(prompt: str = "p", **changes: Any) -> Request:
    return Request(model="m", prompt=prompt, schema=SCHEMA, **changes)


class AskingGenerator:
    """Asks one request per round, as core/prompt does; the accepted questions are in the prompt."""

    async def generate(self, product: Product, want: Want, ask: Conversation) -> Sequence[Query]:
        prompt = f"{product.title} {want.query_type} {want.count} {want.round} {'|'.join(want.accepted)}"
        answer = await ask(request(prompt))
        return [Query(text=item["text"], request_key=answer.request_key) for item in answer.value["questions"]]
