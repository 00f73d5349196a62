"""A journal on disk between tests' hands: opened for a run, changed behind its back."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

from querygen_core.journal.sqlite import SqliteJournal
from querygen_core.testing import context, outcome
from querygen_core.testing.journal.job import entry

R = TypeVar("R")
KEY = "a" * 64


def opened(
    folder: Path,
    work: Callable[[SqliteJournal], Awaitable[R]],
    *,
    attempt: int | None = None,
    whole: bool = True,
    **changes: Any,
) -> R:
    """`work` on the journal of `folder`, within a run of its own."""

    async def main() -> R:
        journal = SqliteJournal(context(folder, **changes))
        try:
            await journal.begin({}, attempt, whole=whole)
            return await work(journal)
        finally:
            await journal.aclose()

    return asyncio.run(main())


JOB, ANSWERS = "state/journal.sqlite", "answers.sqlite"
"""The job's own database, and that of the answers of all jobs, in a test's folder."""


def change(folder: Path, statement: str, *values: Any, file: str = JOB) -> int:
    with closing(sqlite3.connect(folder / file)) as db, db:
        return db.execute(statement, values).rowcount


def made(number: int, **changes: Any) -> Any:
    item = entry(number, f"{number}")
    given = {"product_id": f"{number}", "outcome_key": item.outcome_key, "ordinal": number, **changes}
    return item, outcome("Is it red?", "Is it big?", **given)


async def settle_two(journal: SqliteJournal) -> None:
    pairs = [made(0), made(1, state="short", reasons={"market": "facts"})]
    await journal.admit([item for item, _ in pairs])
    for number, (_, result) in enumerate(pairs):
        await journal.complete(number, result)
