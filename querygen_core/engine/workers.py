"""The workers of a run: each takes one pending product after the other and makes its outcome."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from querygen_core.contracts.dead_letter import DeadLetter
from querygen_core.contracts.errors import (
    AnswerError,
    Exit,
    JournalError,
    ProviderError,
    QuerygenError,
    Stopped,
)
from querygen_core.contracts.journal import Journal
from querygen_core.contracts.records import Event, Outcome
from querygen_core.engine.ask import ModelClient
from querygen_core.engine.dead_letter_log import DeadLetterLog
from querygen_core.engine.generate import ProductPipeline
from querygen_core.engine.ingest import Ingest, PendingProduct
from querygen_core.engine.run_stats import RunStats
from querygen_core.engine.run_yield import RunYield
from querygen_core.engine.shutdown import Shutdown
from querygen_core.secrets.masking import mask

_RAW_LIMIT = 8_000  # characters of an answer kept in a dead letter


@dataclass(slots=True)
class Workers:
    """Turns the input into outcomes, `concurrency` products at a time."""

    product_pipeline: ProductPipeline
    """Makes an outcome."""
    model_client: ModelClient
    """Answers its requests."""
    concurrency: int
    """Products under way at once."""
    journal: Journal
    """Keeps outcomes and dead letters."""
    stats: RunStats
    """Counts the products by state."""
    shutdown: Shutdown
    """Ends the run early; set here when it cannot go on."""
    run_yield: RunYield
    """Ends the run if too little of what is paid for is good."""
    dead_letters: DeadLetterLog
    """Gets the products that failed."""
    attempt: int
    """Number of the run, from 1, for dead letters."""
    _products: set[asyncio.Task[None]] = field(default_factory=set)
    """Products under way."""

    async def run(self, ingest: Ingest) -> None:
        """Read the input and work off all pending products. An error of the input ends the run through `shutdown`."""
        # Bounded, so that the input is read no faster than products are worked off.
        queue: asyncio.Queue[PendingProduct | None] = asyncio.Queue(self.concurrency)
        reading = asyncio.create_task(ingest.run(queue, self.concurrency))
        await asyncio.gather(*(self._work_off(queue) for _ in range(self.concurrency)))
        self.model_client.verdicts.end()
        while self._products:
            await asyncio.wait(self._products)
        self._postpone()
        # `wait` does not raise the reader's error: the event below is recorded in any case.
        await asyncio.wait([reading])
        self._end_reading(reading)
        data = {"records": self.stats.read, "seconds": self.stats.seconds("input"), "whole": self.stats.input_done}
        await self.journal.append_events([Event(kind="input_read", data=data)])

    def _end_reading(self, reading: asyncio.Task[None]) -> None:
        """An input that fails half-way ends the run only now, when everything that it gave has been worked off."""
        if reading.cancelled() or (error := reading.exception()) is None:
            return
        if isinstance(error, QuerygenError):
            self.shutdown.set_by(error)
        else:
            self.shutdown.set_by_bug(error)

    def _postpone(self) -> None:
        """End the run, if nothing else has, for products that a provider has failed at while it answered for others."""
        postponed = self.model_client.postponed
        if postponed:
            key, reason = next(iter(postponed.items()))
            message = f"{len(postponed)} products are left to the next run, {key} because of: {reason}"
            self.shutdown.set(Exit.TRY_AGAIN, message, "provider_wait")

    async def _work_off(self, queue: asyncio.Queue[PendingProduct | None]) -> None:
        """Take products until the queue ends. After a shutdown they are only discarded, since the reader would wait
        for ever to put one into a full queue.
        """
        loop = asyncio.get_running_loop()
        while (pending := await queue.get()) is not None:
            if self.shutdown.is_set:
                continue
            # Free for the next product when this one is made, or when it can only wait for what others show.
            free: asyncio.Future[None] = loop.create_future()
            task = asyncio.create_task(self._make_or_stop(pending, partial(_set, free)))
            self._products.add(task)
            task.add_done_callback(self._products.discard)
            task.add_done_callback(partial(_set, free))
            await free

    async def _make_or_stop(self, pending: PendingProduct, park: Callable[[], None]) -> None:
        try:
            await self._make(pending, park)
        except Stopped:
            return
        except JournalError as exc:
            self.shutdown.set_by(exc)
        except Exception as exc:  # noqa: BLE001 - a bug must end the run, not hang it
            self.shutdown.set_by_bug(exc)

    async def _make(self, pending: PendingProduct, park: Callable[[], None]) -> None:
        result: Outcome | DeadLetter
        made: Outcome | QuerygenError
        events: list[Event] = []
        try:
            made = result = await self.product_pipeline.make(pending.product, pending.entry, park)
        except (Stopped, JournalError):
            raise  # the product stays pending, and the next run makes it
        except QuerygenError as exc:
            letter = self._dead_letter(pending, exc)
            made, result, events = exc, letter, [Event(kind="product_failed", data=letter.details)]
            self.dead_letters.add(letter)
        await self.journal.complete(pending.entry.ordinal, result, events)
        self.stats.states["pending"] -= 1
        self.stats.states[result.state if isinstance(result, Outcome) else "failed"] += 1
        self.run_yield.count(pending.entry.key, made)

    def _dead_letter(self, pending: PendingProduct, error: QuerygenError) -> DeadLetter:
        file, line = pending.entry.place
        return DeadLetter(
            stage="generate",
            reason=error.kind if isinstance(error, AnswerError | ProviderError) else type(error).__name__,
            message=mask(str(error)),
            product_key=pending.entry.key,
            file=file,
            line=line,
            raw=mask(error.raw[:_RAW_LIMIT]) if isinstance(error, AnswerError) else "",
            attempt=self.attempt,
            component=error.component,
            request_key=error.request_key,
            model=error.model,
            frame=error.frame,
        )


def _set(free: asyncio.Future[None], _task: object = None) -> None:
    if not free.done():
        free.set_result(None)
