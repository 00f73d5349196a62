"""The journal against a model of it that is a few dictionaries, through any order of calls and reopenings."""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from querygen_core.contracts.dead_letter import DeadLetter
from querygen_core.contracts.journal import ManifestEntry
from querygen_core.contracts.records import Outcome, Query, Response
from querygen_core.journal.sqlite import SqliteJournal
from querygen_core.testing import context

pytestmark = pytest.mark.slow

_KEYS = st.sampled_from("abc")
_TEXTS = st.sampled_from(["", "Is it red?", "\ud800", "x\x00y", "é" * 300])


@dataclass
class Row:
    """A record of the model's manifest. previous: the outcome key that an earlier run left."""

    entry: ManifestEntry
    state: str
    previous: str | None = None


class Journals(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.answers: dict[str, dict[int, tuple[str, bool]]] = {}
        self.grants: Counter[str] = Counter()
        self.outcomes: dict[str, Outcome] = {}
        self.rows: list[Row] = []
        self.calls = self.open = self.runs = 0
        self.journal: SqliteJournal | None = None

    def call(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run(work)

    @initialize()
    def first_run(self) -> None:
        self._open()

    @rule()
    def next_run(self) -> None:
        self._close()
        self._open()

    def _open(self) -> None:
        self.journal = SqliteJournal(context(Path(self.folder.name)))
        self.runs += 1
        assert self.call(self.journal.begin({"run": self.runs})) == self.runs
        self.rows = []

    def _close(self) -> None:
        if self.journal is not None:
            self.call(self.journal.aclose())

    @rule(key=_KEYS, number=st.integers(0, 2), text=_TEXTS, usable=st.booleans())
    def answer(self, key: str, number: int, text: str, usable: bool) -> None:
        call = self.call(self.journal.begin_call(key, number))
        if number in self.answers.get(key, {}):
            assert call == "asked"
            return
        recorded = self.call(self.journal.record(call, key, number, Response(text=text), usable=usable))
        assert (recorded.response.text, recorded.duplicate) == (text, False)
        self.answers.setdefault(key, {})[number] = (text, usable)
        self.calls += 1

    @rule(key=_KEYS, number=st.integers(0, 2), text=_TEXTS, usable=st.booleans())
    def answer_at_once_with_another_process(self, key: str, number: int, text: str, usable: bool) -> None:
        """Both have asked; the answer that comes first is the one that counts, and both are paid for."""
        calls = [self.call(self.journal.begin_call(key, number)) for _ in range(2)]
        if number in self.answers.get(key, {}):
            assert calls == ["asked", "asked"]
            return
        for call, mine in zip(calls, (text, "late"), strict=True):
            recorded = self.call(self.journal.record(call, key, number, Response(text=mine), usable=usable))
            assert (recorded.response.text, recorded.duplicate) == (text, call != calls[0])
        self.answers.setdefault(key, {})[number] = (text, usable)
        self.calls += 2

    @rule(key=_KEYS)
    def call_without_an_end(self, key: str) -> None:
        self.open += isinstance(self.call(self.journal.begin_call(key, 0)), int)

    @rule(product=_KEYS, content=st.integers(0, 1), recipe=st.integers(0, 1))
    def admit(self, product: str, content: int, recipe: int) -> None:
        entry = ManifestEntry(
            ordinal=len(self.rows),
            key=product,
            content_hash=f"{content}",
            outcome_key=f"{product}{content}{recipe}",
            title=f"Product {product}",
        )
        row = self._judge(entry)
        assert self.call(self.journal.admit([entry])) == [row.state]
        self.rows.append(row)

    def _judge(self, entry: ManifestEntry) -> Row:
        seen = [row for row in self.rows if row.entry.key == entry.key and row.state != "rejected"]
        if seen:
            same = seen[0].entry.content_hash == entry.content_hash
            return Row(entry, "duplicate" if same else "rejected")
        if entry.outcome_key in self.outcomes:
            return Row(entry, self.outcomes[entry.outcome_key].state)
        earlier = [key for key, outcome in self.outcomes.items() if outcome.product_key == entry.key]
        return Row(entry, "pending", earlier[-1] if earlier else None)

    def _pending(self) -> list[Row]:
        return [row for row in self.rows if row.state == "pending"]

    @precondition(lambda self: self._pending())
    @rule(data=st.data(), texts=st.lists(_TEXTS, max_size=3), reason=st.sampled_from(["", "facts", "blocked"]))
    def settle(self, data: st.DataObject, texts: list[str], reason: str) -> None:
        row = data.draw(st.sampled_from(self._pending()))
        outcome = Outcome(
            product_key=row.entry.key,
            title="",
            content_hash=row.entry.content_hash,
            outcome_key=row.entry.outcome_key,
            state="short" if reason else "done",
            queries=tuple(Query(text=text) for text in texts),
            dropped=(Query(text="no", dropped="f/bad"),),
            reasons={"market": reason} if reason else {},
            ordinal=row.entry.ordinal,
        )
        self.call(self.journal.complete(row.entry.ordinal, outcome))
        row.state = outcome.state
        self.outcomes.pop(outcome.outcome_key, None)
        self.outcomes[outcome.outcome_key] = outcome

    @precondition(lambda self: self._pending())
    @rule(data=st.data())
    def fail(self, data: st.DataObject) -> None:
        row = data.draw(st.sampled_from(self._pending()))
        self.call(self.journal.complete(row.entry.ordinal, DeadLetter(stage="generate", reason="x", message="y")))
        row.state = "failed"

    @precondition(lambda self: not self.rows)
    @rule()
    def grant_retry(self) -> None:
        unusable = {key for key, tries in self.answers.items() if not any(usable for _, usable in tries.values())}
        assert self.call(self.journal.grant_retry()) == len(unusable)
        self.grants.update(unusable)
        self.outcomes = {
            key: outcome for key, outcome in self.outcomes.items() if "blocked" not in outcome.reasons.values()
        }

    @rule(key=_KEYS)
    def look_up(self, key: str) -> None:
        stored = self.call(self.journal.answers(key))
        assert {item.number: item.response.text for item in stored} == {
            number: text for number, (text, _) in self.answers.get(key, {}).items()
        }
        assert [item.number for item in stored] == sorted(item.number for item in stored)
        assert self.call(self.journal.tries(key)) == self.grants[key]

    @invariant()
    def counts_agree(self) -> None:
        if self.journal is None:
            return
        tally, spent = self.call(self.journal.tally()), self.call(self.journal.spent())
        assert dict(tally.states) == dict(Counter(row.state for row in self.rows))
        finished = [self.outcomes[row.entry.outcome_key] for row in self.rows if row.state in ("done", "short")]
        assert tally.kept == sum(len(outcome.queries) for outcome in finished)
        assert sum(tally.dropped.values()) == len(finished)
        assert tally.short == dict(Counter(reason for outcome in finished for reason in outcome.reasons.values()))
        left = {outcome.product_key for outcome in self.outcomes.values()} - {row.entry.key for row in self.rows}
        assert tally.not_in_input == len(left)
        assert (spent.calls, spent.indeterminate) == (self.calls, self.open)

    @rule(limit=st.integers(1, 3))
    def read_snapshot(self, limit: int) -> None:
        expected = [
            (row.entry.ordinal, key, row.state in ("done", "short"))
            for row in self.rows
            if (key := self._shown(row)) is not None
        ]
        found, position = [], -1
        while page := self.call(self.journal.snapshot(position, limit)):
            found += [(item.outcome.ordinal, item.outcome.outcome_key, item.current) for item in page]
            position = page[-1].position
        assert found == expected

    def _shown(self, row: Row) -> str | None:
        """The key of the outcome that a snapshot has of it: "" if there was none, None if it has no place there."""
        if row.state in ("done", "short"):
            return row.entry.outcome_key
        return (row.previous or "") if row.state in ("pending", "failed") else None

    def teardown(self) -> None:
        self._close()
        self.folder.cleanup()


TestJournals = Journals.TestCase
TestJournals.settings = settings(max_examples=20, stateful_step_count=20, deadline=None)
