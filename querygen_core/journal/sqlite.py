"""The journal of a job on local disk."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from querygen_core.api import Context
from querygen_core.errors import JournalError
from querygen_core.journal.interface import DeadLetter, Delivery, Entry, IntentEnd, Kept, Spent, Stored, Tally
from querygen_core.journal.manifest import GRANT, Manifest, Settled, grant_retry, intact
from querygen_core.journal.rows import (
    OUTCOME,
    answer_row,
    checksum,
    decode_letter,
    decode_outcome,
    decode_response,
    dump,
    encode_letter,
    outcome_checksum,
)
from querygen_core.journal.schema import connect
from querygen_core.journal.spending import name_of, spend, spent_by
from querygen_core.journal.worker import Worker
from querygen_core.records import Fact, Outcome, Response, State

log = logging.getLogger("querygen.journal")

_OUTCOME = f"o.{', o.'.join(OUTCOME)}, o.checksum, m.content_hash, m.refs, m.ordinal"


class SqliteJournal:
    """`core/sqlite`: WAL, `synchronous=FULL`, one writer that commits whatever is queued. Implements `api.Journal`."""

    def __init__(self, context: Context) -> None:
        self._job_id = context.job_id
        self._shard = context.shard
        self._shard_name = name_of(context.shard)
        self._path = context.state_dir / "journal.sqlite"
        self._lock_path = context.state_dir / f"lock-{context.shard.index}-of-{context.shard.size}"
        self._lock: int | None = None
        self._attempt = 0
        self._whole = True
        self._manifest = Manifest(0)
        self._writer = Worker(lambda: connect(self._path), writes=True)
        self._reader = Worker(self._connect_reader, writes=False)

    def _connect_reader(self) -> sqlite3.Connection:
        connection = connect(self._path)
        connection.create_function("is_mine", 1, self._shard.has, deterministic=True)
        return connection

    async def begin(self, config: Mapping[str, Any], attempt: int | None = None, *, whole: bool = True) -> int:
        self._take_lock()
        self._whole = whole
        self._attempt = await self._writer.run(lambda db: self._begin(db, config, attempt))
        self._manifest = Manifest(self._attempt)
        return self._attempt

    def _take_lock(self) -> None:
        try:
            lock = os.open(self._lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as exc:
            raise JournalError(f"journal: {self._lock_path} cannot be written: {exc.strerror}") from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.read(lock, 32).decode("ascii", "replace").strip() or "unknown"
            os.close(lock)
            raise JournalError(
                f"job {self._job_id!r} is being run by another process (pid {holder}); try again when it has ended"
            ) from None
        os.ftruncate(lock, 0)
        os.write(lock, f"{os.getpid()}\n".encode())
        self._lock = lock

    def _begin(self, db: sqlite3.Connection, config: Mapping[str, Any], given: int | None) -> int:
        earlier = "SELECT attempt FROM runs WHERE shard = ?"
        for table in ("manifest", "letters"):
            db.execute(f"DELETE FROM {table} WHERE run IN ({earlier})", (self._shard_name,))
        row = (given, self._shard_name, _now(), dump(config))
        attempt = db.execute("INSERT INTO runs(attempt, shard, started, config) VALUES (?, ?, ?, ?)", row).lastrowid
        assert attempt is not None  # noqa: S101 - an INSERT has one
        return attempt

    async def admit(self, entries: Sequence[Entry]) -> Sequence[State]:
        return await self._writer.run(lambda db: [self._manifest.admit(db, entry) for entry in entries])

    async def settle(self, ordinal: int, result: Outcome | DeadLetter, facts: Sequence[Fact] = ()) -> None:
        settled = Settled.of(result)

        def work(db: sqlite3.Connection) -> None:
            self._manifest.settle(db, ordinal, settled)
            self._insert_facts(db, facts)

        await self._writer.run(work)

    async def answers(self, key: str) -> Sequence[Stored]:
        rows = await self._reader.run(
            lambda db: db.execute(
                "SELECT number, body, checksum FROM answers WHERE key = ? ORDER BY number", (key,)
            ).fetchall()
        )
        return [
            Stored(number=row["number"], response=decode_response(row["body"]))
            for row in rows
            if intact(row["checksum"], checksum(key, str(row["number"]), row["body"]), f"answer {key[:12]}")
        ]

    async def tries(self, key: str) -> int:
        query = "SELECT extra FROM grants WHERE key = ?"
        row = await self._reader.run(lambda db: db.execute(query, (key,)).fetchone())
        return row["extra"] if row else 0

    async def intend(self, key: str, number: int) -> int:
        def work(db: sqlite3.Connection) -> int:
            row = (self._attempt, self._shard_name, key, number)
            statement = "INSERT INTO intents(run, shard, key, number, state) VALUES (?, ?, ?, ?, 'open')"
            return db.execute(statement, row).lastrowid or 0

        return await self._writer.run(work)

    async def record(
        self, intent: int, key: str, number: int, response: Response, *, usable: bool, cost: float = 0.0
    ) -> Response:
        kept = Kept(key=key, number=number, response=response, usable=usable, cost=cost, shard=self._shard_name)
        row = answer_row(kept)

        def work(db: sqlite3.Connection) -> None:
            db.execute("INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?)", row)
            db.execute("DELETE FROM intents WHERE id = ?", (intent,))
            spend(db, kept)

        await self._writer.run(work)
        return response

    async def lacking(self, places: Sequence[tuple[str, int]]) -> Sequence[tuple[str, int]]:
        def work(db: sqlite3.Connection) -> list[tuple[str, int]]:
            query = "SELECT 1 FROM answers WHERE key = ? AND number = ?"
            return [place for place in places if db.execute(query, place).fetchone() is None]

        return await self._reader.run(work)

    async def restore(self, answers: Sequence[Kept]) -> None:
        rows = [(kept, answer_row(kept)) for kept in answers]

        def work(db: sqlite3.Connection) -> None:
            for kept, row in rows:
                if db.execute("INSERT OR IGNORE INTO answers VALUES (?, ?, ?, ?, ?)", row).rowcount:
                    spend(db, kept)

        await self._writer.run(work)

    async def end(self, intent: int, how: IntentEnd) -> None:
        def work(db: sqlite3.Connection) -> None:
            if how == "abandoned":
                db.execute("UPDATE intents SET state = 'abandoned' WHERE id = ?", (intent,))
            else:
                db.execute("DELETE FROM intents WHERE id = ?", (intent,))

        await self._writer.run(work)

    async def settled(self, after: int, limit: int) -> Sequence[Delivery]:
        return await self._deliveries(
            f"SELECT {_OUTCOME}, m.settled AS position, 1 AS current "
            "FROM manifest m JOIN outcomes o ON o.outcome_key = m.outcome_key "
            "WHERE m.run = ? AND m.settled > ? ORDER BY m.settled LIMIT ?",
            (self._attempt, after, limit),
        )

    async def snapshot(self, after: int, limit: int) -> Sequence[Delivery]:
        return await self._deliveries(
            f"SELECT {_OUTCOME}, m.ordinal AS position, m.state IN ('done', 'short') AS current "
            "FROM manifest m JOIN outcomes o ON o.outcome_key = "
            "  CASE WHEN m.state IN ('done', 'short') THEN m.outcome_key ELSE m.previous END "
            "WHERE m.run = ? AND m.ordinal > ? AND m.state IN ('done', 'short', 'pending', 'failed') "
            "ORDER BY m.ordinal LIMIT ?",
            (self._attempt, after, limit),
        )

    async def _deliveries(self, query: str, values: tuple[int, int, int]) -> Sequence[Delivery]:
        rows = await self._reader.run(lambda db: db.execute(query, values).fetchall())
        for row in rows:
            if not intact(row["checksum"], outcome_checksum(row), f"the outcome of {row['product_key']}"):
                raise JournalError(
                    f"journal: the outcome of {row['product_key']} was damaged while it was used; run again"
                )
        return [
            Delivery(
                position=row["position"],
                outcome=decode_outcome(row, row["ordinal"], row["content_hash"], row["refs"]),
                current=bool(row["current"]),
            )
            for row in rows
        ]

    async def undelivered(self, sink: str, letters: Sequence[DeadLetter]) -> None:
        rows = [(self._attempt, sink, encode_letter(letter)) for letter in letters]
        statement = "INSERT INTO letters(run, sink, letter) VALUES (?, ?, ?)"
        await self._writer.run(lambda db: _executed(db.executemany(statement, rows)))

    async def dead_letters(self, after: int, limit: int) -> Sequence[tuple[int, DeadLetter]]:
        def work(db: sqlite3.Connection) -> list[tuple[int, str]]:
            query = (
                "SELECT ordinal, letter FROM manifest WHERE run = ?1 AND letter IS NOT NULL UNION ALL "
                "SELECT 1000000000000 + position, letter FROM letters WHERE run = ?1"
            )
            rows = db.execute(f"SELECT * FROM ({query}) WHERE ordinal > ?2 ORDER BY 1 LIMIT ?3",
                              (self._attempt, after, limit))  # fmt: skip
            return [(row[0], row[1]) for row in rows]

        return [(position, decode_letter(letter)) for position, letter in await self._reader.run(work)]

    async def tally(self) -> Tally:
        return await self._reader.run(self._manifest.tally)

    async def spent(self) -> Spent:
        spent = await self._reader.run(lambda db: spent_by(db, self._shard))
        return spent if self._whole else replace(spent, indeterminate=None)

    async def tell(self, facts: Sequence[Fact]) -> None:
        await self._writer.run(lambda db: self._insert_facts(db, facts))

    def _insert_facts(self, db: sqlite3.Connection, facts: Sequence[Fact]) -> None:
        db.executemany(
            "INSERT INTO facts(time, kind, attempt, shard, data) VALUES (?, ?, ?, ?, ?)",
            [(_now(), fact.kind, self._attempt, self._shard.index, dump(fact.data)) for fact in facts],
        )

    async def facts(self, after: int, limit: int) -> Sequence[Fact]:
        query = "SELECT * FROM facts WHERE seq > ? ORDER BY seq LIMIT ?"
        rows = await self._reader.run(lambda db: db.execute(query, (after, limit)).fetchall())
        return [
            Fact(
                kind=row["kind"], data=json.loads(row["data"]), job_id=self._job_id, attempt=row["attempt"],
                shard=row["shard"], seq=row["seq"], time=row["time"],
            )
            for row in rows
        ]  # fmt: skip

    async def cursor(self, observer: str) -> int:
        query = "SELECT seq FROM cursors WHERE observer = ?"
        row = await self._reader.run(lambda db: db.execute(query, (observer,)).fetchone())
        return row["seq"] if row else 0

    async def advance(self, observer: str, seq: int) -> None:
        statement = "INSERT INTO cursors VALUES (?, ?) ON CONFLICT(observer) DO UPDATE SET seq = excluded.seq"
        await self._writer.run(lambda db: _executed(db.execute(statement, (observer, seq))))

    async def finish(self, report: Mapping[str, Any], facts: Sequence[Fact] = ()) -> None:
        def work(db: sqlite3.Connection) -> None:
            row = (_now(), dump(report), self._attempt)
            db.execute("UPDATE runs SET finished = ?, report = ? WHERE attempt = ?", row)
            self._insert_facts(db, facts)

        await self._writer.run(work)

    async def grant_retry(self) -> int:
        return await self._writer.run(grant_retry)

    async def grants(self) -> Mapping[str, int]:
        return await self._reader.run(lambda db: dict(db.execute("SELECT key, extra FROM grants").fetchall()))

    async def grant(self, tries: Mapping[str, int]) -> None:
        await self._writer.run(lambda db: _executed(db.executemany(GRANT, tries.items())))

    async def runs(self) -> Sequence[Mapping[str, Any]]:
        rows = await self._reader.run(lambda db: db.execute("SELECT * FROM runs ORDER BY attempt").fetchall())
        return [
            {**row, "config": json.loads(row["config"]), "report": row["report"] and json.loads(row["report"])}
            for row in map(dict, rows)
        ]

    async def aclose(self) -> None:
        await self._writer.aclose()
        await self._reader.aclose()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _executed(cursor: sqlite3.Cursor) -> None:
    """A statement's cursor must not leave the thread of its connection."""


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
