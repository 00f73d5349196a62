"""What a job and the store of answers have, for who begins no run: read only, without a lock."""

from __future__ import annotations

import logging
import sqlite3
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from querygen_core.api import Context, KeepsObjects, Response, ThreadPool, Usage
from querygen_core.contracts.journal import AnswerRecord, Spent, StoredAnswer
from querygen_core.contracts.records import State
from querygen_core.journal.answer_db import SELECT, read_answer, stamp
from querygen_core.journal.codec import load, questions_by_source, stored_text
from querygen_core.journal.failures import explain
from querygen_core.journal.manifest import find_outcome
from querygen_core.journal.remote.answer_store import AnswerStore
from querygen_core.journal.remote.folder import RemoteFolder
from querygen_core.journal.schema import ANSWERS, JOB, connect_reading
from querygen_core.journal.spending import LOCAL, SHARED, Sources, paid_on, read_spending
from querygen_core.journal.sqlite import answers_file, layout_of_answers

log = logging.getLogger("querygen.journal")

_MAX_REQUESTS = 32  # to the store at once


@dataclass(frozen=True, slots=True)
class EarlierAnswer:
    """An answer of which this job has made an outcome."""

    generator: str
    """Who asked."""
    provider: str
    """`plugin/component`."""
    model: str
    """The exact model, as the provider names it."""
    round: int
    """0 for a first request, then one more per refill."""
    questions: int
    """That were read of it."""
    usage: Usage
    """As billed."""


class StoreView:
    """The databases of this machine, and the store that other machines use too, if there is one.

    Its connections are used by one thread. A run that is under way is not disturbed, and no file is left behind.
    """

    def __init__(self, context: Context, url: str | None = None, store: KeepsObjects | None = None) -> None:
        """url, store: of the answers that several machines share.

        Raises:
            JournalError: what is there cannot be read.
        """
        self._job = stored_text(context.job_id)
        self._shard = context.shard
        self._outcomes: sqlite3.Connection | None = None
        self._answers: sqlite3.Connection | None = None
        file = answers_file(context.state_dir.parent, url)
        self._layout = layout_of_answers(file)
        self._pool = ThreadPool(_MAX_REQUESTS, "plan")
        self._folder = RemoteFolder(store, url) if store is not None and url is not None else None
        self._remote = AnswerStore(self._folder, self._pool) if self._folder is not None else None
        journal = context.state_dir / "journal.sqlite"
        with _explained(journal):
            self._outcomes = connect_reading(journal, JOB)
        with _explained(file):
            self._answers = connect_reading(file, self._layout)

    async def aclose(self) -> None:
        for connection in (self._outcomes, self._answers):
            if connection is not None:
                connection.close()
        self._pool.close()

    def outcome_state(self, outcome_key: str) -> State | None:
        """The state of the product whose outcome has this key; None if there is no such outcome."""
        if self._outcomes is None:
            return None
        with _explained("the job's journal"):
            row = find_outcome(self._outcomes, "outcome_key = ?", outcome_key)
        return None if row is None else row["state"]

    async def is_empty(self) -> bool:
        """Whether there is no answer at all."""
        with _explained("answers"):
            if self._answers is not None and self._answers.execute("SELECT 1 FROM answers LIMIT 1").fetchone():
                return False
        if self._folder is None:
            return True
        entries = self._folder.below("answers").entries()
        return await self._pool.run(lambda: next(entries, None)) is None

    async def answers(self, key: str) -> Sequence[StoredAnswer]:
        """The answers to a request, by try."""
        found = self._local_answers(key)
        if self._remote is not None and not any(answer.usable for answer in found):
            found += await self._remote.find(key, {answer.number for answer in found})
            found.sort(key=lambda answer: answer.number)
        return [
            StoredAnswer(number=one.number, response=one.response, ours=stored_text(one.job) == self._job)
            for one in found
        ]

    def _local_answers(self, key: str) -> list[AnswerRecord]:
        if self._answers is None:
            return []
        with _explained("answers"):
            rows = self._answers.execute(f"{SELECT} FROM answers WHERE key = ? ORDER BY number", (key,)).fetchall()
        return [answer for row in rows if (answer := read_answer(row)) is not None]

    def tries(self, key: str) -> int:
        """Tries that `querygen retry` has granted."""
        if self._answers is None:
            return 0
        with _explained("answers"):
            query = "SELECT extra FROM grants WHERE job = ? AND key = ?"
            row = self._answers.execute(query, (self._job, key)).fetchone()
        return int(row["extra"]) if row else 0

    def earlier_answers(self, outcomes: int) -> Iterator[EarlierAnswer]:
        """The answers of the job's newest outcomes."""
        if self._outcomes is None:
            return
        with _explained("the job's journal"):
            query = "SELECT body FROM outcomes WHERE state IN ('done', 'short') ORDER BY seq DESC LIMIT ?"
            bodies = [row["body"] for row in self._outcomes.execute(query, (outcomes,))]
        for body in bodies:
            try:
                sources = list(questions_by_source(body))
            except (zlib.error, ValueError, KeyError, TypeError):
                continue  # damaged, which a run will notice
            for source, questions in sources:
                if (response := self._usable(source["request_key"])) is not None:
                    names = (source["generator"], source["provider"], source["model"], source["round"])
                    yield EarlierAnswer(*names, questions, response.usage)

    def _usable(self, key: str) -> Response | None:
        return next((answer.response for answer in self._local_answers(key) if answer.usable), None)

    def last_report(self) -> dict[str, Any]:
        """Of this shard's newest run that came to its end; {} if there is none."""
        if self._outcomes is None:
            return {}
        with _explained("the job's journal"):
            query = "SELECT report FROM runs WHERE shard = ? AND report IS NOT NULL ORDER BY attempt DESC LIMIT 1"
            row = self._outcomes.execute(query, (self._shard.label,)).fetchone()
        report: dict[str, Any] = load(row["report"]) if row else {}
        return report

    def spent(self) -> Spent:
        """What counts against this shard's part of the job's budget, as far as this machine knows."""
        if not self._knows_spending():
            return Spent()
        with _explained("answers"):
            assert self._answers is not None  # noqa: S101 - for mypy
            return read_spending(self._answers, self._job, self._shard, self._sources)

    def spent_today(self) -> float:
        """USD that all jobs of the store have spent or reserved since midnight (UTC), as far as this machine knows."""
        if not self._knows_spending():
            return 0.0
        now = stamp(datetime.now(UTC))
        with _explained("answers"):
            assert self._answers is not None  # noqa: S101 - for mypy
            day = paid_on(self._answers, now[:10], now, self._sources)
        return day.spent + day.under_way

    def _knows_spending(self) -> bool:
        """Only in the newest layout, to which the next run brings it."""
        if self._answers is None:
            return False
        version = self._answers.execute("PRAGMA user_version").fetchone()[0]
        return bool(version == self._layout.version)

    @property
    def _sources(self) -> Sources:
        return LOCAL if self._layout is ANSWERS else SHARED


@contextmanager
def _explained(what: Path | str) -> Iterator[None]:
    """Raise what SQLite says as a JournalError."""
    try:
        yield
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise explain(error, f"journal {what}" if isinstance(what, Path) else what) from None
