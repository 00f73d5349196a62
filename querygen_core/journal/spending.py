"""What a job has spent, kept by the shard that spent it, so that a budget can be shared among any number of them."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from querygen_core.context import Shard
from querygen_core.journal.interface import Kept, Spent


def name_of(shard: Shard) -> str:
    return f"{shard.index}/{shard.size}"


def spend(db: sqlite3.Connection, kept: Kept) -> None:
    """Count one paid answer."""
    used = kept.response.usage
    tokens = (used.input or 0) + (used.output or 0) + (used.thinking or 0)
    db.execute(
        "INSERT INTO spent VALUES (?, 1, ?, ?) ON CONFLICT(shard) DO UPDATE SET "
        "calls = calls + 1, tokens = tokens + excluded.tokens, cost = cost + excluded.cost",
        (kept.shard, tokens, kept.cost),
    )


def spent_by(db: sqlite3.Connection, shard: Shard) -> Spent:
    states = dict(db.execute("SELECT state, count(*) FROM intents WHERE shard = ? GROUP BY 1", (name_of(shard),)))
    calls, tokens, cost = share_of(db.execute("SELECT * FROM spent").fetchall(), shard)
    return Spent(
        calls=calls, tokens=tokens, cost=cost, indeterminate=states.get("open", 0), abandoned=states.get("abandoned", 0)
    )


def share_of(rows: Sequence[Mapping[str, Any] | sqlite3.Row], shard: Shard) -> tuple[int, int, float]:
    """Calls, tokens and cost that count for one shard: its own, and a part of what the job spent when it was cut into
    another number of shards. The shares of all shards add up to no less than all that was spent.
    """
    calls = tokens = cost = 0.0
    for row in rows:
        index, _, size = row["shard"].partition("/")
        part = 1 / shard.size if int(size) != shard.size else float(int(index) == shard.index)
        calls, tokens, cost = calls + part * row["calls"], tokens + part * row["tokens"], cost + part * row["cost"]
    return math.ceil(calls), math.ceil(tokens), cost
