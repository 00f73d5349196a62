"""The journal under test, a run of it, and the records that go in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from querygen_core.api import Journal, Outcome, Query, Response
from querygen_core.journal.interface import DeadLetter, Delivery, Entry
from querygen_core.records import State
from querygen_core.testing.contract import Contract
from querygen_core.testing.samples import outcome, reject

R = TypeVar("R")


class JournalJob(Contract):
    def journal(self, folder: Path) -> Journal:
        """The journal that belongs to `folder`, with all that earlier ones wrote there. `begin` is not called yet."""
        raise NotImplementedError

    def run(self, work: Callable[[Journal], Awaitable[R]], *, config: Mapping[str, Any] | None = None) -> R:
        """`work` in a run of its own, on a journal opened anew and closed after it."""

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
    """A whole call: intent, answer, record."""
    intent = await journal.intend(key, number)
    await journal.record(intent, key, number, given, usable=usable, cost=cost)


def entry(ordinal: int, product_id: str, *, content: str = "", key: str = "", **changes: Any) -> Entry:
    """A product as it is read. `content` changes its content, `key` only what is to be made of it."""
    sample = outcome(product_id=product_id)
    return Entry(
        ordinal=ordinal,
        key=sample.product_key,
        content_hash=content or sample.content_hash,
        outcome_key=f"{product_id}/{key}",
        title=sample.title,
        raw_ref=f"catalogue.csv:{ordinal + 2}",
        **changes,
    )


def rejected(ordinal: int) -> Entry:
    return Entry(ordinal=ordinal, raw_ref="catalogue.csv:7", reject=reject())


def done(ordinal: int, product_id: str, *queries: Query | str, key: str = "", **changes: Any) -> Outcome:
    """What `entry(ordinal, product_id, key=key)` becomes."""
    return outcome(
        *queries, product_id=product_id, ordinal=ordinal, **{"outcome_key": f"{product_id}/{key}", **changes}
    )


def letter(product_id: str, stage: str = "generate", **changes: Any) -> DeadLetter:
    product_key = outcome(product_id=product_id).product_key
    return DeadLetter(stage=stage, reason="broken", message="no answer", product_key=product_key, **changes)


async def letters(journal: Journal) -> list[DeadLetter]:
    """All dead letters of the run, in pages of two."""
    found: list[DeadLetter] = []
    position = -1
    while page := await journal.dead_letters(position, 2):
        found.extend(item for _, item in page)
        position = page[-1][0]
    return found


async def snapshot(journal: Journal) -> list[Delivery]:
    found: list[Delivery] = []
    position = -1
    while page := await journal.snapshot(position, 2):
        found.extend(page)
        position = page[-1].position
    return found


async def states(journal: Journal) -> dict[State, int]:
    """The manifest counted by state, states without a record left out."""
    tally = await journal.tally()
    return {state: number for state, number in tally.states.items() if number}
