"""From the journal to the observers, each by its own cursor: one that is down costs nothing and loses nothing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from querygen_core.api import BatchesEvents, Observer
from querygen_core.contracts.errors import JournalError, QuerygenError
from querygen_core.contracts.journal import Journal
from querygen_core.contracts.records import Event
from querygen_core.contracts.threads import call_in_loop, run_in_thread
from querygen_core.registry import BuiltComponent
from querygen_core.secrets.masking import mask

log = logging.getLogger("querygen.observe")

_BATCH = 500
_POLL = 0.5
_PAUSE = 30.0  # seconds after which one that is down is tried again
_FLUSH = 5.0  # seconds an observer may hold up the end of a run


@dataclass(slots=True)
class ObserverFeed:
    """Sends the journal's events to one observer."""

    name: str
    """The observer's name in the config."""
    component: BuiltComponent[Observer]
    """The observer."""
    identity: str
    """The observer's `identity`, under which the journal keeps its cursor."""
    batching: BatchesEvents | None
    """The observer, if it takes several events at once."""
    journal: Journal
    """Holds the events and the cursor."""
    down: bool = False
    """Its last call failed."""
    stuck: bool = False
    """A call at the end of the run timed out; it gets no more events from this run."""
    _sending: asyncio.Task[None] | None = None

    @classmethod
    def of(cls, name: str, component: BuiltComponent[Observer], journal: Journal) -> ObserverFeed:
        observer = component.instance
        with component.guard:
            identity = component.guard.text(observer.identity, "identity")
            batches = observer if isinstance(observer, BatchesEvents) else None
        return cls(name, component, identity, batches, journal)

    async def run(self) -> None:
        """Send events as they come, until cancelled."""
        while True:
            await self._catch_up()
            await asyncio.sleep(_PAUSE if self.down else _POLL)

    async def flush(self) -> int:
        """Send what is left, bounded in time, and return how many events the observer has not taken."""
        try:
            async with asyncio.timeout(0 if self.stuck else _FLUSH):
                await self._catch_up()
        except TimeoutError:
            if not self.stuck:
                log.warning("observer %s: timed out; remaining events are sent by the next run", self.name)
            self.stuck = True
        return await self.behind()

    async def _catch_up(self) -> None:
        """Send all events so far. A thread that an earlier call gave up on may still be sending: it comes first."""
        if self._sending is not None and not self._sending.done():
            await asyncio.shield(self._sending)
        # Shielded: the thread cannot be stopped, and the cursor must advance over what it has sent.
        self._sending = asyncio.create_task(self._send_all())
        await asyncio.shield(self._sending)

    async def _send_all(self) -> None:
        taken = await self.journal.cursor(self.identity)
        while events := await self.journal.events(taken, _BATCH):
            sent = await run_in_thread(f"observer {self.name}", self._send, events)
            if sent:
                taken = events[sent - 1].seq
                await self.journal.advance(self.identity, taken)
            if sent < len(events):
                return

    def _send(self, events: Sequence[Event]) -> int:
        sent = 0
        try:
            while sent < len(events):
                sent += self._send_some(events[sent:])
            self.down = False
        except QuerygenError as exc:
            # Logged once per outage, not at every attempt.
            if not self.down:
                log.warning(
                    "observer %s: %s; its events are kept and sent later, at the latest by the next run",
                    self.name,
                    mask(str(exc)),
                )
            self.down = True
        return sent

    def _send_some(self, events: Sequence[Event]) -> int:
        """Send one event, or as many as the observer takes at once; how many it took."""
        guard = self.component.guard
        if self.batching is None:
            with guard:
                self.component.instance.on_event(events[0])
            return 1
        with guard:
            taken: object = self.batching.on_events(events)
        if not isinstance(taken, int) or not 1 <= taken <= len(events):
            raise guard.violation(f"it must return how many of {len(events)} events it took, not {taken!r}")
        return taken

    async def behind(self) -> int:
        """How many events it has not taken."""
        taken, behind = await self.journal.cursor(self.identity), 0
        while events := await self.journal.events(taken, _BATCH):
            behind += len(events)
            taken = events[-1].seq
        return behind


class RunEvents:
    """Appends the events that do not belong to a product: a run that drains, a secret that was fetched again.

    Created in the event loop that it works in.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._loop = asyncio.get_running_loop()
        self._appending: list[asyncio.Task[None]] = []

    def append(self, kind: str, **data: Any) -> None:
        self._appending.append(asyncio.create_task(self._append(Event(kind=kind, data=data))))

    def append_secret_reload(self, reference: str) -> None:
        """From any thread. Ignored once the run has ended."""
        call_in_loop(self._loop, self.append, "secret_reloaded", reference=reference)

    async def flush(self) -> None:
        """Wait until every event is in the journal."""
        await asyncio.sleep(0)  # for what other threads have just appended
        await asyncio.gather(*self._appending)

    async def _append(self, event: Event) -> None:
        with suppress(JournalError):  # which may be the very cause
            await self._journal.append_events([event])
