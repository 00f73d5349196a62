"""A run's inside without a config: a real journal, a provider that does as it is told."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from querygen_core.contracts.records import Request
from querygen_core.engine.ask import ModelClient
from querygen_core.engine.bound_ask import BoundAsk
from querygen_core.engine.breaker import Asker
from querygen_core.engine.budget import Budget
from querygen_core.engine.first_call import FirstCall
from querygen_core.engine.model import Model, RequestKeys
from querygen_core.engine.model_call import ModelCaller
from querygen_core.engine.run_stats import RunStats
from querygen_core.engine.shutdown import Shutdown
from querygen_core.engine.throttle import Throttle
from querygen_core.engine.verdicts import Verdicts
from querygen_core.journal.sqlite import SqliteJournal
from querygen_core.registry import BuiltComponent, PluginGuard
from querygen_core.testing import ScriptedProvider, context

SCHEMA = {"type": "object", "properties": {"questions": {"type": "array", "items": {"type": "object"}}}}


@dataclass
class World:
    provider: ScriptedProvider
    journal: SqliteJournal
    model_client: ModelClient
    shutdown: Shutdown
    stats: RunStats

    def conversation(self) -> BoundAsk:
        return BoundAsk(self.model_client, Asker("generator"))


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
    shutdown, stats = Shutdown(), RunStats()
    model = Model(
        "m",
        "m-1",
        built(provider, "test/scripted"),
        {"use": "test/scripted"},
        Throttle(shutdown, concurrency),
    )
    budget = Budget(shutdown, await journal.spent(), limits.pop("max_calls", None), limits.pop("max_tokens", None))
    run_options = {"call_timeout": 5.0, "retry_for": 30.0, "first_call": FirstCall(shutdown), **limits}
    caller = ModelCaller(journal, asyncio.Semaphore(concurrency), budget, shutdown, stats, **run_options)
    model_client = ModelClient(journal, RequestKeys({"m": model}), caller, shutdown, stats, Verdicts(caller))
    model_client.verdicts.end()  # no other product's answer is awaited
    try:
        yield World(provider, journal, model_client, shutdown, stats)
    finally:
        await model_client.completed()
        await journal.aclose()


def built(instance: Any, use: str) -> BuiltComponent[Any]:
    """As the registry builds a component, without a plugin that declares it."""
    return BuiltComponent(use, instance, PluginGuard(f"component {use!r} (querygen-test 1)", "tests"))


def request(prompt: str = "p", **changes: Any) -> Request:
    return Request(model="m", prompt=prompt, schema=SCHEMA, **changes)
