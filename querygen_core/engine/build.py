"""From a validated config to the objects that do the work. Building spends nothing and connects to nothing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from contextlib import AbstractContextManager, AsyncExitStack, nullcontext
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from querygen_core.api import (
    Capabilities,
    Closable,
    Context,
    CountsTokens,
    HasFingerprint,
    HasPlan,
    Input,
    ModelRef,
    Observer,
    Preprocessor,
    ReadsVolatile,
    Shard,
    Storage,
)
from querygen_core.config import (
    ComponentConfig,
    ModelConfig,
    Pipeline,
    fingerprint,
    identity_of_model,
    names_in,
    revealed,
)
from querygen_core.contracts.errors import ConfigError, QuerygenError
from querygen_core.contracts.journal import Journal, Spent
from querygen_core.contracts.price import FREE, Price
from querygen_core.engine.ask import ModelClient
from querygen_core.engine.bound_ask import Answers
from querygen_core.engine.budget import Budget
from querygen_core.engine.call_size import most_output
from querygen_core.engine.deliver import SinkRun
from querygen_core.engine.first_call import FirstCall
from querygen_core.engine.generate import GeneratorStage, PostprocessorStage, ProductPipeline, pipeline_key
from querygen_core.engine.model import Model, RequestKeys
from querygen_core.engine.model_call import ModelCaller
from querygen_core.engine.run_stats import RunStats
from querygen_core.engine.shards import with_partitions
from querygen_core.engine.shutdown import Shutdown
from querygen_core.engine.state_dir import job_folder
from querygen_core.engine.throttle import LONGEST_UNNAMED, Bucket, Throttle
from querygen_core.engine.verdicts import Verdicts
from querygen_core.prompts import PromptLibrary, default_directories
from querygen_core.registry import BuiltComponent, ComponentKind, Registry, build_component
from querygen_core.registry.kinds import (
    GENERATOR,
    INPUT,
    OBSERVER,
    POSTPROCESSOR,
    PREPROCESSOR,
    PROVIDER,
    SINK,
)

if TYPE_CHECKING:
    from querygen_core.journal.remote.journal import RemoteJournal
    from querygen_core.journal.store_view import StoreView

T = TypeVar("T")
log = logging.getLogger("querygen.run")

_CLOSING = 10.0  # seconds that closing one component may take
_NO_WAIT = 10.0  # seconds that a run with --no-wait still waits


@dataclass(frozen=True, slots=True)
class RunOptions:
    """Settings of one run that are not in the config: from the command line and the environment."""

    environ: Mapping[str, str] = field(default_factory=dict)
    """The process's environment."""
    shard: Shard = field(default_factory=Shard)
    """The part of the job that this process works on."""
    products_file: str | None = None
    """`--products-file`."""
    products: tuple[str, ...] = ()
    """Each `--product`, as JSON text."""
    sample: int | None = None
    """Records to read; None: all."""
    wait: bool = True
    """Sit out long cool-downs of a provider."""
    retry: bool = False
    """Ask once more for the requests that have no usable answer."""


