from __future__ import annotations

import pytest

from querygen_core.testing import ObserverContract
from tests.testing.verdict import catches


class Notes:
    def __init__(self, folder):
        self.path = folder / "events.txt"
        self.identity = str(self.path)
        self.last = max(self.numbers(), default=0)

    def numbers(self):
        return list(map(int, self.path.read_text().split())) if self.path.exists() else []

    def on_event(self, event):
        if event.seq > self.last:
            self.write(event)
            self.last = event.seq

    def write(self, event):
        with self.path.open("a") as file:
            file.write(f"{event.seq}\n")

    async def aclose(self):
        pass


class TestNotes(ObserverContract):
    kind = Notes

    def observer(self, folder):
        return self.kind(folder)

    def recorded(self):
        return list(map(int, (self.folder / "events.txt").read_text().split()))


class Stream(Notes):
    """A log: it cannot look back."""

    def on_event(self, event):
        self.write(event)


class TestStream(TestNotes):
    kind = Stream
    once = False


class Forgetful(Notes):
    def __init__(self, folder):
        super().__init__(folder)
        self.last = 0


class Overwriting(Notes):
    def write(self, event):
        self.path.write_text(f"{event.seq}\n")


class Choosy(Notes):
    def on_event(self, event):
        if event.kind == "stage_finished":
            super().on_event(event)


class Demanding(Notes):
    def on_event(self, event):
        assert event.data["stage"]
        super().on_event(event)


class Anonymous(Notes):
    def __init__(self, folder):
        super().__init__(folder)
        self.identity = f"observer {id(self)}" if not folder.joinpath("x").exists() else ""
        folder.joinpath("x").touch()


@pytest.mark.parametrize(
    ("wrong", "test"),
    [
        (Stream, "test_an_event_sent_twice_is_recorded_once"),
        (Forgetful, "test_events_sent_again_by_the_next_run_are_recorded_once"),
        (Overwriting, "test_records_events_in_order"),
        (Overwriting, "test_adds_to_the_events_of_an_earlier_run"),
        (Choosy, "test_takes_any_kind_and_any_text"),
        (Demanding, "test_takes_events_without_data"),
        (Anonymous, "test_says_what_it_writes_to"),
    ],
)
def test_a_wrong_observer_is_caught(wrong, test, tmp_path):
    assert catches(type("Wrong", (TestNotes,), {"kind": wrong}), test, tmp_path)
