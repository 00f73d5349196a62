"""The journal contract against a journal with one fault at a time; `tests/journal/test_contract.py` has it whole."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from querygen_core.journal.run_lock import RunLock
from querygen_core.journal.sqlite import SqliteJournal
from querygen_core.testing import context
from querygen_core.testing.journal import JournalContract
from tests.testing.verdict import catches


class Judged(JournalContract):
    """Not called `Test…`: pytest is not to collect it."""

    kind = SqliteJournal

    def journal(self, folder):
        return self.kind(context(folder))


class Hasty(SqliteJournal):
    """Acknowledges first and writes when there is time."""

    def __init__(self, given):
        super().__init__(given)
        self.later = []

    async def record(self, *args, **given):
        self.later.append(super().record(*args, **given))

    async def aclose(self):
        later, self.later = self.later, []
        await asyncio.gather(*later)
        await super().aclose()


class Optimistic(SqliteJournal):
    """Takes calls whose end nobody saw for calls that were never made."""

    async def spent(self):
        return replace(await super().spent(), indeterminate=0)


class Forgiving(SqliteJournal):
    async def end_call(self, intent, how):
        await super().end_call(intent, "failed")


class Unordered(SqliteJournal):
    async def answers(self, key):
        return list(await super().answers(key))[::-1]


class Trimming(SqliteJournal):
    async def record(self, intent, key, number, response, **given):
        return await super().record(intent, key, number, replace(response, text=response.text.strip()), **given)


class Credulous(SqliteJournal):
    """Takes the second record of a product for another product."""

    async def admit(self, entries):
        return ["pending" if state == "duplicate" else state for state in await super().admit(entries)]


class Amnesiac(SqliteJournal):
    async def admit(self, entries):
        return await super().admit([replace(item, outcome_key=f"{item.outcome_key}?") for item in entries])


class Unbalanced(SqliteJournal):
    async def tally(self):
        tally = await super().tally()
        return replace(tally, kept=tally.kept + 1)


class Current(SqliteJournal):
    """Leaves out of a snapshot what has no outcome in this run."""

    async def snapshot(self, after, limit):
        return [delivery for delivery in await super().snapshot(after, limit) if delivery.current]


class Sorted(SqliteJournal):
    async def completed(self, after, limit):
        return sorted(await super().completed(after, limit), key=lambda delivery: delivery.outcome.ordinal)


class Open(RunLock):
    def take(self):
        pass

    def check(self):
        pass


class Shared(SqliteJournal):
    """Lets two runs work on one job at once."""

    def __init__(self, given):
        super().__init__(given)
        self._lock = Open(self._path, given.job_id)


class Stingy(SqliteJournal):
    async def tries(self, key):
        return 0


class OneCursor(SqliteJournal):
    async def cursor(self, observer):
        return await super().cursor("all")

    async def advance(self, observer, seq):
        await super().advance("all", seq)


class Mute(SqliteJournal):
    async def complete(self, ordinal, result, events=()):
        await super().complete(ordinal, result)


class Silent(SqliteJournal):
    async def add_dead_letters(self, sink, letters):
        pass


@pytest.mark.parametrize(
    ("wrong", "test"),
    [
        (Optimistic, "test_calls_without_an_answer_are_counted"),
        (Forgiving, "test_calls_without_an_answer_are_counted"),
        (Unordered, "test_tries_are_kept_in_order"),
        (Trimming, "test_answers_come_back_as_they_were"),
        (Credulous, "test_says_what_each_record_is"),
        (Amnesiac, "test_what_is_done_is_known_in_the_next_run"),
        (Amnesiac, "test_a_later_run_completes_what_it_knows"),
        (Unbalanced, "test_the_counts_balance"),
        (Unbalanced, "test_counts_are_those_of_this_input"),
        (Current, "test_a_snapshot_keeps_what_an_earlier_run_left"),
        (Sorted, "test_completed_outcomes_come_in_their_order"),
        (Shared, "test_refuses_a_second_run_beside_the_first"),
        (Stingy, "test_retry_grants_a_try_to_what_has_no_usable_answer"),
        (OneCursor, "test_each_observer_has_its_own_cursor"),
        (Mute, "test_events_are_numbered_and_dated"),
        (Silent, "test_dead_letters_of_every_stage"),
    ],
)
def test_a_wrong_journal_is_caught(wrong, test, tmp_path):
    assert catches(type("Wrong", (Judged,), {"kind": wrong}), test, tmp_path)


class JudgedHasty(Judged):
    """At the top of the module, since another process loads it."""

    kind = Hasty


def test_a_journal_that_acknowledges_too_early_is_caught(tmp_path):
    assert catches(JudgedHasty, "test_a_kill_loses_no_acknowledged_answer", tmp_path)
