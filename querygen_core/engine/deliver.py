"""From the journal to the sinks, each at its own pace; what a sink holds is the sink's to say."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from querygen_core.engine.halt import Halt
from querygen_core.engine.meter import Meter
from querygen_core.errors import CredentialsError, PluginError, QuerygenError, SinkError, SinkFailure, Stopped
from querygen_core.journal.interface import DeadLetter, Delivery, Journal
from querygen_core.masking import mask
from querygen_core.records import Fact, Outcome, Receipt

T = TypeVar("T")
log = logging.getLogger("querygen.deliver")

_BATCH = 200  # outcomes
_POLL = 0.1  # seconds between looks at the journal while products are being generated
_PATIENCE = 120.0  # seconds a sink may fail after the last product, before the run ends without it
_LONGEST_PAUSE = 15.0


@dataclass(slots=True)
class Delivered:
    """What one sink did in this run, counted in queries. refused: of products it can never take."""

    delivered: int = 0
    unchanged: int = 0
    retired: int = 0
    backup: int = 0
    refused: int = 0
    refused_products: int = 0

    def add(self, receipt: Receipt, queries: int) -> None:
        if receipt.error is not None:
            self.refused += queries
            self.refused_products += 1
        self.delivered += receipt.delivered
        self.unchanged += receipt.unchanged
        self.retired += receipt.retired
        self.backup += receipt.backup

    def unpublish(self, *, backup: bool) -> None:
        """What a snapshot has taken is not where its readers look: it is in its backup place, or nowhere."""
        if backup:
            self.backup += self.delivered + self.unchanged
        self.delivered = self.unchanged = self.retired = 0


@dataclass(slots=True)
class SinkRun:
    """A sink in this run. error: why it has not got everything, None while all is well."""

    name: str
    use: str
    sink: Any
    required: bool
    error: SinkError | None = None
    total: Delivered = field(default_factory=Delivered)

    @property
    def is_snapshot(self) -> bool:
        return hasattr(self.sink, "publish")


@dataclass(slots=True)
class Delivering:
    """Feeds one sink. `generated` is set when no further outcome will come."""

    to: SinkRun
    journal: Journal
    meter: Meter
    halt: Halt
    generated: asyncio.Event
    attempt: int

    async def run(self) -> None:
        if self.to.error is not None:
            return
        try:
            await (self._snapshot() if self.to.is_snapshot else self._follow())
        except SinkError as error:
            self.to.error = error
            if self.to.is_snapshot:
                self.to.total.unpublish(backup=error.backup)
            log.error("sink %s: %s", self.to.name, error)  # noqa: TRY400 - a sink's fault, not ours
            data = {"sink": self.to.name, "kind": error.kind, "message": mask(str(error))}
            await self.journal.tell([Fact(kind="delivery_failed", data=data)])
        except Stopped:
            self.to.error = SinkError("retry", f"the run ended first: {self.halt.message}")

    async def _follow(self) -> None:
        position = 0
        while True:
            last_look = self.generated.is_set()
            batch = await self.journal.settled(position, _BATCH)
            if batch:
                await self._apply(batch)
                position = batch[-1].position
            elif last_look:
                return
            elif self.halt.seconds_left() <= 0:
                raise Stopped(self.halt.message)
            else:
                await _either(self.generated, _POLL)

    async def _snapshot(self) -> None:
        await self.generated.wait()
        if not self.meter.input_done or self.halt.deadline is not None:
            raise Stopped(self.halt.message)  # what was not read would be missing: the old snapshot stays
        position = -1
        while batch := await self.journal.snapshot(position, _BATCH):
            await self._apply(batch)
            position = batch[-1].position
        self.to.total.retired += await self._persist(self.to.sink.publish)

    async def _apply(self, batch: Sequence[Delivery]) -> None:
        outcomes = [delivery.outcome for delivery in batch]
        receipts = await self._persist(lambda: self._receipts(outcomes))
        letters = [self._letter(receipt) for receipt in receipts if receipt.error is not None]
        if letters:
            await self.journal.undelivered(self.to.name, letters)
        for delivery, receipt in zip(batch, receipts, strict=True):
            if delivery.current:
                self.to.total.add(receipt, len(delivery.outcome.queries))
        self.meter.mark("deliver")

    async def _receipts(self, outcomes: Sequence[Outcome]) -> Sequence[Receipt]:
        self.meter.mark("deliver")
        receipts = await self.to.sink.apply(outcomes)
        if [receipt.product_key for receipt in receipts] != [outcome.product_key for outcome in outcomes]:
            raise PluginError(f"sink {self.to.use!r} broke its contract: one receipt for each outcome, in order")
        return list(receipts)

    async def _persist(self, operation: Callable[[], Awaitable[T]]) -> T:
        """Try again while the sink may heal: for ever while products are generated, then as long as patience lasts.

        Not with a snapshot: it is written from the start again or not at all.
        """
        loop = asyncio.get_running_loop()
        pause, until = 0.5, None
        while True:
            try:
                return await operation()
            except SinkError as error:
                if error.kind != "retry" or self.to.is_snapshot or self.halt.seconds_left() <= pause:
                    raise
                if self.generated.is_set():
                    until = until or loop.time() + _PATIENCE
                    if loop.time() + pause > until:
                        raise
                log.warning("sink %s: %s; trying again in %.1f s", self.to.name, error, pause)
            except (Stopped, asyncio.CancelledError):
                raise
            except (Exception, SystemExit) as exc:
                raise failure_of(self.to, exc) from exc
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _letter(self, receipt: Receipt) -> DeadLetter:
        return DeadLetter(
            stage="deliver", reason=self.to.name, message=mask(receipt.error or ""), product_key=receipt.product_key,
            attempt=self.attempt,
        )  # fmt: skip


def failure_of(to: SinkRun, error: BaseException) -> SinkError:
    """What an error means that a sink should not have raised."""
    if isinstance(error, SinkError):
        return error
    message = str(error) if isinstance(error, QuerygenError) else f"{type(error).__name__}: {error}"
    kind: SinkFailure = "permanent"
    if isinstance(error, CredentialsError):
        kind = "retry" if error.transient else "auth"
    return SinkError(kind, f"sink {to.use!r} failed: {message}")


async def _either(event: asyncio.Event, seconds: float) -> None:
    """Until the event or the time, whichever comes first."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
