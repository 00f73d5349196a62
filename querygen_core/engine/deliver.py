"""From the journal to the sinks, each at its own pace. Only the sink itself knows its contents."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from querygen_core.api import HasExample, KeepsRun, Sink, SnapshotSink, TakesSamples
from querygen_core.contracts.dead_letter import DeadLetter
from querygen_core.contracts.errors import (
    CredentialsError,
    JournalError,
    QuerygenError,
    SinkError,
    SinkFailure,
    Stopped,
)
from querygen_core.contracts.journal import Journal, PendingOutcome
from querygen_core.contracts.records import Event, Outcome, Receipt
from querygen_core.engine.dead_letter_log import DeadLetterLog
from querygen_core.engine.run_stats import RunStats
from querygen_core.engine.shutdown import Shutdown
from querygen_core.registry import BuiltComponent
from querygen_core.secrets.masking import mask

T = TypeVar("T")
log = logging.getLogger("querygen.deliver")

_BATCH = 200  # outcomes
_POLL = 0.1  # seconds between looks at the journal while products are being generated
_PATIENCE = 120.0  # seconds a sink may fail after the last product, before the run ends without it
_LONGEST_PAUSE = 15.0


@dataclass(slots=True)
class SinkTotals:
    """One sink's work in this run, counted in queries."""

    delivered: int = 0
    """Newly written."""
    unchanged: int = 0
    """Already there."""
    retired: int = 0
    """Withdrawn, because the outcome no longer has them."""
    displaced: int = 0
    """Of other jobs, switched off in favour of this job's."""
    backup: int = 0
    """Written to the sink's backup place instead."""
    held: int = 0
    """Of a sample and not written: the sink has others of that product and type."""
    refused: int = 0
    """Of products that the sink can never take."""
    refused_products: int = 0
    """Products, not queries, that the sink can never take."""
    products: int = 0
    """Products that it was offered."""
    refusal: str = ""
    """Why it refused the first of them."""

    def add(self, receipt: Receipt, queries: int) -> None:
        """queries: in the outcome that the receipt is for."""
        self.products += 1
        if receipt.error is not None:
            self.refused += queries
            self.refused_products += 1
            self.refusal = self.refusal or mask(receipt.error)
        self.delivered += receipt.delivered
        self.unchanged += receipt.unchanged
        self.retired += receipt.retired
        self.displaced += receipt.displaced
        self.backup += receipt.backup
        self.held += receipt.held

    def unpublish(self, *, backup: bool) -> None:
        """A snapshot was not published: what it took is in its backup place, or nowhere that a reader looks."""
        if backup:
            self.backup += self.delivered + self.unchanged
        self.delivered = self.unchanged = self.retired = self.displaced = 0


@dataclass(slots=True)
class SinkRun:
    """A sink in this run."""

    name: str
    """The sink's name in the config."""
    component: BuiltComponent[Sink]
    """The sink."""
    identity: str
    """The sink's `identity`: the place that it writes to."""
    required: bool
    """Whether the run fails if this sink fails."""
    snapshot: SnapshotSink | None = None
    """The sink, if it is written as a whole."""
    sample: bool = False
    """Whether the run is a sample."""
    left_out: bool = False
    """It gets nothing: the run is a sample, of which it would not know."""
    keeps_run: KeepsRun | None = None
    """The sink, if it keeps what is to be known of a run."""
    error: SinkError | None = None
    """Why it did not get everything; None while all is well."""
    total: SinkTotals = field(default_factory=SinkTotals)
    """Its work so far."""

    @classmethod
    def of(cls, name: str, component: BuiltComponent[Sink], *, required: bool, sample: bool = False) -> SinkRun:
        sink = component.instance
        with component.guard:
            identity = component.guard.text(sink.identity, "identity")
            snapshot = sink if isinstance(sink, SnapshotSink) else None
            left_out = sample and not (isinstance(sink, TakesSamples) and sink.takes_samples)
            keeps_run = sink if isinstance(sink, KeepsRun) else None
        if left_out:
            log.info("sink %s (%s) gets nothing of a sample: it could not keep it apart", name, component.use)
        return cls(name, component, identity, required, snapshot, sample, left_out, keeps_run)

    async def check(self) -> None:
        """Make sure that the sink will work. An optional one that would not is left out of the run, with a warning.

        Raises:
            SinkError: a required sink would not work, or any sink says that another process has taken over the job.
        """
        if self.left_out:
            return
        try:
            await self.component.check()
        except QuerygenError as exc:
            error = self.sink_error(exc)
        else:
            return
        if self.required or error.kind == "fenced":
            raise SinkError(error.kind, f"sink {self.name}: {error}") from error
        self.error = error
        log.warning("sink %s (not required): %s", self.name, error)

    def sink_error(self, error: QuerygenError) -> SinkError:
        """The error as a SinkError, for those that a sink should not have raised."""
        if isinstance(error, SinkError):
            return error
        kind: SinkFailure = "permanent"
        if isinstance(error, CredentialsError):
            kind = "retry" if error.transient else "auth"
        return SinkError(kind, str(error))

    def example(self) -> str:
        """A statement that shows what is in the sink's database; "" if there is none."""
        database = self.component.database
        with self.component.guard:
            if isinstance(database, HasExample):
                return database.example
        return ""