@dataclass(slots=True)
class Builder:
    """Builds the components of one pipeline."""

    pipeline: Pipeline
    """The config."""
    run_options: RunOptions
    """Settings of this run from the command line; its shard gets the config's number of partitions."""
    registry: Registry
    """Finds storages."""
    closing: AsyncExitStack
    """Closes every component that was built, when it is left."""
    fence: int | None = None
    """The journal's, as soon as the run has begun."""
    spares_secrets: bool = False
    """Whether components are built without the secrets that cannot be had, since they connect to nothing."""
    library: PromptLibrary = field(init=False)

    def __post_init__(self) -> None:
        shard = with_partitions(self.run_options.shard, self.pipeline.runtime.partitions)
        self.run_options = replace(self.run_options, shard=shard)
        beside = self.pipeline.config_dir
        self.library = PromptLibrary(default_directories(self.pipeline.prompts_dir, beside), beside)

    @property
    def folder(self) -> Path:
        """The job's state folder."""
        return job_folder(Path(self.pipeline.runtime.state_dir), self.pipeline.job_id)

    def build(self, config: ComponentConfig, kind: ComponentKind[T]) -> BuiltComponent[T]:
        """Build one component; it is closed with `closing`.

        Raises:
            PluginError: it failed, or lacks a member that its kind demands. QuerygenError: of the plugin.
        """
        context = self.context(config.use)
        options = revealed(config, spare=self.spares_secrets)
        component = build_component(config.registered, kind, options, context, path=config.path)
        if component.closable is not None:
            self.closing.push_async_callback(_close, component.closable, component.use, component.guard)
        return component

    def context(self, use: str) -> Context:
        """The surroundings of a component of this job. use: `plugin/component`."""
        pipeline = self.pipeline
        return Context(
            job_id=pipeline.job_id,
            component=use,
            state_dir=self.folder,
            config_dir=pipeline.config_dir,
            shard=self.run_options.shard,
            products_file=self.run_options.products_file,
            products=self.run_options.products,
            environ=self.run_options.environ,
            open_storage=self._open_storage,
            load_prompt=self.library.load,
            describe_model=self._describe_model,
            fence=self.fence,
            query_types=tuple(dict.fromkeys(generator.query_type for generator in pipeline.generators)),
            upstream=(pipeline.input.use, *(step.use for step in pipeline.preprocessors)),
            sample=self.run_options.sample is not None,
        )

    def _open_storage(self, url: str) -> Storage:
        scheme, separator, _ = url.partition("://")
        return self.registry.storage(scheme if separator else "file")

    def _describe_model(self, name: str) -> Mapping[str, Any]:
        identity: Mapping[str, Any] = identity_of_model(self.pipeline.models[name].component)
        return identity

    def journal(self) -> Journal:
        """The job's journal; it is closed with `closing`."""
        from querygen_core.journal.sqlite import SqliteJournal

        journal = self.remote_journal() or SqliteJournal(self.context("core/journal"))
        self.closing.push_async_callback(_close, journal, "the journal", nullcontext())
        return journal

    def remote_journal(self) -> RemoteJournal | None:
        """The journal in a store that other machines use too; None if the config names none. The caller closes it.

        Raises:
            ConfigError: no plugin has such a store.
        """
        url = self.pipeline.journal.url
        if url is None:
            return None
        from querygen_core.journal.remote.journal import RemoteJournal

        store = self.registry.object_store(url)
        return RemoteJournal(store, url, self.pipeline.journal.lease, self.context("core/journal"))

    def store_view(self) -> StoreView:
        """What the job and the store of answers have, for who begins no run; it is closed with `closing`.

        Raises:
            ConfigError: no plugin has such a store. JournalError: what is there cannot be read.
        """
        from querygen_core.journal.store_view import StoreView

        url = self.pipeline.journal.url
        store = None if url is None else self.registry.object_store(url)
        view = StoreView(self.context("core/journal"), url, store)
        self.closing.push_async_callback(view.aclose)
        return view

    def input(self) -> BuiltComponent[Input]:
        return self.build(self.pipeline.input, INPUT)

    def preprocessors(self) -> list[BuiltComponent[Preprocessor]]:
        return [self.build(config, PREPROCESSOR) for config in self.pipeline.preprocessors]

    def sinks(self) -> list[SinkRun]:
        """Raises ConfigError if two of them write to the same place: each would undo the other's work."""
        sinks = [
            SinkRun.of(
                config.component.name,
                self.build(config.component, SINK),
                required=config.required,
                sample=self.run_options.sample is not None,
            )
            for config in self.pipeline.sinks
        ]
        owners: dict[str, str] = {}  # identity → name of the first sink that writes there
        for sink in sinks:
            owner = owners.setdefault(sink.identity, sink.name)
            if owner != sink.name:
                message = f"sinks {owner!r} and {sink.name!r} both write to {sink.identity}; give each its own place"
                raise ConfigError(message)
        return sinks

    def observers(self) -> list[tuple[str, BuiltComponent[Observer]]]:
        """Each with its name in the config."""
        return [(config.name, self.build(config, OBSERVER)) for config in self.pipeline.observers]

    def models(self, shutdown: Shutdown) -> dict[str, Model]:
        """Every model by name; those with the same rate limit share one throttle. Needs a running event loop.

        Raises:
            ConfigError: `max_cost` or `max_cost_per_day` is set and a model's price is not known.
        """
        throttles: dict[str, Throttle] = {}
        models = {}
        for name, config in self.pipeline.models.items():
            provider = self.build(config.component, PROVIDER)
            with provider.guard:
                counter = provider.instance if isinstance(provider.instance, CountsTokens) else None
                capabilities: object = provider.instance.capabilities
                limit_key = provider.guard.text(provider.instance.limit_key, "limit_key")
            if not isinstance(capabilities, Capabilities):
                raise provider.guard.violation(f"its capabilities are {type(capabilities).__name__}, not Capabilities")
            models[name] = Model(
                name=name,
                model=str(dict(config.component.options).get("model") or name),
                provider=provider,
                identity=identity_of_model(config.component),
                # The first model with this `limit_key` sets the rates for all that share it.
                throttle=throttles.setdefault(limit_key, self._throttle(config, shutdown)),
                price=self._price(name, config.component.use, capabilities),
                note=capabilities.note,
                max_output=most_output(config, capabilities),
                counter=counter,
                thinking=capabilities.thinking,
            )
        return models

    def _price(self, name: str, use: str, capabilities: Capabilities) -> Price | None:
        price = FREE if capabilities.free else capabilities.price
        runtime = self.pipeline.runtime
        limit = "max_cost" if runtime.max_cost is not None else "max_cost_per_day"
        if price is None and (runtime.max_cost, runtime.max_cost_per_day) != (None, None):
            raise ConfigError(
                f"runtime.{limit}: the price of {name!r} ({use}) is not known; set the price in the model's "
                "options, or use max_calls or max_tokens"
            )
        return price

    def _throttle(self, config: ModelConfig, shutdown: Shutdown) -> Throttle:
        runtime, now = self.pipeline.runtime, asyncio.get_running_loop().time()
        # Shards know nothing of each other, so each gets an equal share of the rates.
        size = self.run_options.shard.size
        rpm, tpm = ((rate or 0) / size for rate in (config.rpm or runtime.rpm, config.tpm or runtime.tpm))
        return Throttle(
            shutdown,
            config.concurrency or runtime.concurrency,
            rpm=Bucket(rpm, now) if rpm else None,
            tpm=Bucket(tpm, now) if tpm else None,
            longest_wait=float("inf") if self.run_options.wait else _NO_WAIT,
            longest_unnamed=min(LONGEST_UNNAMED, runtime.retry_for),  # calls that wait in line must end in time
        )

    def product_pipeline(self, model_client: Answers) -> ProductPipeline:
        generators = []
        for config in self.pipeline.generators:
            generator = self.build(config.component, GENERATOR)
            generators.append(
                GeneratorStage(
                    name=config.component.name,
                    query_type=config.query_type,
                    count=config.count,
                    component=generator,
                    fingerprint=_fingerprint(config.component, generator),
                    volatile=_volatile(generator),
                    edition=config.edition,
                    ask=self.pipeline.asked(config),
                    plan=_plan(generator, config.count),
                    prompt=self._prompt_file(config.component),
                )
            )
        postprocessors = []
        for step in self.pipeline.postprocessors:
            postprocessor = self.build(step, POSTPROCESSOR)
            postprocessors.append(PostprocessorStage(postprocessor, _fingerprint(step, postprocessor)))
        rounds = self.pipeline.runtime.refill_rounds
        key = pipeline_key(generators, postprocessors, rounds)
        return ProductPipeline(key, generators, postprocessors, rounds, model_client)

    def _prompt_file(self, generator: ComponentConfig) -> str:
        """For messages; "" for a generator that is not querygen's own, since only it can know."""
        name = dict(generator.options).get("prompt")
        return str(self.library.load(name).path) if generator.use == "core/prompt" and isinstance(name, str) else ""

    def model_client(
        self, models: Mapping[str, Model], journal: Journal, spent: Spent, shutdown: Shutdown, stats: RunStats
    ) -> ModelClient:
        runtime = self.pipeline.runtime
        caller = ModelCaller(
            journal=journal,
            slots=asyncio.Semaphore(runtime.concurrency),
            budget=Budget(shutdown, spent, *self.budget()),
            shutdown=shutdown,
            stats=stats,
            call_timeout=runtime.call_timeout,
            retry_for=runtime.retry_for,
            first_call=FirstCall(shutdown, self._used(models)),
            day_budget=runtime.max_cost_per_day,
        )
        return ModelClient(journal, self.request_keys(models), caller, shutdown, stats, Verdicts(caller))

    def _used(self, models: Mapping[str, Model]) -> list[tuple[str, BuiltComponent[object]]]:
        """The models that a generator or postprocessor names; one that is only there need not answer."""
        steps = [generator.component for generator in self.pipeline.generators], self.pipeline.postprocessors
        named = {name for step in chain(*steps) for _, name in names_in(step.options, ModelRef)}
        return [(f"model {name!r}", models[name].provider) for name in models if name in named]

    def request_keys(self, models: Mapping[str, Model]) -> RequestKeys:
        return RequestKeys(models, self.pipeline.job_id if self.pipeline.journal.reuse == "job" else None)

    def budget(self) -> tuple[int | None, int | None, float | None]:
        """This shard's share of `max_calls`, `max_tokens` and `max_cost`; all shares add up to the whole."""
        runtime, shard = self.pipeline.runtime, self.run_options.shard
        calls, tokens = (
            None if limit is None else limit // shard.size + (shard.index < limit % shard.size)
            for limit in (runtime.max_calls, runtime.max_tokens)
        )
        return calls, tokens, None if runtime.max_cost is None else runtime.max_cost / shard.size


