"""The manifest of one run: a row per input record, so that order, duplicates and balance are queries."""

from __future__ import annotations

import json
import logging
import sqlite3
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from querygen_core.journal.interface import DeadLetter, Entry, Tally
from querygen_core.journal.rows import (
    OUTCOME,
    dropped_counts,
    dump,
    encode_letter,
    encode_outcome,
    outcome_checksum,
    stored_text,
)
from querygen_core.records import Outcome, State

log = logging.getLogger("querygen.journal")

_SETTLED = "FROM manifest m JOIN outcomes o USING(outcome_key) WHERE m.run = ? AND m.state IN ('done', 'short')"
_RETRIED = "('blocked', 'broken')"

GRANT = "INSERT INTO grants VALUES (?, ?) ON CONFLICT(key) DO UPDATE SET extra = max(extra, excluded.extra)"
"""Tries that were granted to a request elsewhere."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What a product came to, as it is stored. Made before there is a transaction, which others wait for."""

    state: State
    outcome: tuple[Any, ...] | None
    letter: str | None

    @classmethod
    def of(cls, result: Outcome | DeadLetter) -> Settled:
        if isinstance(result, DeadLetter):
            return cls("failed", None, encode_letter(result))
        row = {
            "outcome_key": result.outcome_key, "product_key": stored_text(result.product_key), "state": result.state,
            "kept": len(result.queries), "dropped": dropped_counts(result), "reasons": dump(result.reasons),
            "body": encode_outcome(result),
        }  # fmt: skip
        return cls(result.state, (*(row[name] for name in OUTCOME), outcome_checksum(row)), None)


@dataclass(slots=True)
class Manifest:
    """Statements on the rows of one run; all but `tally` need the writing connection."""

    run: int
    settled: int = field(default=0)

    def admit(self, db: sqlite3.Connection, entry: Entry) -> State:
        state, letter, previous = self._judge(db, entry)
        settled = self._next() if state in ("done", "short") else None
        db.execute(
            "INSERT INTO manifest VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                self.run, entry.ordinal, stored_text(entry.key), entry.content_hash, entry.outcome_key,
                stored_text(entry.title), dump(entry.refs), stored_text(entry.raw_ref), state, settled, previous,
                letter and encode_letter(letter),
            ),
        )  # fmt: skip
        return state

    def _judge(self, db: sqlite3.Connection, entry: Entry) -> tuple[State, DeadLetter | None, str | None]:
        """State, dead letter, and the outcome key that an earlier run left for a product without one now."""
        if entry.reject is not None:
            return "rejected", self._rejection(entry), None
        key = stored_text(entry.key)
        seen = db.execute(
            "SELECT content_hash, raw_ref FROM manifest WHERE run = ? AND key = ? AND state != 'rejected'",
            (self.run, key),
        ).fetchone()
        if seen is not None and seen["content_hash"] == entry.content_hash:
            return "duplicate", None, None
        if seen is not None:
            return "rejected", self._conflict(entry, seen["raw_ref"]), None
        known = _find_outcome(db, "outcome_key = ?", entry.outcome_key)
        if known is not None:
            return known["state"], None, None
        previous = _find_outcome(db, "product_key = ? ORDER BY seq DESC LIMIT 1", key)
        return "pending", None, previous["outcome_key"] if previous else None

    def _next(self) -> int:
        self.settled += 1
        return self.settled

    def settle(self, db: sqlite3.Connection, ordinal: int, settled: Settled) -> None:
        if settled.outcome is not None:
            db.execute(_INSERT_OUTCOME, settled.outcome)
        change = (settled.state, self._next() if settled.outcome else None, settled.letter)
        db.execute(
            "UPDATE manifest SET state = ?, settled = ?, letter = ? WHERE run = ? AND ordinal = ?",
            (*change, self.run, ordinal),
        )

    def tally(self, db: sqlite3.Connection) -> Tally:
        run = (self.run,)
        states = dict(db.execute("SELECT state, count(*) FROM manifest WHERE run = ? GROUP BY state", run).fetchall())
        missing = db.execute(
            "SELECT count(DISTINCT product_key) FROM outcomes o WHERE is_mine(product_key) AND NOT EXISTS "
            "(SELECT 1 FROM manifest m WHERE m.run = ? AND m.key = o.product_key)",
            run,
        ).fetchone()[0]
        kept = db.execute(f"SELECT coalesce(sum(o.kept), 0) {_SETTLED}", run).fetchone()[0]
        dropped: Counter[str] = Counter()
        for counts, times in db.execute(f"SELECT o.dropped, count(*) {_SETTLED} GROUP BY 1", run):
            dropped.update({reason: number * times for reason, number in json.loads(counts).items()})
        short: Counter[str] = Counter()
        for reasons, times in db.execute(f"SELECT o.reasons, count(*) {_SETTLED} GROUP BY 1", run):
            for reason in json.loads(reasons).values():
                short[reason] += times
        return Tally(states=states, not_in_input=missing, kept=kept, dropped=dict(dropped), short=dict(short))

    def _rejection(self, entry: Entry) -> DeadLetter:
        reject = entry.reject
        assert reject is not None  # noqa: S101 - asked before
        file, line = (reject.file, reject.line) if reject.file else entry.place
        return DeadLetter(
            stage=entry.stage, reason=reject.reason, message=reject.message, product_key=reject.key or entry.key,
            file=file, line=line, raw=reject.raw, attempt=self.run,
        )  # fmt: skip

    def _conflict(self, entry: Entry, first: str) -> DeadLetter:
        file, line = entry.place
        return DeadLetter(
            stage="input",
            reason="conflict",
            message=f"the same product with other content was read before, at {first or 'an earlier place'}; keep one",
            product_key=entry.key,
            file=file,
            line=line,
            attempt=self.run,
        )


def grant_retry(db: sqlite3.Connection) -> int:
    granted = db.execute(
        "INSERT INTO grants SELECT key, 1 FROM answers GROUP BY key HAVING max(usable) = 0 "
        "ON CONFLICT(key) DO UPDATE SET extra = extra + 1"
    ).rowcount
    db.execute(
        "DELETE FROM outcomes WHERE state = 'short' AND EXISTS "
        f"(SELECT 1 FROM json_each(outcomes.reasons) WHERE value IN {_RETRIED})"
    )
    return granted


def intact(stored: bytes, right: bytes, what: str) -> bool:
    """Whether a row with the checksum `stored` is what was written; says so in the log if not."""
    if stored != right:
        log.warning("%s is damaged in the journal and is treated as absent", what)
    return stored == right


def _find_outcome(db: sqlite3.Connection, where: str, value: str) -> sqlite3.Row | None:
    query = f"SELECT {', '.join(OUTCOME)}, checksum FROM outcomes WHERE {where}"
    row: sqlite3.Row | None = db.execute(query, (value,)).fetchone()
    if row is None or not intact(row["checksum"], outcome_checksum(row), f"an outcome of {row['product_key']}"):
        return None
    return row


_INSERT_OUTCOME = (
    f"INSERT OR REPLACE INTO outcomes({', '.join(OUTCOME)}, checksum) VALUES ({', '.join('?' * (len(OUTCOME) + 1))})"
)
