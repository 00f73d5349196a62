"""One run of a job, from the lock to the report."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from querygen_core import __version__
from querygen_core.config import Pipeline
from querygen_core.contracts.errors import Exit, QuerygenError, Stopped
from querygen_core.contracts.journal import Journal, Spent
from querygen_core.contracts.last_resort import last_resort
from querygen_core.contracts.records import Event, Outcome
from querygen_core.engine.ask import ModelClient
from querygen_core.engine.build import Builder, RunOptions
from querygen_core.engine.dead_letter_log import DeadLetterLog
from querygen_core.engine.deliver import SinkDelivery, SinkRun, may_deliver
from querygen_core.engine.examples import examples
from querygen_core.engine.exit_status import exit_status, sink_report
from querygen_core.engine.figures import Figures, Watch, figures
from querygen_core.engine.file_uses import check_files
from querygen_core.engine.first_records import FirstRecords
from querygen_core.engine.ingest import Ingest
from querygen_core.engine.observe import ObserverFeed, RunEvents
from querygen_core.engine.removed import RemovedProducts
from querygen_core.engine.report_files import write_report_files
from querygen_core.engine.run_record import hand_over
from querygen_core.engine.run_stats import RunStats
from querygen_core.engine.run_yield import RunYield
from querygen_core.engine.shards import batch_run
from querygen_core.engine.shutdown import Shutdown
from querygen_core.engine.signals import handled_signals
from querygen_core.engine.state_dir import make_folder, shard_folder
from querygen_core.engine.tolerance import Tolerance
from querygen_core.engine.unfit_input import judge_input
from querygen_core.engine.workers import Workers
from querygen_core.logs import bind, log_loop_error
from querygen_core.registry import Registry
from querygen_core.report.build import build_report
from querygen_core.report.generators import generator_report

T = TypeVar("T")
log = logging.getLogger("querygen.run")

_CLOSING_IN_A_HURRY = 1.5  # seconds, in which a lease can be given back


@dataclass(frozen=True, slots=True)
class RunResult:
    """The end of a run."""

    code: Exit
    """The process's exit code."""
    message: str
    """One sentence for the user; "" if all is well."""
    report: Mapping[str, Any]
    """The object that `--json` prints."""
    examples: Sequence[Outcome] = ()
    """The poorest product and one that is drawn; fewer where there are fewer."""
    statement: str = ""
    """A statement that shows what a sink has written to its database; "" if no sink has one."""


