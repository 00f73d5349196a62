"""The contract of journals with a store behind them: over S3 what is in the store, and that on a disk that is lost."""

from __future__ import annotations

from uuid import uuid4

import pytest

from querygen_core.testing.journal.answers import KEY, Answers
from querygen_core.testing.journal.job import answered
from querygen_core.testing.journal.manifest import Manifest
from querygen_core.testing.journal.outcomes import Outcomes
from querygen_core.testing.journal.runs import Runs
from querygen_core.testing.samples import HOSTILE, UNSTORABLE, response
from tests.journal.remote.place import SHORT_LEASE

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("kind", ["folder"], indirect=True)
class TestJournal(Manifest, Outcomes, Runs):
    """Nearly all of it is on the local disk: one store is enough."""

    @pytest.fixture(autouse=True)
    def _take_place(self, place):
        self.place = place

    def journal(self, folder):
        return self.place.journal(folder)

    def test_refuses_a_second_run_beside_the_first(self):
        """Which looks until the first one renews its lease."""
        self.place.lease = SHORT_LEASE
        super().test_refuses_a_second_run_beside_the_first()


class TestAnswersOnANewDisk(Answers):
    """What `JournalContract` says of answers, where each run finds an empty disk."""

    @pytest.fixture(autouse=True)
    def _take_place(self, place):
        self.place = place

    def journal(self, folder):
        return self.place.journal(folder / f"{uuid4()}")

    def test_answers_come_back_as_they_were(self):
        """All texts in one run."""
        texts = [*HOSTILE, *UNSTORABLE]

        async def pay(journal):
            for number, text in enumerate(texts):
                await answered(journal, KEY, number, response(text))

        self.run(pay)
        assert [stored.response.text for stored in self.run(lambda journal: journal.answers(KEY))] == texts

    def test_a_kill_loses_no_acknowledged_answer(self):
        """At one moment: `test_kills` is about all of them. The next run waits until the lease has expired."""
        self.place.lease = SHORT_LEASE
        super().test_a_kill_loses_no_acknowledged_answer(0.02)

    def test_calls_without_an_answer_are_counted(self):
        """Their intents were on the disk that is gone, so nobody knows."""

        async def work(journal):
            await journal.begin_call("a" * 64, 0)
            assert (await journal.spent()).indeterminate == 1

        self.run(work)
        assert self.run(lambda journal: journal.spent()).indeterminate is None
