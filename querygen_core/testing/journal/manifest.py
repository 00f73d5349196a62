from __future__ import annotations

from querygen_core.contracts.journal import Journal
from querygen_core.testing.journal.job import (
    JournalJob,
    answered,
    done,
    entry,
    letter,
    letters,
    rejected,
    states,
)
from querygen_core.testing.samples import HOSTILE, query, response


class Manifest(JournalJob):
    """Checks that every input record is in exactly one state, and that the counts balance."""

    def test_says_what_each_record_is(self) -> None:
        async def work(journal: Journal) -> list[str]:
            entries = [entry(0, "1"), entry(1, "2"), entry(2, "1"), entry(3, "1", content="other"), rejected(4)]
            admitted = [*await journal.admit(entries), *await journal.admit([entry(5, "2"), entry(6, "3")])]
            assert [item.reason for item in await letters(journal)] == ["conflict", "no_title"]
            return list(admitted)

        assert self.run(work) == ["pending", "pending", "duplicate", "rejected", "rejected", "duplicate", "pending"]

    def test_knows_where_a_product_was_read(self) -> None:
        async def work(journal: Journal) -> dict[str, tuple[str, int | None]]:
            await journal.admit([entry(0, "1"), entry(1, "2"), entry(2, "1"), entry(3, "1", content="other")])
            return dict(await journal.places([entry(0, "1").key, entry(0, "9").key]))

        assert self.run(work) == {entry(0, "1").key: ("catalogue.csv", 2)}

    def test_what_is_done_is_known_in_the_next_run(self) -> None:
        async def first(journal: Journal) -> None:
            await journal.admit([entry(0, "1"), entry(1, "2"), entry(2, "3")])
            await journal.complete(0, done(0, "1"))
            await journal.complete(1, done(1, "2", state="short", reasons={"market": "filters"}))

        async def second(journal: Journal) -> list[str]:
            entries = [entry(0, "1"), entry(1, "2"), entry(2, "3"), entry(3, "1", key="changed")]
            return list(await journal.admit(entries))

        self.run(first)
        assert self.run(second) == ["done", "short", "pending", "duplicate"]

    def test_the_counts_balance(self) -> None:
        async def work(journal: Journal) -> None:
            await journal.admit([*(entry(number, str(number)) for number in range(5)), rejected(5), entry(6, "0")])
            lost = (query("No?", dropped="text/quality/short"), query("No!", dropped="text/dedup/same"))
            await journal.complete(3, done(3, "3", "a", "b", dropped=lost))
            await journal.complete(0, done(0, "0", "c", dropped=lost[:1], state="short", reasons={"market": "filters"}))
            await journal.complete(1, letter("1"))
            expected = {"done": 1, "short": 1, "failed": 1, "pending": 2, "rejected": 1, "duplicate": 1}
            assert await states(journal) == expected
            tally = await journal.tally()
            assert (tally.kept, tally.generated, tally.not_in_input) == (3, 6, 0)
            assert dict(tally.dropped) == {"text/quality/short": 2, "text/dedup/same": 1}
            assert dict(tally.short) == {"filters": 1}

        self.run(work)

    def test_counts_are_those_of_this_input(self) -> None:
        async def first(journal: Journal) -> None:
            await journal.admit([entry(0, "1"), entry(1, "2")])
            await journal.complete(0, done(0, "1"))
            await journal.complete(1, done(1, "2"))

        async def second(journal: Journal) -> None:
            await journal.admit([entry(0, "2")])
            assert await states(journal) == {"done": 1}
            tally = await journal.tally()
            assert (tally.kept, tally.not_in_input) == (1, 1)

        self.run(first)
        self.run(second)

    def test_dead_letters_of_every_stage(self) -> None:
        async def work(journal: Journal) -> None:
            await journal.admit([rejected(0), entry(1, "1"), entry(2, "2")])
            given = letter("1", raw=HOSTILE[1])
            await journal.complete(1, given)
            await journal.complete(2, done(2, "2"))
            await journal.add_dead_letters("jsonl", [letter("2", stage="deliver")])
            written = await letters(journal)
            assert [item.stage for item in written] == ["input", "generate", "deliver"]
            assert (written[0].file, written[0].line, written[0].reason) == ("catalogue.csv", 7, "no_title")
            assert written[1].raw == HOSTILE[1]

        self.run(work)
        assert self.run(letters) == [], "dead letters are those of this run"

    def test_retry_grants_a_try_to_what_has_no_usable_answer(self) -> None:
        good, bad = "a" * 64, "b" * 64

        async def first(journal: Journal) -> None:
            await journal.admit([entry(0, "1"), entry(1, "2")])
            for key, number, usable in ((good, 0, False), (good, 1, True), (bad, 0, False), (bad, 1, False)):
                await answered(journal, key, number, response(), usable=usable)
            await journal.complete(0, done(0, "1"))
            await journal.complete(1, done(1, "2", state="short", reasons={"market": "blocked"}))
            assert await journal.grant_retry() == 1

        async def second(journal: Journal) -> None:
            assert (await journal.tries(good), await journal.tries(bad)) == (0, 1)
            assert len(await journal.answers(bad)) == 2, "a retry must not delete the stored answers"
            assert list(await journal.admit([entry(0, "1"), entry(1, "2")])) == ["done", "pending"]

        self.run(first)
        self.run(second)
