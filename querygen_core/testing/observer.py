from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from querygen_core.api import Fact, Observer
from querygen_core.testing.contract import Contract
from querygen_core.testing.samples import HOSTILE


class ObserverContract(Contract):
    """An observer records what it is told, in order; told twice, it tells by `seq` that it knows.

    class TestFacts(ObserverContract):
        def observer(self, folder):
            return FactFile(FactOptions(path=str(folder / "facts.jsonl")), context(folder))

        def recorded(self):
            return [json.loads(line)["seq"] for line in (self.folder / "facts.jsonl").open()]
    """

    once: ClassVar[bool] = True
    """False if what it writes to cannot tell a repeat, such as a log stream."""

    def observer(self, folder: Path) -> Observer:
        """A new observer that writes to the place that belongs to `folder`."""
        raise NotImplementedError

    def recorded(self) -> list[int]:
        """The `seq` of every fact in the place that belongs to `self.folder`, in the order in which they lie there."""
        raise NotImplementedError

    def test_says_what_it_writes_to(self) -> None:
        first, second = (self.open_and_close() for _ in range(2))
        assert first
        assert first == second, "its place in the facts is kept under its identity"

    def test_records_facts_in_order(self) -> None:
        self.tell([1, 2, 3, 7])
        self.expect([1, 2, 3, 7])

    def test_a_fact_told_twice_is_recorded_once(self) -> None:
        self.tell([1, 2, 2, 3])
        self.expect([1, 2, 3])

    def test_goes_on_where_an_earlier_run_ended(self) -> None:
        self.tell([1, 2, 3])
        self.tell([4, 5])
        self.expect([1, 2, 3, 4, 5])

    def test_facts_told_again_by_the_next_run_are_recorded_once(self) -> None:
        """The kill came after the fact was recorded and before its cursor moved."""
        self.tell([1, 2, 3])
        self.tell([2, 3, 4])
        self.expect([1, 2, 3, 4])

    def test_takes_any_kind_and_any_text(self) -> None:
        facts = [fact(number, kind=f"kind_{number}", text=text) for number, text in enumerate(HOSTILE, start=1)]
        self.tell_facts(facts)
        self.expect([item.seq for item in facts])

    def test_takes_facts_without_data(self) -> None:
        self.tell_facts([Fact(kind="new_kind", seq=1, job_id="job", attempt=1, time="2026-11-23T12:00:00Z")])
        self.expect([1])

    def tell(self, numbers: Sequence[int]) -> None:
        self.tell_facts([fact(number) for number in numbers])

    def tell_facts(self, facts: Sequence[Fact]) -> None:
        """Tell them to a new observer and close it, as a run does."""
        observer = self.observer(self.folder)
        try:
            for item in facts:
                observer.on_fact(item)
        finally:
            _close(observer)

    def expect(self, numbers: Sequence[int]) -> None:
        recorded = self.recorded()
        if not self.once:
            recorded = list(dict.fromkeys(recorded))
        assert recorded == list(numbers)

    def open_and_close(self) -> str:
        observer = self.observer(self.folder)
        _close(observer)
        return observer.identity


def fact(seq: int, kind: str = "stage_finished", **data: Any) -> Fact:
    return Fact(
        kind=kind,
        data={"stage": "generate", "seconds": 1.5, **data},
        job_id="test-job",
        attempt=1,
        seq=seq,
        time=f"2026-11-23T12:00:{seq % 60:02}.000Z",
    )


def _close(observer: Observer) -> None:
    close = getattr(observer, "aclose", None)
    if close is not None:
        asyncio.run(close())
