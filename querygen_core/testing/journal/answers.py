from __future__ import annotations

import asyncio
from itertools import count

import pytest

from querygen_core.api import Usage
from querygen_core.contracts.journal import Journal
from querygen_core.testing.child import kill_while, say
from querygen_core.testing.journal.job import JournalJob, answered, begun
from querygen_core.testing.samples import HOSTILE, UNSTORABLE, response

KEY = "a" * 64


class Answers(JournalJob):
    """Checks that a received answer, which was paid for, is never lost, and that every call is counted."""

    def test_answers_survive(self) -> None:
        given = response("text", reason="STOP", model_version="m-1", response_id="x", usage=Usage(input=3, cached=1))
        self.run(lambda journal: answered(journal, KEY, 0, given))
        stored = self.run(lambda journal: journal.answers(KEY))
        assert [(item.number, item.response) for item in stored] == [(0, given)]

    @pytest.mark.parametrize("text", [*HOSTILE, *UNSTORABLE])
    def test_answers_come_back_as_they_were(self, text: str) -> None:
        self.run(lambda journal: answered(journal, KEY, 0, response(text)))
        assert self.run(lambda journal: journal.answers(KEY))[0].response.text == text

    def test_tries_are_kept_in_order(self) -> None:
        async def work(journal: Journal) -> list[tuple[int, str]]:
            for number in (1, 0, 2):
                await answered(journal, KEY, number, response(f"try {number}"))
            await answered(journal, "b" * 64, 0, response("another request"))
            return [(item.number, item.response.text) for item in await journal.answers(KEY)]

        assert self.run(work) == [(0, "try 0"), (1, "try 1"), (2, "try 2")]

    def test_what_is_written_is_counted(self) -> None:
        async def work(journal: Journal) -> tuple[int, int]:
            before = journal.writes.get("answers", 0)
            for number in range(3):
                await answered(journal, KEY, number, response())
            return before, journal.writes["answers"]

        assert self.run(work) == (0, 3)

    def test_no_answer_is_no_answer(self) -> None:
        assert list(self.run(lambda journal: journal.answers(KEY))) == []
        assert self.run(lambda journal: journal.tries(KEY)) == 0

    def test_many_calls_at_once(self) -> None:
        keys = [f"{number:064}" for number in range(100)]

        async def work(journal: Journal) -> None:
            await asyncio.gather(*(answered(journal, key, 0, response(key)) for key in keys))
            for key, stored in zip(keys, await asyncio.gather(*map(journal.answers, keys)), strict=True):
                assert [item.response.text for item in stored] == [key]
            assert (await journal.spent()).calls == 100

        self.run(work)

    @pytest.mark.parametrize("seconds", [0.0, 0.01, 0.05])
    def test_a_kill_loses_no_acknowledged_answer(self, seconds: float) -> None:
        acknowledged = kill_while(self, "answer_until_killed", after=seconds)

        async def missing(journal: Journal) -> list[str]:
            return [key for key in acknowledged if [a.response.text for a in await journal.answers(key)] != [key]]

        assert self.run(missing) == []
        spent = self.run(lambda journal: journal.spent())
        assert spent.calls >= len(acknowledged)

    def test_spending_adds_up_over_runs(self) -> None:
        async def work(journal: Journal) -> None:
            used = Usage(input=100, output=20, thinking=5, cached=50)
            await answered(journal, KEY, 0, response(usage=used), cost=0.25)
            await answered(journal, KEY, 1, response(usage=Usage()), cost=0.5)

        self.run(work)
        self.run(lambda journal: answered(journal, KEY, 2, response(usage=Usage(output=1)), cost=0.0))
        spent = self.run(lambda journal: journal.spent())
        assert (spent.calls, spent.tokens, spent.cost) == (3, 126, 0.75)

    def test_calls_without_an_answer_are_counted(self) -> None:
        """Only a call whose end was not seen is indeterminate. A journal without intents returns None, never 0."""

        async def work(journal: Journal) -> None:
            await journal.end_call(await begun(journal, KEY, 0), "failed")
            await journal.end_call(await begun(journal, KEY, 0), "unsent")
            await journal.end_call(await begun(journal, KEY, 0), "abandoned")
            await answered(journal, KEY, 0, response())
            await journal.begin_call(KEY, 1)
            await journal.begin_call(KEY, 2)

        self.run(work)
        spent = self.run(lambda journal: journal.spent())
        assert spent.indeterminate in (2, None)
        assert (spent.abandoned, spent.calls) == (1, 1)

    def answer_until_killed(self) -> None:
        async def work(journal: Journal) -> None:
            for start in count(step=8):
                keys = [f"{number:064}" for number in range(start, start + 8)]
                await asyncio.gather(*(self._answer_and_say(journal, key) for key in keys))

        self.run(work)

    async def _answer_and_say(self, journal: Journal, key: str) -> None:
        await answered(journal, key, 0, response(key))
        say(key)
