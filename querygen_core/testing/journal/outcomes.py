from __future__ import annotations

from querygen_core.api import Outcome
from querygen_core.contracts.journal import Journal
from querygen_core.testing.journal.job import JournalJob, done, entry, letter, rejected, snapshot
from querygen_core.testing.samples import HOSTILE, UNSTORABLE, query


class Outcomes(JournalJob):
    """Checks the outcomes that a journal hands to sinks."""

    def test_completed_outcomes_come_in_their_order(self) -> None:
        async def work(journal: Journal) -> None:
            await journal.admit([entry(number, str(number)) for number in range(6)])
            for number in (4, 0, 3):
                await journal.complete(number, done(number, str(number)))
            await journal.complete(1, letter("1"))
            page = await journal.completed(0, 2)
            assert [delivery.outcome.ordinal for delivery in page] == [4, 0]
            await journal.complete(5, done(5, "5"))
            rest = await journal.completed(page[-1].position, 10)
            assert [delivery.outcome.ordinal for delivery in rest] == [3, 5]

        self.run(work)

    def test_a_later_run_completes_what_it_knows(self) -> None:
        """So a sink that is added later gets everything, without a call to a model."""

        async def first(journal: Journal) -> None:
            await journal.admit([entry(0, "1"), entry(1, "2")])
            await journal.complete(1, done(1, "2"))

        async def second(journal: Journal) -> None:
            await journal.admit([entry(0, "2"), entry(1, "1")])
            await journal.complete(1, done(1, "1"))
            assert [delivery.outcome.ordinal for delivery in await journal.completed(0, 10)] == [0, 1]

        self.run(first)
        self.run(second)

    def test_outcomes_come_back_as_they_were(self) -> None:
        queries = tuple(query(text, labels={"facet": text}, round=n) for n, text in enumerate((*HOSTILE, *UNSTORABLE)))
        given = done(0, "1", *queries, dropped=(query("No?", dropped="text/quality/short"),), title=HOSTILE[0])

        async def work(journal: Journal) -> Outcome:
            await journal.admit([entry(0, "1", refs={"products": 7})])
            await journal.complete(0, given)
            return (await journal.completed(0, 1))[0].outcome

        stored = self.run(work)
        assert (stored.queries, stored.dropped) == (given.queries, given.dropped)
        assert stored.digest == given.digest
        assert (stored.product_key, stored.title, stored.state) == (given.product_key, given.title, "done")
        assert (stored.content_hash, stored.outcome_key) == (given.content_hash, given.outcome_key)
        assert dict(stored.refs) == {"products": 7}

    def test_a_snapshot_is_in_input_order(self) -> None:
        async def work(journal: Journal) -> None:
            await journal.admit([entry(number, str(number)) for number in range(6)])
            for number in (4, 0, 3):
                await journal.complete(number, done(number, str(number)))
            pending = await snapshot(journal)
            assert [delivery.outcome.ordinal for delivery in pending] == list(range(6))
            assert [delivery.outcome.ordinal for delivery in pending if delivery.current] == [0, 3, 4]
            without = [delivery.outcome for delivery in pending if not delivery.current]
            assert {(one.state, one.queries, one.outcome_key) for one in without} == {("failed", (), "")}
            assert [one.product_key for one in without] == [entry(one.ordinal, f"{one.ordinal}").key for one in without]

        self.run(work)

    def test_a_snapshot_keeps_what_an_earlier_run_left(self) -> None:
        """A product that is pending or failed in this run keeps its old questions; one that is done has new ones."""

        async def first(journal: Journal) -> None:
            await journal.admit([entry(number, str(number)) for number in range(3)])
            for number in range(3):
                await journal.complete(number, done(number, str(number), f"old {number}"))

        async def second(journal: Journal) -> None:
            await journal.admit([entry(number, str(number), key="new") for number in range(4)])
            await journal.complete(1, letter("1"))
            await journal.complete(2, done(2, "2", "new 2", key="new"))
            pending = await snapshot(journal)
            assert [(one.outcome.queries[0].text, one.outcome.ordinal, one.current) for one in pending[:3]] == [
                ("old 0", 0, False),
                ("old 1", 1, False),
                ("new 2", 2, True),
            ]
            assert [one.outcome.state for one in pending[3:]] == ["failed"], "it never had any"

        self.run(first)
        self.run(second)

    def test_what_left_the_input_is_completed_as_deleted(self) -> None:
        async def first(journal: Journal) -> None:
            await journal.admit(
                [entry(number, str(number), refs={"db": 10 + number}, version=3) for number in range(3)]
            )
            for number in range(3):
                await journal.complete(number, done(number, str(number), f"old {number}"))

        async def second(journal: Journal) -> None:
            await journal.admit([rejected(0), entry(1, "0"), entry(2, "7")])
            count = await journal.removed()
            assert (count.gone, count.present) == (2, 2)
            await journal.retire_removed(3)
            assert [found.outcome.ordinal for found in await journal.completed(0, 10)] == [1, 3, 4]
            withdrawn = [found.outcome for found in await journal.completed(1, 10)]
            assert [(item.product_key, item.queries) for item in withdrawn] == [
                (done(0, n).product_key, ()) for n in "12"
            ]
            for number, item in enumerate(withdrawn, 1):
                assert (item.state, item.version, dict(item.refs)) == ("deleted", 3, {"db": 10 + number})
            assert [found.outcome.ordinal for found in await snapshot(journal)] == [1, 2], (
                "a page leaves them out by itself"
            )
            tally = await journal.tally()
            assert (tally.states["deleted"], tally.not_in_input) == (2, 0)

        async def third(journal: Journal) -> None:
            """One has come back as it was; the other is told again, since a sink may have been down."""
            assert list(await journal.admit([entry(0, "0"), entry(1, "2", refs={"db": 12}, version=3)])) == [
                "done",
                "done",
            ]
            assert (await journal.removed()).gone == 0
            await journal.retire_removed(2)
            assert [found.outcome.state for found in await journal.completed(0, 10)] == ["done", "done", "deleted"]
            tally = await journal.tally()
            assert (tally.states.get("deleted", 0), tally.not_in_input) == (0, 0)

        for work in (first, second, third):
            self.run(work)

    def test_pages_of_what_left_the_input(self) -> None:
        async def first(journal: Journal) -> None:
            await journal.admit([entry(number, f"{number:04}") for number in range(1201)])
            for number in range(1201):
                await journal.complete(number, done(number, f"{number:04}"))

        async def second(journal: Journal) -> None:
            await journal.admit([entry(0, "0600")])
            await journal.retire_removed(1)
            found = await journal.completed(0, 2000)
            assert [item.outcome.ordinal for item in found] == list(range(1201))
            assert len({item.outcome.product_key for item in found}) == 1201

        self.run(first)
        self.run(second)
