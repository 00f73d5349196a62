"""The manifest of one run: a row per input record, so that order, duplicates and balance are SQL queries."""

from __future__ import annotations

import json
import logging
import sqlite3
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from querygen_core.contracts.dead_letter import DeadLetter
from querygen_core.contracts.journal import ManifestEntry, Tally, place_of
from querygen_core.contracts.records import Outcome, Reject, State
from querygen_core.journal.codec import (
    OUTCOME_COLUMNS,
    dropped_counts,
    dump,
    encode_dead_letter,
    encode_outcome,
    outcome_checksum,
    stored_text,
)

log = logging.getLogger("querygen.journal")

_COMPLETED = "FROM manifest m JOIN outcomes o USING(outcome_key) WHERE m.run = ? AND m.state IN ('done', 'short')"
_RETRIED = "('blocked', 'broken')"  # reasons of a shortfall that another answer may mend

INSERT_OUTCOME = (
    f"INSERT OR REPLACE INTO outcomes({', '.join(OUTCOME_COLUMNS)}, checksum) "
    f"VALUES ({', '.join('?' for _ in OUTCOME_COLUMNS)}, ?)"
)
"""Stores an outcome, given as `CompletedProduct.outcome`."""

KEEP_PRODUCT = (
    "INSERT INTO products VALUES (?, ?, ?) ON CONFLICT(key) DO UPDATE SET refs = excluded.refs, "
    "version = excluded.version WHERE (refs, version) != (excluded.refs, excluded.version)"
)
"""Keeps what a sink must know of a product that left the input: key, refs as JSON, version."""


@dataclass(frozen=True, slots=True)
class CompletedProduct:
    """A finished product in its stored form. Encoded before the transaction, because others wait for its end."""

    state: State
    """`done`, `short` or `failed`."""
    outcome: tuple[Any, ...] | None
    """The row of `outcomes`; None for a product that failed."""
    dead_letter: str | None
    """JSON; None for a product that has an outcome."""

    @classmethod
    def of(cls, result: Outcome | DeadLetter) -> CompletedProduct:
        if isinstance(result, DeadLetter):
            return cls("failed", None, encode_dead_letter(result))
        row = {
            "outcome_key": result.outcome_key,
            "product_key": stored_text(result.product_key),
            "state": result.state,
            "kept": len(result.queries),
            "dropped": dropped_counts(result),
            "reasons": dump(result.reasons),
            "body": encode_outcome(result),
        }
        return cls(result.state, (*(row[name] for name in OUTCOME_COLUMNS), outcome_checksum(row)), None)


