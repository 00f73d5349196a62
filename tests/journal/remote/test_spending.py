"""What other machines have spent counts: for the job's budget, and for the day's budget of all jobs."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from querygen_core.api import Shard, partition_of
from querygen_core.journal.remote import spending_notes
from tests.journal.remote.place import KEY, OTHER, answer, nothing, pay, texts


def today() -> str:
    return f"{datetime.now(UTC):%Y-%m-%d}"


async def spent(journal):
    known = await journal.spent()
    return known.calls, known.tokens, known.cost


def test_a_run_notes_what_it_spends_for_its_job_and_for_the_day(place, tmp_path):
    place.opened(tmp_path / "a", lambda journal: pay(journal, "one"), job_id="a/b")
    (name,) = place.names(f"spent/{today()}/")
    assert name == f"spent/{today()}/a%2Fb/1.json"
    note = json.loads(place.body(name))
    assert note.pop("sha256")
    assert note == {"job": "a/b", "run": 1, "shard": "0/1", "days": {today(): [1, 12, 0.25]}}


def test_what_was_spent_is_known_without_its_answers(place, tmp_path):
    """Another shard's answers are not read, but count for the budget when the job has another size."""
    elsewhere = Shard(1 - partition_of("", 64) % 2, 2)
    place.opened(tmp_path / "a", lambda journal: pay(journal, "one"), shard=elsewhere)
    place.delete("segments/")
    assert place.opened(tmp_path / "b", spent, shard=elsewhere) == (1, 12, 0.25)
    assert place.opened(tmp_path / "c", spent) == (1, 12, 0.25)
    assert place.opened(tmp_path / "a", spent) == (1, 12, 0.25), "nor does the disk that paid count it twice"


def test_what_a_killed_run_could_not_note_counts_when_it_is_found(place, tmp_path, monkeypatch):
    async def more(journal):
        before = await spent(journal)
        await texts(journal)
        await texts(journal, OTHER)
        return before, await spent(journal)

    async def two(journal):
        await pay(journal, "one")
        await journal._notes.write()
        await pay(journal, "two", OTHER)

    place.abandon(tmp_path / "a", two, shard=Shard(0, 2))
    assert place.opened(tmp_path / "b", more) == ((1, 12, 0.25), (2, 24, 0.5))
    assert place.opened(tmp_path / "b", more) == ((2, 24, 0.5), (2, 24, 0.5))


def test_another_job_s_spending_counts_for_the_day_only(place, tmp_path):
    async def budgeted(journal):
        assert await spent(journal) == (0, 0, 0)
        return [await journal.begin_call(OTHER, 0, cost=0.25, day_budget=limit) for limit in (0.49, 0.5)]

    place.opened(tmp_path / "a", lambda journal: pay(journal, "one"), job_id="other")
    refused, call = place.opened(tmp_path / "b", budgeted)
    assert refused == "budget"
    assert isinstance(call, int)


async def unanswered(journal):
    known = await journal.spent()
    return known.unanswered_calls, known.unanswered_tokens, known.unanswered_cost


async def ask(journal):
    """Two calls, of which one is lost and one is under way when the run is noted."""
    lost = await journal.begin_call(KEY, 0, cost=0.25, tokens=700)
    await journal.end_call(lost, "lost")
    await journal.begin_call(OTHER, 0, cost=0.125, tokens=300)
    await journal._notes.write()


def test_calls_without_an_answer_of_a_machine_that_went_away_count(place, tmp_path):
    place.abandon(tmp_path / "a", ask, shard=Shard(0, 2))
    assert place.opened(tmp_path / "b", unanswered) == (2, 1000, 0.375)
    assert place.opened(tmp_path / "b", unanswered, shard=Shard(1, 2)) == (0, 0, 0), "the other shard has its own share"
    assert place.opened(tmp_path / "a", unanswered) == (2, 1000, 0.375), "its own disk does not count them twice"


def test_calls_that_got_their_answers_are_noted_no_longer(place, tmp_path):
    async def work(journal):
        await ask(journal)
        await journal.record(2, OTHER, 0, answer("two"), usable=True)

    place.opened(tmp_path / "a", work)
    assert place.opened(tmp_path / "b", unanswered) == (1, 700, 0.25)


def test_calls_of_another_machine_count_for_the_day_until_they_are_over(place, tmp_path):
    async def refusals(journal):
        sums = (0.624, 0.625, 0.499)
        return [await journal.begin_call("c" * 64, 0, cost=0.25, day_budget=limit) for limit in sums]

    async def paused(journal):
        await ask(journal)
        return await other(journal)

    async def other(journal):
        second = place.journal(tmp_path / "b", job_id="second")
        await second.begin({})
        try:
            return await refusals(second)
        finally:
            await second.aclose()

    busy, call, none = place.opened(tmp_path / "a", paused, job_id="first")
    assert (busy, isinstance(call, int), none) == ("busy", True, "budget")


@pytest.mark.slow
def test_an_answer_that_the_store_took_before_a_kill_is_counted_once(place, tmp_path):
    async def killed(journal):
        await journal.begin_call(KEY, 0, cost=0.5, tokens=700)
        await journal._store.put(journal._cache.paid(KEY, 0, answer("one"), usable=True, cost=0.25))

    async def found(journal):
        before = await unanswered(journal)
        return before, await texts(journal), await unanswered(journal), await spent(journal)

    place.abandon(tmp_path / "a", killed)
    assert place.opened(tmp_path / "a", found) == ((1, 700, 0.5), ["one"], (0, 0, 0), (1, 12, 0.25))


def test_spending_of_the_same_moment_is_seen_within_twenty_seconds(place, tmp_path, monkeypatch):
    monkeypatch.setattr(spending_notes, "_EVERY", 0.05)

    async def budgeted(journal):
        before = await journal.begin_call(OTHER, 0, cost=0.1, day_budget=0.3)
        assert isinstance(before, int)
        await journal.end_call(before, "failed")
        other = place.journal(tmp_path / "a", job_id="other")
        await other.begin({})
        try:
            await pay(other, "one", KEY)
            while isinstance(call := await journal.begin_call(OTHER, 0, cost=0.1, day_budget=0.3), int):
                await journal.end_call(call, "failed")
        finally:
            await other.aclose()
        return call

    assert place.opened(tmp_path / "b", budgeted) == "budget"


def test_a_note_that_is_damaged_counts_nothing(place, tmp_path):
    place.opened(tmp_path / "a", lambda journal: pay(journal, "one"))
    for name in (*place.names("spent/"), *place.names(f"spent/{today()}/")):
        place.put(name, b'{"job": "test-job", "days": [1]}')
    assert place.opened(tmp_path / "b", spent)[0] in {0, 1}
    place.opened(tmp_path / "b", nothing)


@pytest.mark.slow
def test_notes_that_cannot_be_written_end_no_run(place, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(spending_notes, "_EVERY", 0.05)

    async def work(journal):
        await pay(journal, "one")
        place.store.on("create|replace", "/spent/")
        while "could not be noted" not in caplog.text:
            await journal.spent()
        place.store.faults.clear()
        return await texts(journal)

    assert place.opened(tmp_path, work) == ["one"]
