"""A plan's way through the input, which is the run's own up to each call."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field

from querygen_core.contracts.errors import Exit, InputError, JournalError, QuerygenError, Stopped
from querygen_core.engine.build import Builder
from querygen_core.engine.dead_letter_log import DeadLetterLog
from querygen_core.engine.first_records import FirstRecords
from querygen_core.engine.generate import ProductPipeline
from querygen_core.engine.ingest import Ingest, PendingProduct
from querygen_core.engine.plan_manifest import PlanManifest
from querygen_core.engine.plan_requests import PlannedAnswers
from querygen_core.engine.run_stats import RunStats
from querygen_core.engine.shutdown import Shutdown
from querygen_core.engine.tolerance import Tolerance

log = logging.getLogger("querygen.run")

_AT_ONCE = 32  # products, so that a remote store is asked for many keys at once
_RENDERED = 5_000  # products; if the store is empty, the requests of further ones are counted without being rendered
_NOTE_EVERY = 30.0  # seconds between two log lines


@dataclass(slots=True)
class PlanReading:
    """Goes through the input as a run does."""

    builder: Builder
    """Builds input and preprocessors."""
    answers: PlannedAnswers
    """Answer what generators ask."""
    manifest: PlanManifest
    """Says what each record is."""
    product_pipeline: ProductPipeline
    """The run's own."""
    is_empty: bool
    """The store has no answer at all."""
    shutdown: Shutdown = field(default_factory=Shutdown)
    """Set by an input that no run would ask anything about."""
    stats: RunStats = field(default_factory=RunStats)
    """Counts the records."""
    rendered: int = 0
    """Products whose requests were made."""
    counted: int = 0
    """Products of other content than those before, not rendered since the store is empty."""

    async def read(self) -> None:
        """Raises what a run would end with before it asks anything."""
        runtime, options = self.builder.pipeline.runtime, self.builder.run_options
        ingest = Ingest(
            input=self.builder.input(),
            preprocessors=self.builder.preprocessors(),
            journal=self.manifest,
            stats=self.stats,
            shutdown=self.shutdown,
            first_records=FirstRecords(self.shutdown, Tolerance(runtime.max_failed_ratio, runtime.max_failed)),
            shard=options.shard,
            sample=options.sample,
            outcome_key=self.product_pipeline.outcome_key,
            volatile=self.product_pipeline.volatile,
            dead_letters=DeadLetterLog(),
        )
        queue: asyncio.Queue[PendingProduct | None] = asyncio.Queue(_AT_ONCE)
        reading = asyncio.create_task(ingest.run(queue, _AT_ONCE))
        notes = asyncio.create_task(self._note())
        try:
            await asyncio.gather(*(self._work_off(queue) for _ in range(_AT_ONCE)))
            await reading
        finally:
            notes.cancel()
            reading.cancel()
        if self.shutdown.code is Exit.INPUT_UNUSABLE:
            raise InputError(self.shutdown.message)

    async def _note(self) -> None:
        while True:
            await asyncio.sleep(_NOTE_EVERY)
            log.info("plan: %d records read", self.stats.read)

    async def _work_off(self, queue: asyncio.Queue[PendingProduct | None]) -> None:
        while (pending := await queue.get()) is not None:
            if self.is_empty and self.rendered >= _RENDERED:
                self.counted += self.answers.seen.add(pending.entry.content_hash)
                continue
            self.rendered += 1
            try:
                await self.product_pipeline.make(pending.product, pending.entry)
            except JournalError:
                raise
            except (Stopped, QuerygenError) as error:
                log.debug("plan: %s: %s", pending.entry.key, error)
            self.answers.finish(pending.entry.key)
