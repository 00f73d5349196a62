from __future__ import annotations

from querygen_core.api import Journal, Outcome
from querygen_core.testing.journal.job import JournalJob, done, entry, letter, snapshot
from querygen_core.testing.samples import HOSTILE, UNSTORABLE, query


class Outcomes(JournalJob):
    """What the sinks are fed with."""

    def test_settled_outcomes_come_in_their_order(self) -> None:
        async def work(journal: Journal) -> None:
            await journal.admit([entry(number, str(number)) for number in range(6)])
            for number in (4, 0, 3):
                await journal.settle(number, done(number, str(number)))
            await journal.settle(1, letter("1"))
            page = await journal.settled(0, 2)
            assert [delivery.outcome.ordinal for delivery in page] == [4, 0]
            await journal.settle(5, done(5, "5"))
            rest = await journal.settled(page[-1].position, 10)
            assert [delivery.outcome.ordinal for delivery in rest] == [3, 5]

        self.run(work)

    def test_a_later_run_settles_what_it_knows(self) -> None:
        """A sink that was added gets everything, without a call."""

        async def first(journal: Journal) -> None:
            await journal.admit([entry(0, "1"), entry(1, "2")])
            await journal.settle(1, done(1, "2"))

        async def second(journal: Journal) -> None:
            await journal.admit([entry(0, "2"), entry(1, "1")])
            await journal.settle(1, done(1, "1"))
            assert [delivery.outcome.ordinal for delivery in await journal.settled(0, 10)] == [0, 1]

        self.run(first)
        self.run(second)

    def test_outcomes_come_back_as_they_were(self) -> None:
        queries = tuple(query(text, labels={"facet": text}, round=n) for n, text in enumerate((*HOSTILE, *UNSTORABLE)))
        given = done(0, "1", *queries, dropped=(query("No?", dropped="text/quality/short"),), title=HOSTILE[0])

        async def work(journal: Journal) -> Outcome:
            await journal.admit([entry(0, "1", refs={"products": 7})])
            await journal.settle(0, given)
            return (await journal.settled(0, 1))[0].outcome

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
                await journal.settle(number, done(number, str(number)))
            found = await snapshot(journal)
            assert [(delivery.outcome.ordinal, delivery.current) for delivery in found] == [
                (0, True), (3, True), (4, True),
            ]  # fmt: skip

        self.run(work)

    def test_a_snapshot_keeps_what_an_earlier_run_left(self) -> None:
        """A product that is pending or failed now keeps its questions; one that has new ones does not."""

        async def first(journal: Journal) -> None:
            await journal.admit([entry(number, str(number)) for number in range(3)])
            for number in range(3):
                await journal.settle(number, done(number, str(number), f"old {number}"))

        async def second(journal: Journal) -> None:
            await journal.admit([entry(number, str(number), key="new") for number in range(4)])
            await journal.settle(1, letter("1"))
            await journal.settle(2, done(2, "2", "new 2", key="new"))
            found = [(d.outcome.queries[0].text, d.outcome.ordinal, d.current) for d in await snapshot(journal)]
            assert found == [("old 0", 0, False), ("old 1", 1, False), ("new 2", 2, True)]

        self.run(first)
        self.run(second)
