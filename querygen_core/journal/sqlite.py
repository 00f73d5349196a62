"""The journal of a job on local disk: a database of its own, and the answers of all jobs beside it."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

from querygen_core.api import Context
from querygen_core.contracts.dead_letter import DeadLetter
from querygen_core.contracts.errors import JournalError
from querygen_core.contracts.journal import (
    CallEnd,
    CallRefusal,
    ManifestEntry,
    PendingOutcome,
    Recorded,
    RemovedCount,
    Spent,
    StoredAnswer,
    Tally,
)
from querygen_core.contracts.records import Event, Outcome, Response, State
from querygen_core.journal.answer_db import AnswerDb, stamp
from querygen_core.journal.codec import (
    OUTCOME_COLUMNS,
    decode_dead_letter,
    decode_outcome,
    dump,
    encode_dead_letter,
    load,
    outcome_checksum,
)
from querygen_core.journal.db_thread import DbThread
from querygen_core.journal.manifest import CompletedProduct, Manifest, forget_short_outcomes, intact
from querygen_core.journal.partitions import refuse_other_partitions
from querygen_core.journal.removed import Page, count_removed, retire_page
from querygen_core.journal.run_lock import RunLock
from querygen_core.journal.schema import ANSWERS, CACHE, JOB, Layout, connect, lock_of
from querygen_core.journal.write_queue import WriteQueue

T = TypeVar("T")
log = logging.getLogger("querygen.journal")

_COLUMNS = f"o.{', o.'.join(OUTCOME_COLUMNS)}, o.checksum, m.content_hash, m.refs, m.ordinal, m.version"

ANSWERS_FILE = "answers.sqlite"
"""Its name in the state folder, beside the folders of the jobs."""

_BEHIND_THE_INPUT = 10**12
"""Added to the positions of sinks' dead letters, so that they follow those of the input, which are ordinals."""


def answers_file(state_dir: Path, url: str | None) -> Path:
    """The database of the answers of all jobs, or the cache of those that are kept at a URL."""
    if url is None:
        return state_dir / ANSWERS_FILE
    folder = url if url.endswith("/") else f"{url}/"
    return state_dir / f"answers-{sha256(folder.encode()).hexdigest()[:8]}.sqlite"


def layout_of_answers(file: Path) -> Layout:
    """That of the database, by its name as `answers_file` makes it."""
    return ANSWERS if file.name == ANSWERS_FILE else CACHE


