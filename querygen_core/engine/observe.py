"""From the journal to the observers, each by its own cursor: one that is down costs nothing and loses nothing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from querygen_core.journal.interface import Journal
from querygen_core.masking import mask
from querygen_core.records import Fact

log = logging.getLogger("querygen.observe")

_BATCH = 500
_POLL = 0.5
_FLUSH = 5.0  # seconds an observer may hold up the end of a run


@dataclass(slots=True)
class Observing:
    """Tells one observer. down: it failed in this run and is not tried again before the end."""

    name: str
    observer: Any
    journal: Journal
    down: bool = False

    async def run(self) -> None:
        """Until cancelled."""
        while not self.down:
            await self._catch_up()
            await asyncio.sleep(_POLL)

    async def flush(self) -> int:
        """A last effort, bounded in time; how many facts the observer has not taken."""
        try:
            async with asyncio.timeout(_FLUSH):
                await self._catch_up()
        except TimeoutError:
            log.warning("observer %s: takes too long; the next run goes on", self.name)
        return await self._behind()

    async def _catch_up(self) -> None:
        taken = await self.journal.cursor(self.observer.identity)
        while facts := await self.journal.facts(taken, _BATCH):
            told = await asyncio.to_thread(self._tell, facts)
            if told:
                taken = facts[told - 1].seq
                await self.journal.advance(self.observer.identity, taken)
            if told < len(facts):
                return

    def _tell(self, facts: Sequence[Fact]) -> int:
        for number, fact in enumerate(facts):
            try:
                self.observer.on_fact(fact)
            except Exception as exc:  # noqa: BLE001 - an observer must not stop anything
                self.down = True
                log.warning("observer %s: %s; it is told again by the next run", self.name, mask(f"{exc}"))
                return number
        return len(facts)

    async def _behind(self) -> int:
        taken, behind = await self.journal.cursor(self.observer.identity), 0
        while facts := await self.journal.facts(taken, _BATCH):
            behind += len(facts)
            taken = facts[-1].seq
        return behind
