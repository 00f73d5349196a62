from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from querygen_core.api import Closable, Event, Observer
from querygen_core.testing.contract import Contract
from querygen_core.testing.samples import HOSTILE


class ObserverContract(Contract):
    """Checks that an observer records events in order, and once even if they are sent twice.

    class TestEvents(ObserverContract):
        def observer(self, folder):
            return EventsFile(EventsOptions(path=str(folder / "events.jsonl")), context(folder))

        def recorded(self):
            return [json.loads(line)["seq"] for line in (self.folder / "events.jsonl").open()]
    """

    once: ClassVar[bool] = True
    """False if repeats cannot be recognised where it writes to, such as a log stream."""

    def observer(self, folder: Path) -> Observer:
        """A new observer that writes to the place of `folder`."""
        raise NotImplementedError

    def recorded(self) -> list[int]:
        """The `seq` of every event recorded in the place of `self.folder`, in the order of that place."""
        raise NotImplementedError

    def test_says_what_it_writes_to(self) -> None:
        first, second = (self.open_and_close() for _ in range(2))
        assert first, "identity is empty: name what it writes to"
        assert first == second, "identity differs: it must name the place, under which its position is kept"

    def test_records_events_in_order(self) -> None:
        self.send([1, 2, 3, 7])
        self.expect([1, 2, 3, 7])

    def test_an_event_sent_twice_is_recorded_once(self) -> None:
        self.send([1, 2, 2, 3])
        self.expect([1, 2, 3])

    def test_adds_to_the_events_of_an_earlier_run(self) -> None:
        self.send([1, 2, 3])
        self.send([4, 5])
        self.expect([1, 2, 3, 4, 5])

    def test_events_sent_again_by_the_next_run_are_recorded_once(self) -> None:
        """As after a kill between recording an event and storing that it was recorded."""
        self.send([1, 2, 3])
        self.send([2, 3, 4])
        self.expect([1, 2, 3, 4])

    def test_takes_any_kind_and_any_text(self) -> None:
        events = [event(number, kind=f"kind_{number}", text=text) for number, text in enumerate(HOSTILE, start=1)]
        self.send_events(events)
        self.expect([item.seq for item in events])

    def test_takes_events_without_data(self) -> None:
        self.send_events([Event(kind="new_kind", seq=1, job_id="job", attempt=1, time="2026-11-23T12:00:00Z")])
        self.expect([1])

    def send(self, numbers: Sequence[int]) -> None:
        self.send_events([event(number) for number in numbers])

    def send_events(self, events: Sequence[Event]) -> None:
        """Send them to a new observer and close it, as a run does."""
        observer = self.observer(self.folder)
        try:
            for item in events:
                observer.on_event(item)
        finally:
            _close(observer)

    def expect(self, numbers: Sequence[int]) -> None:
        recorded = self.recorded()
        if not self.once:
            recorded = list(dict.fromkeys(recorded))
        assert recorded == list(numbers), f"seq of the recorded events: {recorded}; expected: {list(numbers)}"

    def open_and_close(self) -> str:
        observer = self.observer(self.folder)
        _close(observer)
        return observer.identity


def event(seq: int, kind: str = "stage_finished", **data: Any) -> Event:
    return Event(
        kind=kind,
        data={"stage": "generate", "seconds": 1.5, **data},
        job_id="test-job",
        attempt=1,
        seq=seq,
        time=f"2026-11-23T12:00:{seq % 60:02}.000Z",
    )


def _close(observer: Observer) -> None:
    if isinstance(observer, Closable):
        asyncio.run(observer.aclose())
