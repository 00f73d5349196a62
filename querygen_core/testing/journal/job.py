"""Opens the journal under test for one run, and makes the records for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from querygen_core.api import Outcome, Query, Response
from querygen_core.contracts.dead_letter import DeadLetter
from querygen_core.contracts.journal import Journal, ManifestEntry, PendingOutcome
from querygen_core.contracts.records import State
from querygen_core.testing.contract import Contract
from querygen_core.testing.samples import outcome, reject

R = TypeVar("R")


class JournalJob(Contract):
    def journal(self, folder: Path) -> Journal:
        """A new journal for `folder`, which keeps what earlier ones wrote there; `begin` is called by the contract."""
        raise NotImplementedError

    def run(self, work: Callable[[Journal], Awaitable[R]], *, config: Mapping[str, Any] | None = None) -> R:
        """Await `work(journal)` in a run of its own, with a journal that is opened before and closed after it."""

        async def main() -> R:
            async with self._opened(config or {}) as journal:
                return await work(journal)

        return asyncio.run(main())

    @asynccontextmanager
    async def _opened(self, config: Mapping[str, Any]) -> AsyncIterator[Journal]:
        journal = self.journal(self.folder)
        try:
            await journal.begin(config)
            yield journal
        finally:
            await journal.aclose()


async def answered(
    journal: Journal, key: str, number: int, given: Response, *, usable: bool = True, cost: float = 0.0
) -> None:
    """Record a whole call: begun, answered."""
    call = await begun(journal, key, number)
    await journal.record(call, key, number, given, usable=usable, cost=cost)


async def begun(journal: Journal, key: str, number: int) -> int:
    """The id of a call that nothing speaks against."""
    call = await journal.begin_call(key, number)
    assert isinstance(call, int), f"the call must not start: {call}"
    return call


def entry(ordinal: int, product_id: str, *, content: str = "", key: str = "", **changes: Any) -> ManifestEntry:
    """A product as the input has it. `content` replaces its content hash, `key` changes its outcome key only."""
    sample = outcome(product_id=product_id)
    return ManifestEntry(
        ordinal=ordinal,
        key=sample.product_key,
        content_hash=content or sample.content_hash,
        outcome_key=f"{product_id}/{key}",
        title=sample.title,
        raw_ref=f"catalogue.csv:{ordinal + 2}",
        **changes,
    )


def rejected(ordinal: int) -> ManifestEntry:
    return ManifestEntry(ordinal=ordinal, raw_ref="catalogue.csv:7", reject=reject())


def done(ordinal: int, product_id: str, *queries: Query | str, key: str = "", **changes: Any) -> Outcome:
    """The outcome of `entry(ordinal, product_id, key=key)`."""
    return outcome(
        *queries, product_id=product_id, ordinal=ordinal, **{"outcome_key": f"{product_id}/{key}", **changes}
    )


def letter(product_id: str, stage: str = "generate", **changes: Any) -> DeadLetter:
    product_key = outcome(product_id=product_id).product_key
    return DeadLetter(stage=stage, reason="broken", message="no answer", product_key=product_key, **changes)


async def letters(journal: Journal) -> list[DeadLetter]:
    """All dead letters of the run, in pages of two."""
    collected: list[DeadLetter] = []
    position = -1
    while page := await journal.dead_letters(position, 2):
        collected.extend(item for _, item in page)
        position = page[-1][0]
    return collected


async def snapshot(journal: Journal) -> list[PendingOutcome]:
    """All outcomes of the job in input order, in pages of two."""
    collected: list[PendingOutcome] = []
    position = -1
    while page := await journal.snapshot(position, 2):
        collected.extend(page)
        position = page[-1].position
    return collected


async def states(journal: Journal) -> dict[State, int]:
    """Number of records in each state; states without one are left out."""
    tally = await journal.tally()
    return {state: number for state, number in tally.states.items() if number}
