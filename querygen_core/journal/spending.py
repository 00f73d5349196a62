"""Spending by job, shard and day: a budget can be shared whatever the number of shards in the next run."""

from __future__ import annotations

import math
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from querygen_core.contracts.context import Shard
from querygen_core.contracts.journal import AnswerRecord, Spent
from querygen_core.journal.codec import stored_text
from querygen_core.journal.owner import lives
from querygen_core.journal.row_checks import sound

_SUM = "CASE WHEN count(*) = count(cost) THEN sum(cost) END AS cost"
"""Null if one of the amounts is, as SQLite reads NaN, to which a flipped bit can lead. `sum` would leave it out."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Where a database has what it knows of spending."""

    spent: str
    """The table, or a view, of what was paid."""
    noted_calls: str | None = None
    """The table of other machines' calls without an answer; None if only this machine uses the database."""


LOCAL = Sources("spent")
SHARED = Sources("spending", "noted_calls")

_ELSEWHERE = "NOT EXISTS (SELECT 1 FROM calls c WHERE c.job = n.job AND c.run = n.run)"
"""Runs of this machine have their calls here, and write notes as well."""


def add_spending(db: sqlite3.Connection, answer: AnswerRecord) -> None:
    """Add one paid answer to the sums of its job's run, by the day on which it was stored."""
    if answer.response.finish in ("refused", "failed"):  # a note of the engine: nothing was paid
        return
    usage = answer.response.usage
    tokens = (usage.input or 0) + (usage.output or 0) + (usage.thinking or 0)
    db.execute(
        "INSERT INTO spent VALUES (?, ?, ?, ?, 1, ?, ?) ON CONFLICT(job, run, shard, day) DO UPDATE SET "
        "calls = calls + 1, tokens = tokens + excluded.tokens, cost = cost + excluded.cost",
        (stored_text(answer.job), answer.run, answer.shard, answer.time[:10], tokens, answer.cost),
    )


def raise_spending(db: sqlite3.Connection, answers: Iterable[AnswerRecord]) -> None:
    """Raise each sum to that of the stored answers, for sums that were lost or are of an earlier time."""
    db.execute("CREATE TEMP TABLE spent AS SELECT * FROM main.spent WHERE false")
    db.execute("CREATE UNIQUE INDEX temp.spent_place ON spent(job, run, shard, day)")
    for answer in answers:
        add_spending(db, answer)
    db.execute(
        "INSERT INTO main.spent SELECT * FROM temp.spent WHERE true ON CONFLICT(job, run, shard, day) DO UPDATE SET "
        "calls = max(calls, excluded.calls), tokens = max(tokens, excluded.tokens), cost = max(cost, excluded.cost)"
    )
    db.execute("DROP TABLE temp.spent")


def read_spending(db: sqlite3.Connection, job: str, shard: Shard, sources: Sources = LOCAL) -> Spent:
    """What counts against this shard's part of the job's budget, and its calls whose outcome is not known."""
    without_answer: Counter[str] = Counter()
    unanswered = _unanswered(db, job, sources)
    for row in unanswered:
        without_answer[row["state"]] += math.ceil(_fraction(row["shard"], shard) * row["calls"])
    rows = db.execute(
        f"SELECT shard, sum(calls) AS calls, sum(tokens) AS tokens, {_SUM} FROM {sources.spent} WHERE job = ? "
        "GROUP BY shard",
        (job,),
    )
    sums = [sound(row, f"what job {job!r} has spent") for row in rows.fetchall()]
    calls, tokens, cost = spending_share(sums, shard)
    unanswered_calls, unanswered_tokens, unanswered_cost = spending_share(unanswered, shard)
    return Spent(
        calls=calls,
        tokens=tokens,
        cost=cost,
        indeterminate=without_answer["open"] + without_answer["lost"],
        abandoned=without_answer["abandoned"],
        unanswered_calls=unanswered_calls,
        unanswered_tokens=unanswered_tokens,
        unanswered_cost=unanswered_cost,
    )


def _unanswered(db: sqlite3.Connection, job: str, sources: Sources) -> list[sqlite3.Row]:
    """The job's calls without an answer by shard and state; those that only a note of another machine tells of are
    `noted`.
    """
    query = (
        f"SELECT shard, state, count(*) AS calls, sum(tokens) AS tokens, {_SUM} FROM calls WHERE job = ? GROUP BY 1, 2"
    )
    rows = db.execute(query, (job,)).fetchall()
    if sources.noted_calls is not None:
        query = (
            f"SELECT shard, 'noted' AS state, sum(calls) AS calls, sum(tokens) AS tokens, {_SUM} "
            f"FROM {sources.noted_calls} n WHERE job = ? AND {_ELSEWHERE} GROUP BY shard"
        )
        rows += db.execute(query, (job,)).fetchall()
    return [sound(row, f"a call of job {job!r}") for row in rows]


@dataclass(frozen=True, slots=True)
class DaySpending:
    """What all jobs have spent on one day (UTC), in USD."""

    spent: float
    """Paid, or perhaps paid by calls that are over without an answer, at most."""
    under_way: float
    """Most that the calls can cost whose processes may still get their answers."""


def paid_on(db: sqlite3.Connection, day: str, now: str, sources: Sources = LOCAL) -> DaySpending:
    """day: `2026-11-30`. now: the time, as the journal stores it."""
    paid = 0.0
    for row in db.execute(f"SELECT {_SUM} FROM {sources.spent} WHERE day = ? GROUP BY day", (day,)).fetchall():
        paid += sound(row, "what was spent today")["cost"]
    under_way = 0.0
    calls = f"SELECT owner, state = 'open' AND until > ? AS open, {_SUM} FROM calls WHERE time >= ? GROUP BY 1, 2"
    for row in db.execute(calls, (now, day)).fetchall():
        sound(row, "a call")
        if row["open"] and lives(row["owner"]):
            under_way += row["cost"]
        else:
            paid += row["cost"]
    if sources.noted_calls is not None:
        noted = (
            f"SELECT until > ? AS open, {_SUM} FROM {sources.noted_calls} n WHERE day = ? AND {_ELSEWHERE} GROUP BY 1"
        )
        for row in db.execute(noted, (now, day)).fetchall():
            cost = sound(row, "a call of another machine")["cost"]
            paid, under_way = (paid, under_way + cost) if row["open"] else (paid + cost, under_way)
    return DaySpending(paid, under_way)


def _fraction(label: str, shard: Shard) -> float:
    """The part of what a shard `label` did that counts for `shard`: all or nothing if the job had as many shards then,
    else an equal part.
    """
    index, _, size = label.partition("/")
    return 1 / shard.size if int(size) != shard.size else float(int(index) == shard.index)


def spending_share(rows: Sequence[Mapping[str, Any] | sqlite3.Row], shard: Shard) -> tuple[int, int, float]:
    """Calls, tokens and cost (USD) that count for one shard.

    rows: the sums of the table `spent` by shard. What was spent by runs with this number of shards counts for the shard
    that spent it, what was spent with another number is divided equally. Rounded up, so that all shares together cover
    all spending.
    """
    calls = tokens = cost = 0.0
    for row in rows:
        fraction = _fraction(row["shard"], shard)
        calls += fraction * row["calls"]
        tokens += fraction * row["tokens"]
        cost += fraction * row["cost"]
    return math.ceil(calls), math.ceil(tokens), cost
