from __future__ import annotations

from functools import partial

import pytest

from querygen_core.api import Event
from querygen_core.contracts.errors import JournalError
from querygen_core.contracts.journal import Journal
from querygen_core.testing.journal.job import JournalJob, done, entry
from querygen_core.testing.samples import HOSTILE


class Runs(JournalJob):
    """Checks that runs follow each other one at a time, and that the events of each are kept."""

    def test_counts_its_runs(self) -> None:
        assert [self.run(_attempt) for _ in range(3)] == [1, 2, 3]

    def test_keeps_config_and_report_of_each_run(self) -> None:
        async def work(journal: Journal) -> None:
            await journal.finish({"exit_code": 0, "note": HOSTILE[0]})

        self.run(work, config={"job_id": "job", "nested": {"list": [1, None, "é"]}})
        runs = self.run(lambda journal: journal.runs())
        assert [run["attempt"] for run in runs] == [1, 2]
        assert runs[0]["config"] == {"job_id": "job", "nested": {"list": [1, None, "é"]}}
        assert runs[0]["report"] == {"exit_code": 0, "note": HOSTILE[0]}
        assert not runs[1]["report"]

    def test_refuses_a_second_run_beside_the_first(self) -> None:
        async def work(_: Journal) -> None:
            other = self.journal(self.folder)
            try:
                with pytest.raises(JournalError):
                    await other.begin({})
            finally:
                await other.aclose()

        self.run(work)

    def test_closes_twice(self) -> None:
        self.run(lambda journal: journal.aclose())

    def test_events_are_numbered_and_dated(self) -> None:
        async def work(journal: Journal) -> None:
            await journal.append_events(
                [Event(kind="run_started", data={"text": HOSTILE[2]}), Event(kind="input_read")]
            )
            await journal.admit([entry(0, "1")])
            await journal.complete(0, done(0, "1"), [Event(kind="stage_finished")])
            await journal.finish({}, [Event(kind="run_finished")])

        self.run(work)
        events = self.run(lambda journal: journal.events(0, 10))
        assert [event.kind for event in events] == ["run_started", "input_read", "stage_finished", "run_finished"]
        assert [event.seq for event in events] == sorted({event.seq for event in events}), "seq must grow"
        assert events[0].data == {"text": HOSTILE[2]}
        assert all(event.job_id and event.time and event.attempt == 1 for event in events)
        after = self.run(lambda journal: journal.events(events[1].seq, 1))
        assert [event.kind for event in after] == ["stage_finished"]

    def test_each_observer_has_its_own_cursor(self) -> None:
        async def work(journal: Journal) -> None:
            assert await journal.cursor("first") == 0
            await journal.advance("first", 3)
            await journal.advance("first", 5)
            await journal.advance("second", 1)

        self.run(work)
        assert [self.run(partial(_cursor, name)) for name in ("first", "second", "third")] == [5, 1, 0]


async def _attempt(journal: Journal) -> int:
    return int((await journal.runs())[-1]["attempt"])


async def _cursor(name: str, journal: Journal) -> int:
    return await journal.cursor(name)
