"""The runs of a job as its databases tell them, without beginning one."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote

from querygen_core.contracts.context import Shard
from querygen_core.contracts.errors import JournalError
from querygen_core.journal.codec import stored_text
from querygen_core.journal.failures import explain
from querygen_core.journal.run_lock import holder_of
from querygen_core.journal.schema import JOB, connect
from querygen_core.journal.spending import read_spending
from querygen_core.journal.sqlite import answers_file, layout_of_answers

RunState = Literal["running", "ended", "killed"]
"""`killed`: it has no end, and its process is gone."""

_NEWEST = "SELECT * FROM runs WHERE attempt IN (SELECT max(attempt) FROM runs GROUP BY shard) ORDER BY attempt DESC"
_PRODUCTS = "SELECT count(*) FROM manifest WHERE run = ? AND state IN ('done', 'short')"
_CALLS = "SELECT coalesce(sum(calls), 0) FROM spent WHERE job = ? AND run = ? AND shard = ?"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStatus:
    """The newest run of one shard of a job."""

    job_id: str
    """As the config says."""
    shard: Shard
    """The part of the job."""
    attempt: int
    """Number of the run, from 1."""
    state: RunState
    """Whether it is under way."""
    pid: int | None
    """Its process; None if it is not running."""
    started: str
    """ISO 8601, UTC."""
    finished: str | None
    """ISO 8601, UTC; None without an end."""
    exit_code: int | None
    """None without an end."""
    products: int | None
    """Products that have their questions, made in this run or before; None while only the run's own machine knows."""
    calls: int | None
    """Answers that this run has paid for; None if the store of answers cannot be read."""
    cost: float | None
    """USD that this shard has spent over all runs of the job; None as for `calls`, or if a price is not known."""
    store: str
    """Where this was read: a state folder, or the URL of a store."""
    lease: Mapping[str, Any] | None = None
    """The lease of the run's process in the store: host, age of its last renewal, seconds that it is good for, fence.
    None if there is none.
    """


def newest_runs(folder: Path) -> list[RunStatus]:
    """Those of a job's folder, by shard, without shards of an earlier count.

    Raises:
        JournalError: a database of the job cannot be read.
    """
    try:
        with closing(connect(folder / "journal.sqlite", JOB)) as db:
            rows = db.execute(_NEWEST).fetchall()
            sizes = [_shard(row["shard"]).size for row in rows[:1]]
            newest = [row for row in rows if _shard(row["shard"]).size in sizes]
            products = [db.execute(_PRODUCTS, (row["attempt"],)).fetchone()[0] for row in newest]
        statuses = [_status(folder, row, count) for row, count in zip(newest, products, strict=True)]
    except (sqlite3.Error, ValueError) as exc:
        raise explain(exc, f"journal {folder / 'journal.sqlite'}") from None
    return sorted(statuses, key=lambda status: status.shard.index)


def _status(folder: Path, row: sqlite3.Row, products: int) -> RunStatus:
    shard = _shard(row["shard"])
    config = json.loads(row["config"])
    job_id = config.get("job_id") or unquote(folder.name)
    answers = answers_file(folder.parent, config.get("resolved", {}).get("journal", {}).get("url"))
    report: Mapping[str, Any] = json.loads(row["report"]) if row["report"] else {}
    pid = None if row["finished"] else holder_of(folder / f"lock-{shard.name}")
    calls, cost = _paid(answers, job_id, row["attempt"], shard)
    return RunStatus(
        job_id=job_id,
        shard=shard,
        attempt=row["attempt"],
        state="ended" if row["finished"] else "killed" if pid is None else "running",
        pid=pid,
        started=row["started"],
        finished=row["finished"],
        exit_code=report.get("exit_code"),
        products=products,
        calls=calls,
        cost=cost,
        store=str(folder.parent),
    )


def _paid(file: Path, job_id: str, attempt: int, shard: Shard) -> tuple[int | None, float | None]:
    """Calls of the run, and USD of the shard over all runs."""
    job = stored_text(job_id)
    try:
        with closing(connect(file, layout_of_answers(file))) as db:
            calls = db.execute(_CALLS, (job, attempt, shard.label)).fetchone()[0]
            return calls, read_spending(db, job, shard).cost
    except (sqlite3.Error, JournalError, OSError):
        return None, None


def _shard(label: str) -> Shard:
    index, _, size = label.partition("/")
    return Shard(int(index), int(size))
