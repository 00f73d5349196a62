"""The answers of all jobs of a state folder: each is kept once, and found by whoever asks the same."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from querygen_core.contracts.context import Shard
from querygen_core.contracts.journal import AnswerRecord, CallEnd, CallRefusal, Recorded, Spent, StoredAnswer
from querygen_core.contracts.records import Response
from querygen_core.journal.codec import ANSWER_COLUMNS, answer_row, decode_answer, row_checksum, stored_text
from querygen_core.journal.db_thread import DbThread
from querygen_core.journal.owner import lives, this_process
from querygen_core.journal.row_checks import sound
from querygen_core.journal.schema import ANSWERS, connect, lock_of
from querygen_core.journal.spending import LOCAL, add_spending, paid_on, read_spending
from querygen_core.journal.write_queue import WriteQueue

log = logging.getLogger("querygen.journal")

_NAMES = ", ".join(ANSWER_COLUMNS)
INSERT = f"INSERT OR REPLACE INTO answers({_NAMES}, checksum, sent) VALUES ({', '.join('?' * 11)})"
SELECT = f"SELECT {_NAMES}, checksum"
_BEGIN = (
    "INSERT INTO calls(key, number, job, run, shard, owner, time, until, cost, tokens, state) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'open')"
)
_PRUNED = 10_000  # answers deleted in one transaction


class AnswerDb:
    """One SQLite database, which all processes of a machine may share.

    What a method has returned survives a power cut. A call that is under way is a row: if it stays without an answer,
    the call may have been paid in vain; as long as its process lives, no other one sends the same request.
    """

    layout = ANSWERS
    sources = LOCAL  # what it knows of spending

    def __init__(self, path: Path, job_id: str, shard: Shard) -> None:
        self._job = stored_text(job_id)
        self._shard = shard
        self._run = 0
        self._owner = this_process()
        self._queue = WriteQueue(lock_of(path))
        name = f"answers {path}"
        self._writer = DbThread(lambda: connect(path, self.layout), writes=True, turn=self._queue, name=name, file=path)
        self._reader = DbThread(lambda: connect(path, self.layout), writes=False, name=name)

    def begin(self, run: int) -> None:
        """Calls and answers are this run's from now on."""
        self._run = run

    async def answers(self, key: str) -> Sequence[StoredAnswer]:
        query = f"{SELECT} FROM answers WHERE key = ? ORDER BY number"
        rows = await self._reader.run(lambda db: db.execute(query, (key,)).fetchall())
        return [
            StoredAnswer(number=answer.number, response=answer.response, ours=answer.job == self._job)
            # A damaged answer is paid again, which is cheaper than a wrong question in a shop.
            for answer in map(read_answer, rows)
            if answer is not None
        ]

    async def tries(self, key: str) -> int:
        query = "SELECT extra FROM grants WHERE job = ? AND key = ?"
        row = await self._reader.run(lambda db: db.execute(query, (self._job, key)).fetchone())
        return sound(row, "a granted retry")["extra"] if row else 0

    async def begin_call(
        self,
        key: str,
        number: int,
        *,
        cost: float = 0.0,
        tokens: int = 0,
        seconds: float = 3600.0,
        day_budget: float | None = None,
    ) -> int | CallRefusal:
        def work(db: sqlite3.Connection) -> int | CallRefusal:
            # All in one transaction: between a look and the call another process could do the same.
            now = datetime.now(UTC)
            if _find(db, key, number) is not None or self._is_asked(db, key, now):
                return "asked"
            if day_budget is not None:
                day = paid_on(db, stamp(now)[:10], stamp(now), self.sources)
                if day.spent + day.under_way + cost > day_budget:
                    return "budget" if day.spent + cost > day_budget or not day.under_way else "busy"
            until = stamp(now + timedelta(seconds=seconds))
            row = (key, number, self._job, self._run, self._shard.label, self._owner, stamp(now), until, cost, tokens)
            return db.execute(_BEGIN, row).lastrowid or 0

        # Committed before the call is sent, so that a kill during the call leaves a trace of it.
        return await self._writer.run(work)

    def _is_asked(self, db: sqlite3.Connection, key: str, now: datetime) -> bool:
        """Whether another process that may be alive is asking the same, and still has the time that it gave its call.

        Earlier runs of this shard of this job are over, since this one has their lock. The call of a dead process
        stays, as one without an answer.
        """
        query = (
            "SELECT DISTINCT owner FROM calls WHERE key = ? AND state = 'open' AND until > ? "
            "AND NOT (job = ? AND shard = ?)"
        )
        owners = {
            sound(row, "a call")["owner"] for row in db.execute(query, (key, stamp(now), self._job, self._shard.label))
        }
        return any(map(lives, owners - {self._owner}))

    async def record(
        self,
        call: int,
        key: str,
        number: int,
        response: Response,
        *,
        usable: bool,
        cost: float = 0.0,
    ) -> Recorded:
        return await self.add(call, self.paid(key, number, response, usable=usable, cost=cost))

    def paid(self, key: str, number: int, response: Response, *, usable: bool, cost: float) -> AnswerRecord:
        """The record of an answer that this process has paid for at this moment."""
        return AnswerRecord(
            key=key,
            number=number,
            response=response,
            usable=usable,
            cost=cost,
            job=self._job,
            run=self._run,
            shard=self._shard.label,
            time=stamp(),
        )

    async def add(self, call: int, answer: AnswerRecord, *, sent: bool = True) -> Recorded:
        """Keep an answer, unless there is one with its key and try, and end its call. It counts as paid in any case.

        sent: it is not only here, but also in the store of which this is the cache, if there is one.
        """
        row = answer_values(answer, sent=sent)

        def work(db: sqlite3.Connection) -> AnswerRecord | None:
            earlier = _find(db, answer.key, answer.number)
            if earlier is None:
                db.execute(INSERT, row)
            db.execute("DELETE FROM calls WHERE id = ?", (call,))
            add_spending(db, answer)  # in the same transaction: no kill can lose or repeat a payment
            return earlier

        earlier = await self._writer.run(work)
        return (
            Recorded(response=answer.response)
            if earlier is None
            else Recorded(response=earlier.response, duplicate=True)
        )

    async def end_call(self, call: int, how: CallEnd) -> None:
        def work(db: sqlite3.Connection) -> None:
            if how in ("abandoned", "lost"):
                db.execute("UPDATE calls SET state = ? WHERE id = ?", (how, call))
            else:
                db.execute("DELETE FROM calls WHERE id = ?", (call,))

        await self._writer.run(work)

    async def spent(self) -> Spent:
        return await self._reader.run(lambda db: read_spending(db, self._job, self._shard, self.sources))

    async def grant_retry(self) -> int:
        """Grant one more try to each request to which this job has paid for unusable answers only; how many."""
        statement = (
            "INSERT INTO grants SELECT job, key, 1 FROM answers a WHERE job = ? AND usable = 0 "
            "AND NOT EXISTS (SELECT 1 FROM answers u WHERE u.key = a.key AND u.usable = 1) GROUP BY key "
            "ON CONFLICT(job, key) DO UPDATE SET extra = extra + 1"
        )
        return await self._writer.run(lambda db: db.execute(statement, (self._job,)).rowcount)

    async def grants(self) -> Mapping[str, int]:
        query = "SELECT key, extra FROM grants WHERE job = ?"
        rows = await self._reader.run(lambda db: db.execute(query, (self._job,)).fetchall())
        return {row["key"]: sound(row, "a granted retry")["extra"] for row in rows}

    async def grant(self, tries: Mapping[str, int]) -> None:
        """Raise the granted tries of each request to at least this number."""
        rows = [(self._job, key, extra) for key, extra in tries.items()]
        statement = (
            "INSERT INTO grants VALUES (?, ?, ?) ON CONFLICT(job, key) DO UPDATE SET extra = max(extra, excluded.extra)"
        )
        await self._writer.run(lambda db: done(db.executemany(statement, rows)))

    async def restore(self, answers: Sequence[AnswerRecord]) -> None:
        """Store answers that were paid for elsewhere. Those of this job count as spent by it, each once.

        So do those of calls that are still open here: the store took the answer, and the process was killed then.
        """
        rows = [(answer, answer_values(answer, sent=True)) for answer in answers]

        def work(db: sqlite3.Connection) -> None:
            for answer, row in rows:
                if _find(db, answer.key, answer.number) is None:
                    db.execute(INSERT, row)
                    if _end_open_call(db, answer) or self._counts(answer):
                        add_spending(db, answer)

        await self._writer.run(work)

    def _counts(self, restored: AnswerRecord) -> bool:
        """Whether its cost has to be added to what this job has spent."""
        return stored_text(restored.job) == self._job

    async def prune(self, before: datetime) -> int:
        """Delete the answers that were paid for before a time in UTC, and return how many. Their place in the file is
        used again, not given back to the disk. Answers that are not sent yet stay.
        """
        answers = 0
        query = "SELECT key, number FROM answers WHERE time < ? AND sent = 1 LIMIT ?"

        def work(db: sqlite3.Connection) -> int:
            places = [tuple(row) for row in db.execute(query, (stamp(before), _PRUNED))]
            db.executemany("DELETE FROM answers WHERE key = ? AND number = ?", places)
            return len(places)

        while deleted := await self._writer.run(work):
            answers += deleted
        return answers

    async def forget(self) -> None:
        """Delete what belongs to this job alone: its calls, grants and budget. Answers stay, and so does what the day
        has cost, under no job's name.
        """

        def work(db: sqlite3.Connection) -> None:
            for sums in (
                "day, sum(calls), sum(tokens), sum(cost) FROM spent",
                "substr(time, 1, 10), count(*), sum(tokens), sum(cost) FROM calls",
            ):
                db.execute(
                    f"INSERT INTO spent SELECT '', 0, '0/1', {sums} WHERE job = ? GROUP BY 4 "
                    "ON CONFLICT(job, run, shard, day) DO UPDATE SET calls = calls + excluded.calls, "
                    "tokens = tokens + excluded.tokens, cost = cost + excluded.cost",
                    (self._job,),
                )
            for table in ("spent", "grants", "calls"):
                db.execute(f"DELETE FROM {table} WHERE job = ?", (self._job,))

        await self._writer.run(work)

    async def aclose(self) -> None:
        await self._writer.aclose()
        await self._reader.aclose()
        self._queue.close()