async def _close(closable: Closable, name: str, guard: AbstractContextManager[None]) -> None:
    """The run is over and its result stands, so a failure is only logged."""
    try:
        async with asyncio.timeout(_CLOSING):
            with guard:
                await closable.aclose()
    except TimeoutError:
        log.warning("%s was not closed within %g s", name, _CLOSING)
    except QuerygenError as error:
        log.warning("%s could not be closed: %s", name, error)


def _fingerprint(config: ComponentConfig, component: BuiltComponent[object]) -> Mapping[str, Any]:
    """Plain JSON that a component's results depend on: its name, version, options, and the object's own fingerprint."""
    addition: dict[str, Any] = {}
    with component.guard:
        if isinstance(component.instance, HasFingerprint):
            addition = dict(component.instance.fingerprint)
    return {**fingerprint(config), "also": addition}


def _plan(component: BuiltComponent[object], count: int) -> Mapping[str, int]:
    """sub_type → its share of `count`; empty if the generator has no plan.

    Raises:
        PluginError: a share is no whole number.
    """
    with component.guard:
        shares: dict[Any, Any] = dict(component.instance.plan(count)) if isinstance(component.instance, HasPlan) else {}
    if not all(isinstance(name, str) and type(share) is int for name, share in shares.items()):
        raise component.guard.violation("its plan must be names with whole numbers")
    return {name: share for name, share in shares.items() if share > 0}


def _volatile(component: BuiltComponent[object]) -> frozenset[str]:
    with component.guard:
        if isinstance(component.instance, ReadsVolatile):
            return frozenset(component.instance.volatile)
    return frozenset()
