"""Journals what happens beside the work: a run that drains, a secret that was fetched again."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from querygen_core.errors import JournalError
from querygen_core.journal.interface import Journal
from querygen_core.records import Fact


class Herald:
    """Made in the event loop that it works in."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._loop = asyncio.get_running_loop()
        self._telling: list[asyncio.Task[None]] = []

    def tell(self, kind: str, **data: Any) -> None:
        self._telling.append(asyncio.create_task(self._tell(Fact(kind=kind, data=data))))

    def tell_of_secret(self, reference: str) -> None:
        """From any thread. After the end of the run nobody is told."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(lambda: self.tell("secret_reloaded", reference=reference))

    async def settled(self) -> None:
        """Wait until all that was told is in the journal."""
        await asyncio.sleep(0)  # for what other threads have just told
        await asyncio.gather(*self._telling)

    async def _tell(self, fact: Fact) -> None:
        with suppress(JournalError):  # which may be the very cause
            await self._journal.tell([fact])