class SqliteJournal:
    """Implements `contracts.journal.Journal` on two SQLite databases: `journal.sqlite` in the job's folder, which all
    shards of the job share, and `answers.sqlite` beside that folder, which all jobs share.

    One thread per database writes, one reads. WAL with `synchronous=FULL`: what a method has returned survives a power
    cut.
    """

    def __init__(self, context: Context, answers: AnswerDb | None = None) -> None:
        """answers: those of all jobs; default: `answers.sqlite` beside the job's folder."""
        folder = context.state_dir
        self._job_id = context.job_id
        self._shard = context.shard
        self._shard_name = context.shard.label
        self._path = folder / "journal.sqlite"
        self._lock = RunLock(folder / f"lock-{context.shard.name}", context.job_id)
        self._attempt = 0
        self._whole = True  # False if another machine has made calls whose outcome this journal cannot know
        self._manifest = Manifest(0)
        name = f"journal {self._path}"
        self._queue = WriteQueue(lock_of(self._path))
        self._writer = DbThread(
            lambda: connect(self._path, JOB), writes=True, turn=self._queue, name=name, file=self._path
        )
        self._reader = DbThread(self._connect_reader, writes=False, name=name)
        self._recorded = 0
        self._answers = answers or AnswerDb(folder.parent / ANSWERS_FILE, context.job_id, context.shard)

    def _connect_reader(self) -> sqlite3.Connection:
        connection = connect(self._path, JOB)
        connection.create_function("is_mine", 1, self._shard.has, deterministic=True)
        return connection

    async def begin(self, config: Mapping[str, Any], attempt: int | None = None, *, whole: bool = True) -> int:
        self._lock.take()
        self._whole = whole
        self._attempt = await self._writer.run(lambda db: self._begin(db, config, attempt))
        self._manifest = Manifest(self._attempt)
        self._answers.begin(self._attempt)
        if whole:
            await self._warn_of_lost_answers()
        return self._attempt

    async def _warn_of_lost_answers(self) -> None:
        """Answers that were removed look like those of a new folder, but this job's own database knows better."""
        query = "SELECT report FROM runs WHERE shard = ? AND report IS NOT NULL ORDER BY attempt DESC LIMIT 1"
        row = await self._reader.run(lambda db: db.execute(query, (self._shard_name,)).fetchone())
        paid = load(row["report"]).get("calls", {}).get("job") if row else None
        if paid and not (await self._answers.spent()).calls:
            log.warning(
                "this job has paid for %d answers, and the store has none of them: was %s removed? What was spent is "
                "not counted either, so budgets begin anew",
                paid,
                ANSWERS_FILE,
            )

    def _begin(self, db: sqlite3.Connection, config: Mapping[str, Any], requested: int | None) -> int:
        """Start a run and delete the manifests of this shard's earlier ones. requested: its number, if it has one."""
        self._keep_partitions(db)
        # Answers and outcomes belong to the job and stay; manifest and dead letters are those of one run.
        earlier = "SELECT attempt FROM runs WHERE shard = ?"
        for table in ("manifest", "dead_letters"):
            db.execute(f"DELETE FROM {table} WHERE run IN ({earlier})", (self._shard_name,))
        row = (requested, self._shard_name, stamp(), dump(config))
        attempt = db.execute("INSERT INTO runs(attempt, shard, started, config) VALUES (?, ?, ?, ?)", row).lastrowid
        assert attempt is not None  # noqa: S101 - an INSERT has one
        return attempt

    def _keep_partitions(self, db: sqlite3.Connection) -> None:
        """Fix the number of partitions in the job's first run.

        Raises:
            ConfigError: this run has another number than the first.
        """
        partitions = self._shard.partition_count
        db.execute("INSERT OR IGNORE INTO job VALUES (1, ?)", (partitions,))
        first = db.execute("SELECT partitions FROM job").fetchone()[0]
        refuse_other_partitions(self._job_id, partitions, first)

    async def _write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Write what must not follow another run of this shard, which has deleted this run's manifest."""

        def checked(db: sqlite3.Connection) -> T:
            self._lock.check()
            return work(db)

        return await self._writer.run(checked)

    async def _read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Read the manifest, which was still there if the lock is ours afterwards."""

        def checked(db: sqlite3.Connection) -> T:
            result = work(db)
            self._lock.check()
            return result

        return await self._reader.run(checked)

    async def admit(self, entries: Sequence[ManifestEntry]) -> Sequence[State]:
        return await self._write(lambda db: [self._manifest.admit(db, entry) for entry in entries])

    async def complete(self, ordinal: int, result: Outcome | DeadLetter, events: Sequence[Event] = ()) -> None:
        completed = CompletedProduct.of(result)

        def work(db: sqlite3.Connection) -> None:
            self._manifest.complete(db, ordinal, completed)
            self._insert_events(db, events)

        await self._write(work)

    async def answers(self, key: str, product_key: str = "") -> Sequence[StoredAnswer]:  # noqa: ARG002 - all are here
        return await self._answers.answers(key)

    async def record(
        self,
        call: int,
        key: str,
        number: int,
        response: Response,
        *,
        usable: bool,
        cost: float = 0.0,
        product_key: str = "",  # noqa: ARG002 - only a store of several machines sorts by it
    ) -> Recorded:
        self._recorded += 1
        return await self._answers.record(call, key, number, response, usable=usable, cost=cost)

    async def tries(self, key: str) -> int:
        return await self._answers.tries(key)

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
        self._lock.check()
        return await self._answers.begin_call(
            key, number, cost=cost, tokens=tokens, seconds=seconds, day_budget=day_budget
        )

    async def end_call(self, call: int, how: CallEnd) -> None:
        await self._answers.end_call(call, how)

    async def grants(self) -> Mapping[str, int]:
        return await self._answers.grants()

    async def grant(self, tries: Mapping[str, int]) -> None:
        await self._answers.grant(tries)

    async def completed(self, after: int, limit: int) -> Sequence[PendingOutcome]:
        return await self._pending_outcomes(
            f"SELECT {_COLUMNS}, m.completed AS position, 1 AS current "
            "FROM manifest m JOIN outcomes o ON o.outcome_key = m.outcome_key "
            "WHERE m.run = ? AND m.completed > ? ORDER BY m.completed LIMIT ?",
            (self._attempt, after, limit),
        )

    async def snapshot(self, after: int, limit: int) -> Sequence[PendingOutcome]:
        return await self._pending_outcomes(
            # A product that has no outcome in this run keeps what an earlier run made of it.
            f"SELECT {_COLUMNS}, m.ordinal AS position, m.state IN ('done', 'short') AS current, m.key, m.title "
            "FROM manifest m LEFT JOIN outcomes o ON o.outcome_key = "
            "  CASE WHEN m.state IN ('done', 'short') THEN m.outcome_key ELSE m.previous END "
            "WHERE m.run = ? AND m.ordinal > ? AND m.state IN ('done', 'short', 'pending', 'failed') "
            "ORDER BY m.ordinal LIMIT ?",
            (self._attempt, after, limit),
        )

    async def _pending_outcomes(self, query: str, values: tuple[int, int, int]) -> Sequence[PendingOutcome]:
        rows = await self._read(lambda db: db.execute(query, values).fetchall())
        for row in rows:
            if row["outcome_key"] is not None and not intact(
                row["checksum"], outcome_checksum(row), f"the outcome of {row['product_key']}"
            ):
                raise JournalError(
                    f"journal: the outcome of {row['product_key']} was damaged while it was used; run again"
                )
        return [
            PendingOutcome(
                position=row["position"],
                outcome=_without_outcome(row) if row["outcome_key"] is None else decode_outcome(row),
                current=bool(row["current"]),
            )
            for row in rows
        ]

    async def add_dead_letters(
        self, sink: str, dead_letters: Sequence[DeadLetter], events: Sequence[Event] = ()
    ) -> None:
        rows = [(self._attempt, sink, encode_dead_letter(dead_letter)) for dead_letter in dead_letters]

        def work(db: sqlite3.Connection) -> None:
            db.executemany("INSERT INTO dead_letters(run, sink, dead_letter) VALUES (?, ?, ?)", rows)
            self._insert_events(db, events)

        await self._write(work)

    async def places(self, product_keys: Sequence[str]) -> Mapping[str, tuple[str, int | None]]:
        return await self._read(partial(self._manifest.places, product_keys=product_keys))

    async def dead_letters(self, after: int, limit: int) -> Sequence[tuple[int, DeadLetter]]:
        def work(db: sqlite3.Connection) -> list[tuple[int, str]]:
            query = (
                "SELECT ordinal, dead_letter FROM manifest WHERE run = ?1 AND dead_letter IS NOT NULL UNION ALL "
                f"SELECT {_BEHIND_THE_INPUT} + position, dead_letter FROM dead_letters WHERE run = ?1"
            )
            rows = db.execute(
                f"SELECT * FROM ({query}) WHERE ordinal > ?2 ORDER BY 1 LIMIT ?3", (self._attempt, after, limit)
            )
            return [(row[0], row[1]) for row in rows]

        return [(position, decode_dead_letter(body)) for position, body in await self._reader.run(work)]

    async def removed(self) -> RemovedCount:
        return await self._read(lambda db: count_removed(db, self._attempt, self._shard))

    async def retire_removed(self, first: int) -> None:
        page: Page | None = Page("", first)
        while page is not None:
            page = await self._write(partial(retire_page, manifest=self._manifest, shard=self._shard, page=page))

    async def tally(self) -> Tally:
        return await self._read(self._manifest.tally)

    async def spent(self) -> Spent:
        spent = await self._answers.spent()
        return spent if self._whole else replace(spent, indeterminate=None)

    async def append_events(self, events: Sequence[Event]) -> None:
        await self._write(lambda db: self._insert_events(db, events))

    def _insert_events(self, db: sqlite3.Connection, events: Sequence[Event]) -> None:
        db.executemany(
            "INSERT INTO events(time, kind, attempt, shard, data) VALUES (?, ?, ?, ?, ?)",
            [(stamp(), event.kind, self._attempt, self._shard.index, dump(event.data)) for event in events],
        )

    async def events(self, after: int, limit: int) -> Sequence[Event]:
        query = "SELECT * FROM events WHERE seq > ? ORDER BY seq LIMIT ?"
        rows = await self._reader.run(lambda db: db.execute(query, (after, limit)).fetchall())
        return [
            Event(
                kind=row["kind"],
                data=load(row["data"]),
                job_id=self._job_id,
                attempt=row["attempt"],
                shard=row["shard"],
                seq=row["seq"],
                time=row["time"],
            )
            for row in rows
        ]

    async def cursor(self, observer: str) -> int:
        query = "SELECT seq FROM cursors WHERE observer = ?"
        row = await self._reader.run(lambda db: db.execute(query, (observer,)).fetchone())
        return row["seq"] if row else 0

    async def advance(self, observer: str, seq: int) -> None:
        statement = "INSERT INTO cursors VALUES (?, ?) ON CONFLICT(observer) DO UPDATE SET seq = excluded.seq"
        await self._writer.run(lambda db: _executed(db.execute(statement, (observer, seq))))

    @property
    def writes(self) -> Mapping[str, int]:
        return {"answers": self._recorded}

    @property
    def fence(self) -> int | None:
        return None

    def check_lease(self) -> None:
        """There is none: the lock on the folder lasts as long as the process."""

    async def finish(self, report: Mapping[str, Any], events: Sequence[Event] = ()) -> None:
        def work(db: sqlite3.Connection) -> None:
            row = (stamp(), dump(report), self._attempt)
            db.execute("UPDATE runs SET finished = ?, report = ? WHERE attempt = ?", row)
            self._insert_events(db, events)

        await self._write(work)

    async def grant_retry(self) -> int:
        # In this order: a kill in between costs nothing but the wait for another `retry`.
        granted = await self._answers.grant_retry()
        await self._writer.run(forget_short_outcomes)
        return granted

    async def runs(self) -> Sequence[Mapping[str, Any]]:
        rows = await self._reader.run(lambda db: db.execute("SELECT * FROM runs ORDER BY attempt").fetchall())
        return [
            {**row, "config": load(row["config"]), "report": row["report"] and load(row["report"])}
            for row in map(dict, rows)
        ]

    async def aclose(self) -> None:
        await self._writer.aclose()
        await self._reader.aclose()
        await self._answers.aclose()
        self._queue.close()
        self._lock.release()


def _without_outcome(row: Mapping[str, Any]) -> Outcome:
    """For a snapshot: a product of which no run has an outcome."""
    return Outcome(
        product_key=row["key"],
        title=row["title"],
        content_hash=row["content_hash"],
        outcome_key="",
        state="failed",
        queries=(),
        ordinal=row["ordinal"],
        refs=load(row["refs"]),
        version=row["version"],
    )


def _executed(cursor: sqlite3.Cursor) -> None:
    """Drop the result of a statement: a cursor must not leave the thread of its connection."""