@dataclass(slots=True)
class Manifest:
    """Statements on the rows of one run; all but `tally` need the writing connection."""

    run: int
    """The attempt whose rows these are."""
    completed: int = field(default=0)
    """The position given to the last completed product, from 1: sinks read outcomes in this order."""

    def admit(self, db: sqlite3.Connection, entry: ManifestEntry) -> State:
        """Add a row and return the product's state: final, or `pending` if it has to be generated."""
        if entry.reject is None:
            self._see(db, entry)
        state, dead_letter, previous = self._classify(db, entry)
        completed = self._next_position() if state in ("done", "short") else None
        db.execute(
            "INSERT INTO manifest VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                self.run,
                entry.ordinal,
                stored_text(entry.key),
                entry.content_hash,
                entry.outcome_key,
                stored_text(entry.title),
                dump(entry.refs),
                stored_text(entry.raw_ref),
                entry.version,
                state,
                completed,
                previous,
                dead_letter and encode_dead_letter(dead_letter),
            ),
        )
        return state

    def _see(self, db: sqlite3.Connection, entry: ManifestEntry) -> None:
        """Note that the product is in the input: it no longer counts as withdrawn or as another machine's. Should it
        leave, a sink must know what it was.
        """
        key = stored_text(entry.key)
        db.execute("DELETE FROM outcomes WHERE product_key = ? AND state IN ('deleted', 'elsewhere')", (key,))
        if entry.refs or entry.version:
            db.execute(KEEP_PRODUCT, (key, dump(entry.refs), entry.version))

    def _classify(self, db: sqlite3.Connection, entry: ManifestEntry) -> tuple[State, DeadLetter | None, str | None]:
        """Return the state, the dead letter, and the key of the outcome of an earlier run if this run has none yet."""
        if entry.reject is not None:
            return "rejected", entry.rejection(attempt=self.run), None
        key = stored_text(entry.key)
        # A rejected record does not occupy its key: a good record with the same key may follow.
        earlier_row = db.execute(
            # SQLite would search all rows of the run: it takes them for few.
            "SELECT content_hash, raw_ref FROM manifest INDEXED BY manifest_key "
            "WHERE run = ? AND key = ? AND state != 'rejected'",
            (self.run, key),
        ).fetchone()
        if earlier_row is not None and earlier_row["content_hash"] == entry.content_hash:
            return "duplicate", None, None
        if earlier_row is not None:
            return "rejected", entry.rejection(_conflict(earlier_row["raw_ref"]), self.run), None
        outcome = find_outcome(db, "outcome_key = ?", entry.outcome_key)
        if outcome is not None:  # nothing that makes it has changed, so no request is even rendered
            return outcome["state"], None, None
        previous = find_outcome(db, "product_key = ? AND state IN ('done', 'short') ORDER BY seq DESC LIMIT 1", key)
        return "pending", None, previous["outcome_key"] if previous else None

    def _next_position(self) -> int:
        self.completed += 1
        return self.completed

    def complete(self, db: sqlite3.Connection, ordinal: int, completed: CompletedProduct) -> None:
        """Store a finished product and set its row's state."""
        if completed.outcome is not None:
            db.execute(INSERT_OUTCOME, completed.outcome)
        change = (completed.state, self._next_position() if completed.outcome else None, completed.dead_letter)
        db.execute(
            "UPDATE manifest SET state = ?, completed = ?, dead_letter = ? WHERE run = ? AND ordinal = ?",
            (*change, self.run, ordinal),
        )

    def retire(self, db: sqlite3.Connection, outcome: Outcome, refs: str, *, known: bool) -> None:
        """Add a row for a product that is not in the input. refs: as stored. known: an earlier run has withdrawn it, so
        that it counts no more, but its outcome is delivered again.
        """
        db.execute(
            "INSERT INTO manifest(run, ordinal, key, content_hash, outcome_key, title, refs, raw_ref, version, state, "
            "completed, previous) VALUES (?, ?, ?, '', ?, ?, ?, '', ?, 'deleted', ?, ?)",
            (
                self.run,
                outcome.ordinal,
                outcome.product_key,
                outcome.outcome_key,
                stored_text(outcome.title),
                refs,
                outcome.version,
                self._next_position(),
                outcome.outcome_key if known else None,
            ),
        )

    def places(self, db: sqlite3.Connection, product_keys: Iterable[str]) -> dict[str, tuple[str, int | None]]:
        """File and line where each of these products was read, by key. Without those that are not in the input."""
        found = {}
        query = (
            "SELECT raw_ref FROM manifest INDEXED BY manifest_key "
            "WHERE run = ? AND key = ? AND state NOT IN ('rejected', 'duplicate')"
        )
        for key in product_keys:
            row = db.execute(query, (self.run, stored_text(key))).fetchone()
            if row is not None:
                found[key] = place_of(row["raw_ref"])
        return found

    def tally(self, db: sqlite3.Connection) -> Tally:
        """Count the run's rows. Needs the SQL function `is_mine`, which says whether a product is this shard's."""
        run = (self.run,)
        # Of the products that earlier runs have withdrawn nothing is counted.
        counted = "SELECT state, count(*) FROM manifest WHERE run = ? AND (state != 'deleted' OR previous IS NULL)"
        states = dict(db.execute(f"{counted} GROUP BY state", run).fetchall())
        missing = db.execute(
            "SELECT count(DISTINCT product_key) FROM outcomes o WHERE is_mine(product_key) AND NOT EXISTS "
            "(SELECT 1 FROM manifest m WHERE m.run = ? AND m.key = o.product_key) AND NOT EXISTS "
            "(SELECT 1 FROM outcomes d WHERE d.product_key = o.product_key AND d.state = 'deleted')",
            run,
        ).fetchone()[0]
        # SQLite takes the ordinal from the row that has the minimum.
        sums = "SELECT coalesce(sum(o.kept), 0), min(o.kept), m.ordinal"
        kept, _, poorest = db.execute(f"{sums} {_COMPLETED}", run).fetchone()
        dropped: Counter[str] = Counter()
        for counts, products in db.execute(f"SELECT o.dropped, count(*) {_COMPLETED} GROUP BY 1", run):
            dropped.update({reason: number * products for reason, number in json.loads(counts).items()})
        short: Counter[str] = Counter()
        for reasons, products in db.execute(f"SELECT o.reasons, count(*) {_COMPLETED} GROUP BY 1", run):
            for reason in json.loads(reasons).values():
                short[reason] += products
        return Tally(
            states=states, not_in_input=missing, kept=kept, dropped=dict(dropped), short=dict(short), poorest=poorest
        )


def _conflict(first: str) -> Reject:
    """first: where the other product with the key was read."""
    message = f"another product with this key was read before, at {first or 'an earlier place'}; keep one"
    return Reject(reason="conflict", message=message)


def forget_short_outcomes(db: sqlite3.Connection) -> None:
    """Delete the outcomes that another answer may mend, so that their products are generated again."""
    db.execute(
        "DELETE FROM outcomes WHERE state = 'short' AND EXISTS "
        f"(SELECT 1 FROM json_each(outcomes.reasons) WHERE value IN {_RETRIED})"
    )


def intact(stored: bytes, computed: bytes, what: str) -> bool:
    """Whether a row's stored checksum is that of its content. If not, a warning is logged. what: names the row."""
    if stored != computed:
        log.warning("%s is damaged in the journal and is treated as absent", what)
    return stored == computed


def intact_outcome(row: sqlite3.Row) -> bool:
    return intact(row["checksum"], outcome_checksum(row), f"an outcome of {row['product_key']}")


def find_outcome(db: sqlite3.Connection, where: str, value: str) -> sqlite3.Row | None:
    """The first outcome that fits, unless it is damaged."""
    query = f"SELECT {', '.join(OUTCOME_COLUMNS)}, checksum FROM outcomes WHERE {where}"
    row: sqlite3.Row | None = db.execute(query, (value,)).fetchone()
    return row if row is not None and intact_outcome(row) else None
