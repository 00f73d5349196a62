from __future__ import annotations

import pytest

from querygen_core.testing import ObserverContract
from tests.testing.verdict import catches


class Notes:
    def __init__(self, folder):
        self.path = folder / "facts.txt"
        self.identity = str(self.path)
        self.last = max(self.numbers(), default=0)

    def numbers(self):
        return list(map(int, self.path.read_text().split())) if self.path.exists() else []

    def on_fact(self, fact):
        if fact.seq > self.last:
            self.write(fact)
            self.last = fact.seq

    def write(self, fact):
        with self.path.open("a") as file:
            file.write(f"{fact.seq}\n")

    async def aclose(self):
        pass


class TestNotes(ObserverContract):
    kind = Notes

    def observer(self, folder):
        return self.kind(folder)

    def recorded(self):
        return list(map(int, (self.folder / "facts.txt").read_text().split()))


class Stream(Notes):
    """A log: it cannot look back."""

    def on_fact(self, fact):
        self.write(fact)


class TestStream(TestNotes):
    kind = Stream
    once = False


class Forgetful(Notes):
    def __init__(self, folder):
        super().__init__(folder)
        self.last = 0


class Overwriting(Notes):
    def write(self, fact):
        self.path.write_text(f"{fact.seq}\n")


class Choosy(Notes):
    def on_fact(self, fact):
        if fact.kind == "stage_finished":
            super().on_fact(fact)


class Demanding(Notes):
    def on_fact(self, fact):
        assert fact.data["stage"]
        super().on_fact(fact)


class Anonymous(Notes):
    def __init__(self, folder):
        super().__init__(folder)
        self.identity = f"observer {id(self)}" if not folder.joinpath("x").exists() else ""
        folder.joinpath("x").touch()


@pytest.mark.parametrize(
    ("wrong", "test"),
    [
        (Stream, "test_a_fact_told_twice_is_recorded_once"),
        (Forgetful, "test_facts_told_again_by_the_next_run_are_recorded_once"),
        (Overwriting, "test_records_facts_in_order"),
        (Overwriting, "test_goes_on_where_an_earlier_run_ended"),
        (Choosy, "test_takes_any_kind_and_any_text"),
        (Demanding, "test_takes_facts_without_data"),
        (Anonymous, "test_says_what_it_writes_to"),
    ],
)
def test_a_wrong_observer_is_caught(wrong, test, tmp_path):
    assert catches(type("Wrong", (TestNotes,), {"kind": wrong}), test, tmp_path)
