"""From the journal to the observers, each by its own cursor: one that is down costs nothing and loses nothing."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Sequence
from contextlib import suppress
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any

from querygen_core.errors import PluginError
from querygen_core.journal.interface import Journal
from querygen_core.masking import mask
from querygen_core.records import Fact

log = logging.getLogger("querygen.observe")

_BATCH = 500
_POLL = 0.5
_PAUSE = 30.0  # seconds after which one that is down is tried again
_FLUSH = 5.0  # seconds an observer may hold up the end of a run


@dataclass(slots=True)
class Observing:
    """Tells one observer. down: it failed when it was last told. stuck: it holds up the end, and is told no more."""

    name: str
    observer: Any
    journal: Journal
    down: bool = False
    stuck: bool = False
    _telling: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._catch_up()
            await asyncio.sleep(_PAUSE if self.down else _POLL)

    async def flush(self) -> int:
        """A last effort, bounded in time; how many facts the observer has not taken."""
        try:
            async with asyncio.timeout(0 if self.stuck else _FLUSH):
                await self._catch_up()
        except TimeoutError:
            if not self.stuck:
                log.warning("observer %s: takes too long; the next run goes on", self.name)
            self.stuck = True
        return await self._behind()

    async def _catch_up(self) -> None:
        """Never two at once: an earlier call that was given up goes on by itself, and is waited for first."""
        if self._telling is not None and not self._telling.done():
            await asyncio.shield(self._telling)
        self._telling = asyncio.create_task(self._tell_all())
        await asyncio.shield(self._telling)

    async def _tell_all(self) -> None:
        taken = await self.journal.cursor(self.observer.identity)
        while facts := await self.journal.facts(taken, _BATCH):
            told = await self._in_thread(facts)
            if told:
                taken = facts[told - 1].seq
                await self.journal.advance(self.observer.identity, taken)
            if told < len(facts):
                return

    def _in_thread(self, facts: Sequence[Fact]) -> asyncio.Future[int]:
        """How many were told. A daemon: a thread of a pool that hangs would keep the process from ending."""
        loop = asyncio.get_running_loop()
        told: asyncio.Future[int] = loop.create_future()

        def work() -> None:
            number = self._tell(facts)
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(_resolve, told, number)

        threading.Thread(target=copy_context().run, args=(work,), name=f"observer {self.name}", daemon=True).start()
        return told

    def _tell(self, facts: Sequence[Fact]) -> int:
        told = 0
        try:
            while told < len(facts):
                told += self._tell_some(facts[told:])
            self.down = False
        except (Exception, SystemExit) as exc:  # noqa: BLE001 - an observer must not stop anything
            if not self.down:
                log.warning(
                    "observer %s: %s; it is told again later, at the latest by the next run", self.name, mask(f"{exc}")
                )
            self.down = True
        return told

    def _tell_some(self, facts: Sequence[Fact]) -> int:
        """One fact, or as many as it takes at once."""
        tell_all = getattr(self.observer, "on_facts", None)
        if tell_all is None:
            self.observer.on_fact(facts[0])
            return 1
        taken = tell_all(facts)
        if not isinstance(taken, int) or not 1 <= taken <= len(facts):
            raise PluginError(f"it broke its contract: of {len(facts)} facts it says to have taken {taken!r}")
        return taken

    async def _behind(self) -> int:
        taken, behind = await self.journal.cursor(self.observer.identity), 0
        while facts := await self.journal.facts(taken, _BATCH):
            behind += len(facts)
            taken = facts[-1].seq
        return behind


def _resolve(told: asyncio.Future[int], number: int) -> None:
    if not told.done():
        told.set_result(number)
