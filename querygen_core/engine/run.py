"""One run of a job, from the lock to the report."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

from querygen_core import __version__
from querygen_core.batch import batch_run
from querygen_core.config import Pipeline
from querygen_core.engine.ask import Asker
from querygen_core.engine.build import Builder, Settings
from querygen_core.engine.deliver import Delivering, SinkRun, failure_of
from querygen_core.engine.folder import make_folder, shard_folder, write_json, write_lines
from querygen_core.engine.generate import Recipe
from querygen_core.engine.halt import Halt
from querygen_core.engine.herald import Herald
from querygen_core.engine.intake import Intake, Work
from querygen_core.engine.meter import Meter
from querygen_core.engine.observe import Observing
from querygen_core.engine.signals import handled_signals
from querygen_core.engine.verdict import sink_report, verdict
from querygen_core.errors import (
    AnswerError,
    ConfigError,
    Exit,
    JournalError,
    ProviderError,
    QuerygenError,
    SinkError,
    Stopped,
)
from querygen_core.journal.interface import DeadLetter, Journal
from querygen_core.logs import bind, log_loop_error
from querygen_core.masking import mask
from querygen_core.records import Fact, Outcome
from querygen_core.registry import Registry
from querygen_core.report import build_report

log = logging.getLogger("querygen.run")

Watch = Callable[[Meter], Coroutine[Any, Any, None]]
_RAW_LIMIT = 8_000  # characters of an answer kept in a dead letter
_EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Result:
    """How a run ended. message: one sentence for the user, "" if all is well. examples: a few outcomes. statement:
    shows what is in the database that a sink wrote to, "" if none did.
    """

    code: Exit
    message: str
    report: Mapping[str, Any]
    examples: Sequence[Outcome] = ()
    statement: str = ""


@dataclass(slots=True)
class Job:
    """A run under way."""

    pipeline: Pipeline
    settings: Settings
    builder: Builder
    journal: Journal
    halt: Halt = field(default_factory=Halt)
    meter: Meter = field(default_factory=Meter)
    generated: asyncio.Event = field(default_factory=asyncio.Event)
    sinks: list[SinkRun] = field(default_factory=list)
    observing: list[Observing] = field(default_factory=list)
    notes: dict[str, Any] = field(default_factory=dict)
    asker: Asker | None = None
    herald: Herald = field(init=False)

    def __post_init__(self) -> None:
        self.herald = Herald(self.journal)

    async def execute(self, watch: Watch | None) -> Result:
        attempt = await self.journal.begin(self._kept())
        if self.settings.retry:  # not before `begin`, which makes sure that the job is nobody else's
            log.info("%d requests get one more try", await self.journal.grant_retry())
        bind(job_id=self.pipeline.job_id, attempt=attempt, shard=self.settings.shard.index)
        asyncio.get_running_loop().set_exception_handler(log_loop_error)
        self.notes = {
            "attempt": attempt, "shard": asdict(self.settings.shard), "config_hash": self.pipeline.hash,
            **batch_run(self.settings.environ),
        }  # fmt: skip
        self.halt.announce = self._announce
        self.pipeline.vault.on_reload = self.herald.tell_of_secret
        with handled_signals(self.halt, self.pipeline.runtime.drain, self._abandon):
            self.observing = [Observing(name, one, self.journal) for name, one in self.builder.observers()]
            await self.journal.tell([Fact(kind="run_started", data={**self.notes, "querygen": __version__})])
            async with self._watched(watch):
                try:
                    await self._work()
                except QuerygenError as exc:
                    self.halt.set(exc.exit_code, mask(str(exc)))
            return await self._conclude()

    def _kept(self) -> dict[str, Any]:
        """What `querygen retry` needs to do the same again."""
        given = {name: getattr(self.settings, name) for name in ("products_file", "products", "sample")}
        file = self.pipeline.origin
        return {"resolved": self.pipeline.resolved, "config_file": file, "hash": self.pipeline.hash, "given": given}

    @asynccontextmanager
    async def _watched(self, watch: Watch | None) -> AsyncIterator[None]:
        """Observers are told, and progress is shown, while the block runs."""
        tasks = [asyncio.create_task(one.run()) for one in self.observing]
        if watch is not None:
            tasks.append(asyncio.create_task(watch(self.meter)))
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _announce(self) -> None:
        self.herald.tell("draining", exit_code=self.halt.code, message=self.halt.message)

    def _abandon(self) -> None:
        if self.asker is not None:
            self.asker.abandon()

    async def _work(self) -> None:
        self.sinks = self.builder.sinks()
        await asyncio.gather(*(_check(sink) for sink in self.sinks))
        models = self.builder.models(self.halt)
        self.notes["models"] = {
            model.name: {"use": model.use, "model": model.model, "note": model.provider.capabilities.note}
            for model in models.values()
        }
        self.asker = self.builder.asker(models, self.journal, await self.journal.spent(), self.halt, self.meter)
        recipe, volatile = self.builder.recipe(self.asker)
        intake = Intake(
            source=self.builder.input(), use=self.pipeline.input.use, preprocessors=self.builder.preprocessors(),
            journal=self.journal, meter=self.meter, halt=self.halt, shard=self.settings.shard,
            sample=self.settings.sample, outcome_key=recipe.outcome_key, volatile=volatile,
        )  # fmt: skip
        await self._generate_and_deliver(intake, recipe, self.asker)

    async def _generate_and_deliver(self, intake: Intake, recipe: Recipe, asker: Asker) -> None:
        deliveries = [
            asyncio.create_task(
                Delivering(
                    sink, self.journal, self.meter, self.halt, self.generated, attempt=self.notes["attempt"]
                ).run()
            )
            for sink in self.sinks
        ]
        try:
            await self._generate(intake, recipe)
            await asker.settled()
        finally:
            self.generated.set()
            await asyncio.gather(*deliveries)

    async def _generate(self, intake: Intake, recipe: Recipe) -> None:
        readers = self.pipeline.runtime.concurrency
        queue: asyncio.Queue[Work | None] = asyncio.Queue(readers)
        reading = asyncio.create_task(intake.run(queue, readers))
        await asyncio.gather(*(self._make_from(queue, recipe) for _ in range(readers)))
        await asyncio.wait([reading])
        self._reading_ended(reading)
        facts = {"records": self.meter.read, "seconds": self.meter.seconds("input"), "whole": self.meter.input_done}
        await self.journal.tell([Fact(kind="input_read", data=facts)])

    def _reading_ended(self, reading: asyncio.Task[None]) -> None:
        """An input that fails half-way ends the run only after what it gave has been worked off."""
        if reading.cancelled() or (error := reading.exception()) is None:
            return
        if isinstance(error, QuerygenError):
            self.halt.set(error.exit_code, mask(str(error)))
        else:
            log.error("a bug in querygen: %s", mask(repr(error)), exc_info=error)
            self.halt.set(Exit.BUG, f"a bug in querygen: {mask(repr(error))}")

    async def _make_from(self, queue: asyncio.Queue[Work | None], recipe: Recipe) -> None:
        """Work the queue off; after a halt only empty it, so that whoever fills it never waits in vain."""
        while (work := await queue.get()) is not None:
            if self.halt.is_set:
                continue
            try:
                await self._make(work, recipe)
            except Stopped:
                continue
            except JournalError as exc:
                self.halt.set(Exit.TRY_AGAIN, mask(str(exc)))
            except Exception as exc:  # a bug must end the run, not hang it
                log.exception("a bug in querygen")
                self.halt.set(Exit.BUG, f"a bug in querygen: {mask(repr(exc))}")

    async def _make(self, work: Work, recipe: Recipe) -> None:
        result: Outcome | DeadLetter
        facts: list[Fact] = []
        try:
            result = await recipe.make(work.product, work.entry)
        except (Stopped, JournalError):
            raise
        except QuerygenError as exc:
            result = _dead_letter(work, exc, self.notes["attempt"])
            facts = [Fact(kind="product_failed", data={"product": work.entry.key, "reason": result.reason})]
            log.warning("product %s failed: %s", work.entry.key, result.message)
        await self.journal.settle(work.entry.ordinal, result, facts)
        self.meter.states["pending"] -= 1
        self.meter.states[result.state if isinstance(result, Outcome) else "failed"] += 1

    async def _conclude(self) -> Result:
        await self.herald.settled()
        spans = ({"stage": stage, "seconds": self.meter.seconds(stage)} for stage in self.meter.spans)
        await self.journal.tell([Fact(kind="stage_finished", data=span) for span in spans])
        tally, spent = await self.journal.tally(), await self.journal.spent()
        sinks = [sink_report(sink, tally.kept) for sink in self.sinks]
        code, message = verdict(self.halt, self.meter, tally, sinks, self.pipeline.runtime.max_failed_ratio)
        behind = sum(await asyncio.gather(*(one.flush() for one in self.observing)))
        report = build_report(
            job_id=self.pipeline.job_id, code=code, message=message, tally=tally, spent=spent, meter=self.meter,
            sinks=sinks, events_undelivered=behind, run={**self.notes, "secrets": self.pipeline.vault.counts},
        )  # fmt: skip
        await self.journal.finish(report, [Fact(kind="run_finished", data=report)])
        await asyncio.gather(*(one.flush() for one in self.observing))
        await self._write_down(report)
        examples = await self.journal.snapshot(-1, _EXAMPLES)
        return Result(code, message, report, [one.outcome for one in examples if one.current], self._statement())

    def _statement(self) -> str:
        databases = (getattr(sink.sink, "database", None) for sink in self.sinks if sink.error is None)
        return next((example for one in databases if (example := getattr(one, "example", ""))), "")

    async def _write_down(self, report: Mapping[str, Any]) -> None:
        """For people. The journal has it all already, so a disk that is full now changes no result."""
        folder = shard_folder(self.builder.folder, self.settings.shard)
        try:
            make_folder(folder)
            write_json(folder / "report.json", report)
            write_json(folder / "config.json", self.pipeline.resolved)
            await write_lines(folder / "dead_letters.jsonl", self._dead_letters())
        except (OSError, ConfigError) as exc:
            log.warning("report and dead letters could not be written to %s: %s", folder, exc)

    async def _dead_letters(self) -> AsyncIterator[Mapping[str, Any]]:
        position = -1
        while letters := await self.journal.dead_letters(position, 500):
            for position, letter in letters:  # noqa: B007 - the last one is where to go on
                yield asdict(letter)


async def run_job(pipeline: Pipeline, settings: Settings, registry: Registry, watch: Watch | None = None) -> Result:
    """Run the job to its end, or as far as it goes.

    Raises:
        QuerygenError: it could not even begin: state not writable, another run holds the job, a part not buildable.
    """
    async with AsyncExitStack() as closing:
        builder = Builder(pipeline, settings, registry, closing)
        make_folder(builder.folder)
        return await Job(pipeline, settings, builder, builder.journal()).execute(watch)


async def _check(sink: SinkRun) -> None:
    """Before anything is paid. An optional sink that cannot be written is left out, and said."""
    try:
        await sink.sink.check()
    except (Exception, SystemExit) as exc:  # noqa: BLE001 - a plugin's code
        error = failure_of(sink, exc)
    else:
        return
    if sink.required:
        raise SinkError(error.kind, f"sink {sink.name}: {error}") from error
    sink.error = error
    log.warning("sink %s (not required): %s", sink.name, error)


def _dead_letter(work: Work, error: QuerygenError, attempt: int) -> DeadLetter:
    reason = error.kind if isinstance(error, AnswerError | ProviderError) else type(error).__name__
    file, line = work.entry.place
    return DeadLetter(
        stage="generate",
        reason=reason,
        message=mask(str(error)),
        product_key=work.entry.key,
        file=file,
        line=line,
        raw=mask(error.raw[:_RAW_LIMIT]) if isinstance(error, AnswerError) else "",
        attempt=attempt,
    )