@dataclass(slots=True)
class SinkDelivery:
    """Delivers outcomes to one sink."""

    sink: SinkRun
    """The sink; its totals and its error are set here."""
    journal: Journal
    """Holds the outcomes."""
    stats: RunStats
    """Told when a delivery is under way."""
    shutdown: Shutdown
    """Says how much time is left when the run ends early; set here when another process has taken over the job."""
    generated: asyncio.Event
    """Set when no further outcome will come."""
    attempt: int
    """Number of the run, from 1, for dead letters."""
    dead_letters: DeadLetterLog
    """Gets the products that the sink refuses."""
    waits: bool = False
    """Begin when all is generated: only then is it known whether too many products have left the input."""

    async def run(self) -> None:
        """Deliver everything; an error is kept in `sink.error`, since it must not stop generation. Only `fenced` does:
        what this process would still pay for and deliver is another one's work now.
        """
        if self.sink.error is not None or self.sink.left_out:
            return
        snapshot = self.sink.snapshot
        try:
            await (self._follow() if snapshot is None else self._publish(snapshot))
        except SinkError as error:
            self.sink.error = error
            if snapshot is not None:
                self.sink.total.unpublish(backup=error.backup)
            if error.kind == "fenced":  # what this process would still pay for is lost
                self.shutdown.set_by(SinkError("fenced", f"sink {self.sink.name}: {error}"))
                return
            # Not an error yet: if this ends the run, the run says so, once.
            log.warning("sink %s: %s", self.sink.name, error)
            data = {"sink": self.sink.name, "kind": error.kind, "message": mask(str(error))}
            await self.journal.append_events([Event(kind="delivery_failed", data=data)])
        except (Stopped, asyncio.CancelledError) as ending:
            # Not a failure of the sink, so nothing is logged and no event recorded; the next run delivers the rest.
            self.sink.error = SinkError("retry", f"the run ended first: {self.shutdown.message}")
            if snapshot is not None:
                self.sink.total.unpublish(backup=False)
            if isinstance(ending, asyncio.CancelledError):
                raise

    async def _follow(self) -> None:
        """Deliver outcomes as they are completed."""
        if self.waits:
            await self._all_generated()
        position = 0
        while True:
            # Asked before the journal is read: an outcome may be completed between the two.
            last_look = self.generated.is_set()
            batch = await self.journal.completed(position, _BATCH)
            if not batch and last_look:
                return
            if self.shutdown.seconds_left() <= 0:
                raise Stopped(self.shutdown.message)
            if batch:
                await self._apply(batch)
                position = batch[-1].position
            else:
                await _either(self.generated, _POLL)

    async def _publish(self, snapshot: SnapshotSink) -> None:
        """Deliver all outcomes of the job, then publish them; not in a run that ended early, for whatever reason: what
        it has not read or not asked would be missing, or be what a bad prompt or model has made.
        """
        await self._all_generated()
        if self.shutdown.is_set:
            raise Stopped(self.shutdown.message)
        position = -1
        while batch := await self.journal.snapshot(position, _BATCH):
            # A sample shows what this run has made.
            if outcomes := [item for item in batch if item.current or not self.sink.sample]:
                await self._apply(outcomes)
            position = batch[-1].position
        retired: object = await self._persist(snapshot.publish)
        if not isinstance(retired, int):
            error = self.sink.component.guard.violation("publish must return the number of retired queries")
            raise self.sink.sink_error(error)
        self.sink.total.retired += retired

    async def _all_generated(self) -> None:
        """Wait until no further outcome will come.

        Raises:
            Stopped: so many products have left the input that nothing may be delivered.
        """
        await self.generated.wait()
        if self.shutdown.stopped_by == "removed_products":
            raise Stopped(self.shutdown.message)

    async def _apply(self, batch: Sequence[PendingOutcome]) -> None:
        outcomes = [pending.outcome for pending in batch]
        started = time.monotonic()
        receipts = await self._persist(lambda: self._receipts(outcomes))
        if refusals := [receipt for receipt in receipts if receipt.error is not None]:
            await self._keep_letters(refusals)
        for pending, receipt in zip(batch, receipts, strict=True):
            # A snapshot also repeats outcomes of earlier runs, which this run's totals must not count.
            if pending.current:
                self.sink.total.add(receipt, len(pending.outcome.queries))
        self.stats.mark("deliver")
        if log.isEnabledFor(logging.DEBUG):
            self._tell(receipts, time.monotonic() - started)

    def _tell(self, receipts: Sequence[Receipt], seconds: float) -> None:
        log.debug(
            "sink %s: %d products in %.0f ms: %d queries new, %d unchanged, %d retired; %d products refused",
            self.sink.name,
            len(receipts),
            seconds * 1000,
            sum(receipt.delivered for receipt in receipts),
            sum(receipt.unchanged for receipt in receipts),
            sum(receipt.retired for receipt in receipts),
            sum(receipt.error is not None for receipt in receipts),
        )

    async def _receipts(self, outcomes: Sequence[Outcome]) -> Sequence[Receipt]:
        self.stats.mark("deliver")
        component = self.sink.component
        receipts = await component.instance.apply(outcomes)
        if [receipt.product_key for receipt in receipts] != [outcome.product_key for outcome in outcomes]:
            raise component.guard.violation("it must return one receipt for each outcome, in order")
        return list(receipts)

    async def _persist(self, operation: Callable[[], Awaitable[T]]) -> T:
        """Retry a call of the sink while it may heal: without limit while products are generated, then for `_PATIENCE`.

        Not with a snapshot, which is written from the start or not at all.

        Raises:
            SinkError: it failed. Stopped: another process has taken over the job.
        """
        loop = asyncio.get_running_loop()
        pause, until = 0.5, None
        while True:
            if not may_deliver(self.journal, self.shutdown):
                raise Stopped(self.shutdown.message)
            try:
                with self.sink.component.guard:
                    return await operation()
            except SinkError as error:
                if error.kind != "retry" or self.sink.snapshot or self.shutdown.seconds_left() <= pause:
                    raise
                if self.generated.is_set():
                    until = until or loop.time() + _PATIENCE
                    if loop.time() + pause > until:
                        raise
                log.warning("sink %s: %s; trying again in %.1f s", self.sink.name, error, pause)
            except Stopped:
                raise
            except QuerygenError as error:
                raise self.sink.sink_error(error) from error
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _keep_letters(self, refusals: Sequence[Receipt]) -> None:
        places = await self.journal.places([receipt.product_key for receipt in refusals])
        letters = [self._letter(receipt, *places.get(receipt.product_key, ("", None))) for receipt in refusals]
        events = [Event(kind="product_refused", data=letter.details) for letter in letters]
        await self.journal.add_dead_letters(self.sink.name, letters, events)
        for letter in letters:
            self.dead_letters.add(letter)

    def _letter(self, receipt: Receipt, file: str, line: int | None) -> DeadLetter:
        return DeadLetter(
            stage="deliver",
            reason="refused",
            message=mask(receipt.error or ""),
            product_key=receipt.product_key,
            file=file,
            line=line,
            attempt=self.attempt,
            component=self.sink.component.use,
            sink=self.sink.name,
            constraint=receipt.constraint,
        )


def may_deliver(journal: Journal, shutdown: Shutdown) -> bool:
    """Whether this process still has the job. If it has not, the run ends."""
    try:
        journal.check_lease()
    except JournalError as error:
        shutdown.set_by(error)
        return False
    return shutdown.may_deliver


async def _either(event: asyncio.Event, seconds: float) -> None:
    """Wait for the event, but no longer than `seconds`."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