def _find(db: sqlite3.Connection, key: str, number: int) -> AnswerRecord | None:
    row = db.execute(f"{SELECT} FROM answers WHERE key = ? AND number = ?", (key, number)).fetchone()
    return read_answer(row) if row is not None else None


def _end_open_call(db: sqlite3.Connection, answer: AnswerRecord) -> bool:
    """Delete the call that this answer is of, if it counts as one without an answer; whether it did."""
    statement = (
        "DELETE FROM calls WHERE key = ? AND state = 'open' AND number = ? AND job = ? AND run = ? AND shard = ?"
    )
    values = (answer.key, answer.number, stored_text(answer.job), answer.run, answer.shard)
    return db.execute(statement, values).rowcount > 0


def read_answer(row: sqlite3.Row) -> AnswerRecord | None:
    """None, with a warning in the log, if it is damaged."""
    if row["checksum"] != row_checksum(row, ANSWER_COLUMNS):
        log.warning("answer %s is damaged in the store and is treated as absent", str(row["key"])[:12])
        return None
    return decode_answer(dict(row))


def answer_values(answer: AnswerRecord, *, sent: bool) -> tuple[Any, ...]:
    return (*answer_row(answer).values(), int(sent))


def done(_cursor: sqlite3.Cursor) -> None:
    """Drop the result of a statement: a cursor must not leave the thread of its connection."""


def stamp(time: datetime | None = None) -> str:
    """`time`, or now, as the journal stores it: UTC, ISO 8601 with milliseconds, so that texts compare as times do."""
    return (time or datetime.now(UTC)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
