"""From a checked config to the objects that do the work. Building spends nothing and connects to nothing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from querygen_core.api import Context, Input, Preprocessor, Shard
from querygen_core.config import ModelPart, Part, Pipeline, fingerprint, identity_of_model
from querygen_core.engine.ask import Asker, Model
from querygen_core.engine.breaker import Breaker
from querygen_core.engine.budget import Budget
from querygen_core.engine.deliver import SinkRun
from querygen_core.engine.folder import job_folder
from querygen_core.engine.generate import Filter, Recipe, Source, recipe_key
from querygen_core.engine.halt import Halt
from querygen_core.engine.meter import Meter
from querygen_core.engine.throttle import Bucket, Throttle
from querygen_core.errors import ConfigError, PluginError, QuerygenError
from querygen_core.journal.interface import Journal, LocalJournal, Spent
from querygen_core.price import FREE
from querygen_core.prompts import PromptLibrary, default_directories
from querygen_core.registry import Registry

log = logging.getLogger("querygen.run")

_NEEDED = {"provider": ("capabilities", "limit_key"), "sink": ("identity",), "observer": ("identity",)}
_CLOSING = 10.0  # seconds a part may take to be closed
_NO_WAIT = 10.0  # seconds that a run with --no-wait still waits


@dataclass(frozen=True, slots=True)
class Settings:
    """What the command line and the environment add to a config.

    sample: read so many records only. wait: sit out long cool-downs. retry: ask again what had no usable answer.
    """

    environ: Mapping[str, str] = field(default_factory=dict)
    shard: Shard = field(default_factory=Shard)
    products_file: str | None = None
    products: tuple[str, ...] = ()
    sample: int | None = None
    wait: bool = True
    retry: bool = False


@dataclass(slots=True)
class Builder:
    """Builds the parts of one pipeline; what it built is closed with `closing`."""

    pipeline: Pipeline
    settings: Settings
    registry: Registry
    closing: AsyncExitStack
    library: PromptLibrary = field(init=False)

    def __post_init__(self) -> None:
        beside = self.pipeline.config_dir
        self.library = PromptLibrary(default_directories(self.pipeline.prompts_dir, beside), beside)

    @property
    def folder(self) -> Path:
        return job_folder(Path(self.pipeline.runtime.state_dir), self.pipeline.job_id)

    def build(self, part: Part) -> Any:
        """The part's object. Raises PluginError naming the component if it fails, or lacks what the engine reads."""
        try:
            built = part.registered.component.build(part.options, self._context(part))
        except QuerygenError:
            raise
        except (Exception, SystemExit) as exc:
            raise PluginError(f"{part.path}: {part.use} cannot be built: {type(exc).__name__}: {exc}") from exc
        if close := getattr(built, "aclose", None):
            self.closing.push_async_callback(_close, part.use, close)
        if missing := [name for name in _NEEDED.get(part.kind, ()) if not hasattr(built, name)]:
            raise PluginError(f"{part.path}: {part.use} broke its contract: it has no {missing[0]}")
        return built

    def _context(self, part: Part) -> Context:
        return Context(
            job_id=self.pipeline.job_id,
            component=part.use,
            state_dir=self.folder,
            config_dir=self.pipeline.config_dir,
            shard=self.settings.shard,
            products_file=self.settings.products_file,
            products=self.settings.products,
            environ=self.settings.environ,
            open_storage=self._open_storage,
            load_prompt=self.library.load,
            describe_model=self._describe_model,
            open_journal=lambda: self._local_journal(part),
        )

    def _open_storage(self, url: str) -> Any:
        scheme, separator, _ = url.partition("://")
        return self.registry.storage(scheme if separator else "file")

    def _describe_model(self, name: str) -> Mapping[str, Any]:
        identity: Mapping[str, Any] = identity_of_model(self.pipeline.models[name].part)
        return identity

    def _local_journal(self, part: Part) -> LocalJournal:
        from querygen_core.journal.sqlite import SqliteJournal

        return SqliteJournal(self._context(part))

    def journal(self) -> Journal:
        journal: Journal = self.build(self.pipeline.journal)
        return journal

    def input(self) -> Input:
        source: Input = self.build(self.pipeline.input)
        return source

    def preprocessors(self) -> list[tuple[str, Preprocessor]]:
        return [(part.use, self.build(part)) for part in self.pipeline.preprocessors]

    def sinks(self) -> list[SinkRun]:
        """Raises ConfigError if two of them write to the same place: each would undo the other's work."""
        sinks = [
            SinkRun(one.part.name, one.part.use, self.build(one.part), one.required) for one in self.pipeline.sinks
        ]
        first: dict[str, str] = {}
        for one in sinks:
            earlier = first.setdefault(one.sink.identity, one.name)
            if earlier != one.name:
                message = (
                    f"sinks {earlier!r} and {one.name!r} both write to {one.sink.identity}; give each its own place"
                )
                raise ConfigError(message)
        return sinks

    def observers(self) -> list[tuple[str, Any]]:
        return [(part.name, self.build(part)) for part in self.pipeline.observers]

    def models(self, halt: Halt) -> dict[str, Model]:
        """Every model, those of one limit with one throttle. Needs a running event loop.

        Raises:
            ConfigError: `max_cost` is set and a model's price is not known.
        """
        runtime = self.pipeline.runtime
        throttles: dict[str, Throttle] = {}
        models = {}
        for name, one in self.pipeline.models.items():
            provider = self.build(one.part)
            price = FREE if provider.capabilities.free else provider.capabilities.price
            if runtime.max_cost is not None and price is None:
                message = f"runtime.max_cost: the price of {name!r} ({one.part.use}) is not known"
                raise ConfigError(
                    f"{message}; say it in the model's options if it has one for it, or use max_calls or max_tokens"
                )
            throttle = throttles.setdefault(provider.limit_key, self._throttle(one, halt))
            model_id = str(getattr(one.part.options, "model", "") or name)
            identity = identity_of_model(one.part)
            breaker = Breaker(halt, name)
            models[name] = Model(name, one.part.use, model_id, provider, identity, throttle, breaker, price)
        return models

    def _throttle(self, one: ModelPart, halt: Halt) -> Throttle:
        runtime, now = self.pipeline.runtime, asyncio.get_running_loop().time()
        size = self.settings.shard.size
        rpm, tpm = ((rate or 0) / size for rate in (one.rpm or runtime.rpm, one.tpm or runtime.tpm))
        return Throttle(
            halt,
            one.concurrency or runtime.concurrency,
            rpm=Bucket(rpm, now) if rpm else None,
            tpm=Bucket(tpm, now) if tpm else None,
            longest_wait=float("inf") if self.settings.wait else _NO_WAIT,
        )

    def recipe(self, asker: Asker) -> tuple[Recipe, frozenset[str]]:
        """How products become outcomes, and the volatile fields that this takes into account."""
        sources = []
        for one in self.pipeline.generators:
            generator = self.build(one.part)
            sources.append(
                Source(one.part.name, one.part.use, one.query_type, one.count, generator, _prints(one.part, generator))
            )
        filters = []
        for part in self.pipeline.postprocessors:
            postprocessor = self.build(part)
            filters.append(Filter(part.name, part.use, postprocessor, _prints(part, postprocessor)))
        rounds = self.pipeline.runtime.refill_rounds
        volatile = frozenset(name for source in sources for name in getattr(source.generator, "volatile", frozenset()))
        return Recipe(recipe_key(sources, filters, rounds), sources, filters, rounds, asker), volatile

    def asker(self, models: Mapping[str, Model], journal: Journal, spent: Spent, halt: Halt, meter: Meter) -> Asker:
        runtime = self.pipeline.runtime
        return Asker(
            journal=journal,
            models=models,
            slots=asyncio.Semaphore(runtime.concurrency),
            budget=Budget(halt, spent, *self._budget()),
            halt=halt,
            meter=meter,
            call_timeout=runtime.call_timeout,
            retry_for=runtime.retry_for,
        )

    def _budget(self) -> tuple[int | None, int | None, float | None]:
        """This shard's part of the job's calls, tokens and cost; all parts together are the whole."""
        runtime, shard = self.pipeline.runtime, self.settings.shard
        calls, tokens = (
            None if limit is None else limit // shard.size + (shard.index < limit % shard.size)
            for limit in (runtime.max_calls, runtime.max_tokens)
        )
        return calls, tokens, None if runtime.max_cost is None else runtime.max_cost / shard.size


async def _close(use: str, close: Callable[[], Awaitable[None]]) -> None:
    """The run is over and its result stands, whatever happens here."""
    try:
        async with asyncio.timeout(_CLOSING):
            await close()
    except (Exception, SystemExit) as exc:  # noqa: BLE001 - a plugin's code
        log.warning("%s could not be closed: %s: %s", use, type(exc).__name__, exc)


def _prints(part: Part, built: Any) -> Mapping[str, Any]:
    """What a part's results depend on: its name, version and options, and what the built object adds."""
    return {**fingerprint(part), "also": dict(getattr(built, "fingerprint", {}))}