@dataclass(slots=True)
class Job:
    """A run under way."""

    pipeline: Pipeline
    """The config."""
    run_options: RunOptions
    """Settings of this run from the command line."""
    builder: Builder
    """Builds the config's components."""
    journal: Journal
    """The job's memory, not begun yet."""
    shutdown: Shutdown = field(default_factory=Shutdown)
    """Set when the run must end early."""
    stats: RunStats = field(default_factory=RunStats)
    """Counts what the run does."""
    generated: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when no further outcome will come."""
    sinks: list[SinkRun] = field(default_factory=list)
    """Built when the run has begun."""
    observer_feeds: list[ObserverFeed] = field(default_factory=list)
    """Built when the run has begun."""
    dead_letters: DeadLetterLog = field(default_factory=DeadLetterLog)
    """Tells of what is rejected, fails or is refused."""
    notes: dict[str, Any] = field(default_factory=dict)
    """Facts about the run that the report repeats: attempt, shard, config hash, models."""
    attempt: int = 0
    """Number of the run, from 1."""
    spent: Spent = field(default_factory=Spent)
    """Before this run."""
    model_client: ModelClient | None = None
    """Built when the sinks have been checked."""
    run_events: RunEvents = field(init=False)
    """Takes the events that belong to no product."""

    def __post_init__(self) -> None:
        self.run_events = RunEvents(self.journal)

    async def execute(self, watch: Watch | None) -> RunResult:
        self.attempt = await self.journal.begin(self._config_record())
        self.builder.fence = self.journal.fence
        if self.run_options.retry:  # only now, when `begin` has made sure that no other process runs this job
            log.info("granted one more try to %d requests without a usable answer", await self.journal.grant_retry())
        bind(job_id=self.pipeline.job_id, attempt=self.attempt, shard=self.run_options.shard.index)
        asyncio.get_running_loop().set_exception_handler(log_loop_error)
        self.notes = {
            "attempt": self.attempt,
            "shard": {"index": self.run_options.shard.index, "size": self.run_options.shard.size},
            "config_hash": self.pipeline.hash,
            **batch_run(self.run_options.environ),
        }
        self.shutdown.announce = self._announce_shutdown
        self.pipeline.secret_store.on_reload = self.run_events.append_secret_reload
        with handled_signals(self.shutdown, self.pipeline.runtime.drain, self):
            observers = self.builder.observers()
            self.observer_feeds = [ObserverFeed.of(name, observer, self.journal) for name, observer in observers]
            await self.journal.append_events([Event(kind="run_started", data={**self.notes, "querygen": __version__})])
            async with self._observed(watch):
                try:
                    await self.shutdown.unless_hurried(self._work())
                except QuerygenError as exc:
                    self.shutdown.set_by(exc)
            return await self._conclude()

    def _config_record(self) -> dict[str, Any]:
        """Everything that `querygen retry` needs to repeat the run."""
        options = self.run_options
        given = {"products_file": options.products_file, "products": options.products, "sample": options.sample}
        file = self.pipeline.origin
        return {
            "job_id": self.pipeline.job_id,
            "resolved": self.pipeline.resolved,
            "config_file": file,
            "hash": self.pipeline.hash,
            "given": given,
        }

    @asynccontextmanager
    async def _observed(self, watch: Watch | None) -> AsyncIterator[None]:
        """While the block runs, send events to the observers and show progress."""
        tasks = [asyncio.create_task(feed.run()) for feed in self.observer_feeds]
        if watch is not None:
            tasks.append(asyncio.create_task(watch(self._figures)))
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _figures(self) -> Figures:
        client = self.model_client
        models = None if client is None else list(client.keys.models.values())
        max_cost = None if client is None else client.caller.budget.max_cost
        return figures(self.stats, self.shutdown, self.sinks, models, spent=self.spent, max_cost=max_cost)

    def _announce_shutdown(self) -> None:
        self.run_events.append("draining", exit_code=self.shutdown.code, message=self.shutdown.message)

    def calls_under_way(self) -> int | None:
        """See `CallsUnderWay`."""
        return None if self.model_client is None else self.stats.under_way

    def abandon(self) -> None:
        """Give up the calls under way."""
        if self.model_client is not None:
            self.model_client.abandon()

    async def _work(self) -> None:
        """Build everything, sinks first: a run whose sink would fail must not pay for anything."""
        self.sinks = self.builder.sinks()
        await asyncio.gather(*(sink.check() for sink in self.sinks))
        models = self.builder.models(self.shutdown)
        self.notes["models"] = {
            model.name: {"use": model.provider.use, "model": model.model, "note": model.note}
            for model in models.values()
        }
        self.spent = await self.journal.spent()
        self.model_client = self.builder.model_client(models, self.journal, self.spent, self.shutdown, self.stats)
        product_pipeline = self.builder.product_pipeline(self.model_client)
        self.model_client.caller.first_call.components += product_pipeline.components
        ingest = Ingest(
            input=self.builder.input(),
            preprocessors=self.builder.preprocessors(),
            journal=self.journal,
            stats=self.stats,
            shutdown=self.shutdown,
            first_records=FirstRecords(self.shutdown, self._tolerance),
            shard=self.run_options.shard,
            sample=self.run_options.sample,
            outcome_key=product_pipeline.outcome_key,
            volatile=product_pipeline.volatile,
            dead_letters=self.dead_letters,
        )
        workers = Workers(
            product_pipeline=product_pipeline,
            model_client=self.model_client,
            concurrency=self.pipeline.runtime.concurrency,
            journal=self.journal,
            stats=self.stats,
            shutdown=self.shutdown,
            run_yield=RunYield(self.shutdown, self.pipeline.runtime.min_yield, self.stats),
            dead_letters=self.dead_letters,
            attempt=self.attempt,
        )
        await self._generate_and_deliver(ingest, workers, self.model_client)

    async def _generate_and_deliver(self, ingest: Ingest, workers: Workers, model_client: ModelClient) -> None:
        removed = self._removed_products()
        deliveries = [
            SinkDelivery(
                sink,
                self.journal,
                self.stats,
                self.shutdown,
                self.generated,
                self.attempt,
                self.dead_letters,
                waits=removed is not None,
            )
            for sink in self.sinks
        ]
        tasks = [asyncio.create_task(delivery.run()) for delivery in deliveries]
        try:
            await workers.run(ingest)
            # Calls may outlive their product; their answers must be stored before the report counts them.
            await model_client.completed()
            workers.run_yield.judge_end(others_kept=(await self.journal.tally()).kept > 0)
            if removed is not None:
                await removed.retire()
            judge_input(self.shutdown, self.stats, await self.journal.tally(), self._tolerance)
        finally:
            # Also after an error, since every delivery waits for this event.
            self.generated.set()
            if self.shutdown.hurried.is_set():
                for task in tasks:
                    task.cancel()
                await asyncio.wait(tasks)
                await model_client.completed()  # abandoned calls are to be in the journal as such
            else:
                await asyncio.gather(*tasks)
        # Whoever was paused in its very last write learns only here that another process has delivered since.
        may_deliver(self.journal, self.shutdown)

    def _removed_products(self) -> RemovedProducts | None:
        """None if they are kept, or if this run does not see the whole input."""
        runtime, options = self.pipeline.runtime, self.run_options
        if runtime.removed_products == "keep" or options.sample is not None or options.products:
            return None
        return RemovedProducts(self.journal, self.stats, self.shutdown, runtime.max_retired_ratio)

    async def _conclude(self) -> RunResult:
        self.dead_letters.end()
        await self.run_events.flush()
        spans = ({"stage": stage, **span} for stage, span in self.stats.stages.items())
        await self.journal.append_events([Event(kind="stage_finished", data=span) for span in spans])
        tally, spent = await self.journal.tally(), await self.journal.spent()
        sinks = [sink_report(sink, tally.kept) for sink in self.sinks]
        end = exit_status(self.shutdown, self.stats, tally, sinks, self._tolerance)
        # Observers first: the report says how many events they have not taken. They get the report itself afterwards.
        undelivered = await self._flush_observers()
        report = build_report(
            job_id=self.pipeline.job_id,
            end=end,
            tally=tally,
            spent=spent,
            stats=self.stats,
            sinks=sinks,
            events_undelivered=undelivered,
            run={
                **self.notes,
                "generators": self._generators(),
                "secrets": self.pipeline.secret_store.counts,
                "store_writes": dict(self.journal.writes),
            },
        )
        await self.journal.finish(report, [Event(kind="run_finished", data=report)])
        await self._flush_observers()
        folder = shard_folder(self.builder.folder, self.run_options.shard)
        await write_report_files(folder, report, self.pipeline.resolved, self.journal)
        await self._hand_over(report)
        return RunResult(
            end.code,
            end.message,
            report,
            await examples(self.journal, tally, self.pipeline.job_id),
            self._statement(),
        )

    async def _hand_over(self, report: Mapping[str, Any]) -> None:
        """Let the sinks keep what is to be known of this run, unless it is a sample or another process has the job."""
        if self.run_options.sample is None and may_deliver(self.journal, self.shutdown):
            whole = self.stats.input_done and not self.shutdown.is_set
            left = self.shutdown.seconds_left()
            handing = hand_over(self.sinks, self.journal, report, whole=whole, seconds_left=left)
            with suppress(Stopped):
                await self.shutdown.unless_hurried(handing)

    async def _flush_observers(self) -> int:
        """Send what is left to the observers; how many events they have not taken."""
        feeds = self.observer_feeds
        try:
            return sum(await self.shutdown.unless_hurried(_all_of(feed.flush() for feed in feeds)))
        except Stopped:
            return sum([await feed.behind() for feed in feeds])

    @property
    def _tolerance(self) -> Tolerance:
        runtime = self.pipeline.runtime
        return Tolerance(runtime.max_failed_ratio, runtime.max_failed, runtime.max_refused_ratio)

    def _generators(self) -> dict[str, Any]:
        first = self.stats.first_answers
        return {
            item.component.name: generator_report(item.count, self.pipeline.asked(item), first[item.component.name])
            for item in self.pipeline.generators
        }

    def _statement(self) -> str:
        examples = (sink.example() for sink in self.sinks if sink.error is None)
        return next(filter(None, examples), "")


async def run_job(
    pipeline: Pipeline,
    run_options: RunOptions,
    registry: Registry,
    watch: Watch | None = None,
    on_end: Callable[[RunResult], None] | None = None,
) -> RunResult:
    """Run the job to its end, or as far as it goes. on_end: gets the result before anything is closed, which may hang.

    Raises:
        QuerygenError: it could not begin: its state cannot be written, another process runs it, or a component cannot
        be built.
    """
    async with AsyncExitStack() as closing:
        builder = Builder(pipeline, run_options, registry, closing)
        check_files(builder)
        make_folder(builder.folder)
        with last_resort:  # so that it watches over the closing too
            job = Job(pipeline, builder.run_options, builder, builder.journal())
            result = await job.execute(watch)
            if on_end is not None:
                on_end(result)
            if job.shutdown.hurried.is_set():  # all is said, so what hangs now holds nobody up
                last_resort.leave_after(_CLOSING_IN_A_HURRY, result.code)
            return result


async def _all_of(operations: Iterable[Awaitable[T]]) -> list[T]:
    return await asyncio.gather(*operations)
