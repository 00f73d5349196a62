"""What this machine knows of a store of answers: a local answer store, with what is to be sent and what is shared."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import itemgetter
from pathlib import Path

from querygen_core.api import Shard
from querygen_core.contracts.journal import AnswerRecord
from querygen_core.journal.answer_db import INSERT, SELECT, AnswerDb, answer_values, done, read_answer, stamp
from querygen_core.journal.codec import stored_text
from querygen_core.journal.schema import CACHE
from querygen_core.journal.spending import SHARED


@dataclass(frozen=True, slots=True)
class UnansweredCalls:
    """Calls of a run that began on one day and have no answer."""

    until: str
    """Until when some of them may get one; ISO 8601, UTC. In the past if they are over."""
    calls: int
    """Their number."""
    tokens: int
    """Most that they can have used, in and out."""
    cost: float
    """Most that they can have cost, in USD."""


@dataclass(frozen=True, slots=True)
class RunSpending:
    """What a run has spent on a day (UTC)."""

    job: str
    """`job_id`."""
    run: int
    """Number of the run."""
    shard: str
    """`index/size`."""
    day: str
    """`2026-11-30`."""
    calls: int
    """Answers received."""
    tokens: int
    """In and out."""
    cost: float
    """In USD."""
    unanswered: tuple[UnansweredCalls, ...] = ()
    """Calls of this day without an answer. They may have been paid for."""


class AnswerCache(AnswerDb):
    """The answers that are not in the store yet (`sent` = 0) are the only ones that this machine must not lose."""

    layout = CACHE
    sources = SHARED

    def __init__(self, path: Path, job_id: str, shard: Shard) -> None:
        super().__init__(path, job_id, shard)
        self._own_runs: frozenset[int] = frozenset()

    async def own_runs(self, local: Collection[int]) -> frozenset[int]:
        """The runs of this job that used this cache: what they have spent is known here to the last call.

        local: the runs that were made in this state folder, with whatever store.
        """
        query = "SELECT DISTINCT run FROM spent WHERE job = ?"
        rows = await self._reader.run(lambda db: db.execute(query, (self._job,)).fetchall())
        self._own_runs = frozenset(row["run"] for row in rows).intersection(local)
        return self._own_runs

    async def begin_run(self, run: int) -> None:
        """Calls and answers are this run's from now on, and `own_runs` knows it, even if it spends nothing."""
        self.begin(run)
        row = (self._job, run, self._shard.label, stamp(datetime.now(UTC))[:10])
        statement = "INSERT OR IGNORE INTO spent VALUES (?, ?, ?, ?, 0, 0, 0)"
        await self._writer.run(lambda db: done(db.execute(statement, row)))

    def _counts(self, restored: AnswerRecord) -> bool:
        return super()._counts(restored) and restored.run not in self._own_runs

    async def look(self, key: str) -> tuple[list[AnswerRecord], list[AnswerRecord]]:
        """The answers to a request by try, and those of them that are in no segment of this job yet."""
        query = (
            f"{SELECT}, EXISTS(SELECT 1 FROM segmented s WHERE s.job = ? AND s.key = a.key AND s.number = a.number) "
            "AS segmented FROM answers a WHERE key = ? ORDER BY number"
        )
        rows = await self._reader.run(lambda db: db.execute(query, (self._job, key)).fetchall())
        read = [(record, row["segmented"]) for row in rows if (record := read_answer(row)) is not None]
        return [record for record, _ in read], [record for record, segmented in read if not segmented]

    async def unsent(self, limit: int) -> list[AnswerRecord]:
        """Answers that the store did not take when they came, of any job."""
        query = f"{SELECT} FROM answers WHERE sent = 0 LIMIT ?"
        rows = await self._reader.run(lambda db: db.execute(query, (limit,)).fetchall())
        return [record for row in rows if (record := read_answer(row)) is not None]

    async def keep_winner(self, winner: AnswerRecord) -> None:
        """Let the store's answer take the place of the one here, which changes nothing about what was paid."""
        row = answer_values(winner, sent=True)
        await self._writer.run(lambda db: done(db.execute(INSERT, row)))

    async def mark_segmented(self, places: Iterable[tuple[str, int]]) -> None:
        """Note which answers, by key and try, a segment of this job holds."""
        rows = [(self._job, *place) for place in places]
        await self._writer.run(lambda db: done(db.executemany(_SEGMENTED, rows)))

    async def restore_segment(self, answers: Sequence[AnswerRecord]) -> None:
        """`restore` what a segment of this job holds."""
        await self.restore(answers)
        await self.mark_segmented((answer.key, answer.number) for answer in answers)

    async def unread(self, names: Sequence[str]) -> list[str]:
        """Those of the job's segments that this machine has not read."""

        def work(db: sqlite3.Connection) -> list[str]:
            query = "SELECT 1 FROM segments_read WHERE job = ? AND name = ?"
            return [name for name in names if db.execute(query, (self._job, name)).fetchone() is None]

        return await self._reader.run(work)

    async def mark_read(self, name: str) -> None:
        statement = "INSERT OR IGNORE INTO segments_read VALUES (?, ?)"
        await self._writer.run(lambda db: done(db.execute(statement, (self._job, name))))

    async def note(self, notes: Sequence[RunSpending]) -> None:
        """Keep what other runs say that they have spent; what is known of their answers counts if it is more."""
        days = [(stored_text(n.job), n.run, n.shard, n.day) for n in notes]
        sums = [(*day, n.calls, n.tokens, n.cost) for day, n in zip(days, notes, strict=True)]
        calls = [
            (*day, one.until, one.calls, one.tokens, one.cost)
            for day, note in zip(days, notes, strict=True)
            if not self._is_own(note)
            for one in note.unanswered
        ]

        def work(db: sqlite3.Connection) -> None:
            db.executemany("INSERT OR REPLACE INTO noted VALUES (?, ?, ?, ?, ?, ?, ?)", sums)
            db.executemany("DELETE FROM noted_calls WHERE job = ? AND run = ? AND shard = ? AND day = ?", days)
            db.executemany("INSERT OR REPLACE INTO noted_calls VALUES (?, ?, ?, ?, ?, ?, ?, ?)", calls)

        await self._writer.run(work)

    def _is_own(self, note: RunSpending) -> bool:
        """Whether this disk has the calls themselves."""
        return stored_text(note.job) == self._job and (note.run == self._run or note.run in self._own_runs)

    async def spent_by_run(self, run: int) -> list[RunSpending]:
        """What a run of this job has spent, by day, and what it may have spent by calls without an answer."""

        def work(db: sqlite3.Connection) -> list[RunSpending]:
            place = (self._job, run)
            unanswered: dict[tuple[str, str], list[UnansweredCalls]] = {}
            for shard, day, *numbers in db.execute(_UNANSWERED, place):
                unanswered.setdefault((shard, day), []).append(UnansweredCalls(*numbers))
            query = "SELECT shard, day, calls, tokens, cost FROM spent WHERE job = ? AND run = ?"
            spent = {(shard, day): sums for shard, day, *sums in db.execute(query, place)}
            days = []
            for key in sorted({*spent, *unanswered}, key=itemgetter(1)):
                calls, tokens, cost = spent.get(key, (0, 0, 0.0))
                days.append(RunSpending(*place, *key, calls, tokens, cost, tuple(unanswered.get(key, ()))))
            return days

        return await self._reader.run(work)


_UNANSWERED = (
    "SELECT shard, substr(time, 1, 10) AS day, max(CASE state WHEN 'open' THEN until ELSE time END) AS until, "
    "count(*), sum(tokens), sum(cost) FROM calls WHERE job = ? AND run = ? GROUP BY shard, day, state = 'open'"
)
_SEGMENTED = "INSERT OR IGNORE INTO segmented VALUES (?, ?, ?)"
