"""Observers are told everything once, in order, and can hold nothing up."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from querygen_core.api import ProviderError, Reject
from querygen_core.contracts.errors import Exit, PluginError
from querygen_core.engine import observe
from querygen_core.testing import ListInput, MemorySink, RecordingObserver, ScriptedProvider, questions
from tests.engine.lab import Lab, products


def test_an_observer_hears_every_fact_once_and_in_order(tmp_path: Path):
    ear = RecordingObserver()
    lab = Lab(tmp_path, products(3), observers={"ear": ear})
    lab.run()
    lab.run()
    assert ear.seqs == [row[0] for row in lab.rows("SELECT seq FROM events ORDER BY seq")]
    kinds = ear.kinds
    assert kinds[0] == "run_started"
    assert kinds[-1] == "run_finished"
    assert kinds.count("run_started") == kinds.count("run_finished") == 2


def test_an_observer_that_is_down_costs_nothing_and_the_next_run_tells_it(tmp_path: Path):
    ear, other = RecordingObserver(down=True), RecordingObserver("lab/other")
    lab = Lab(tmp_path, products(3), observers={"ear": ear, "other": other})
    result = lab.run()
    assert result.code == Exit.DONE
    assert result.report["events_undelivered"] == len(other.events) - 1, "the report cannot count its own event"
    assert not ear.events
    ear.down = False
    assert lab.run().report["events_undelivered"] == 0
    assert ear.events == other.events


@pytest.mark.parametrize("place", [0, 1, 2])
def test_an_observer_that_heals_in_the_middle_misses_nothing(tmp_path: Path, place: int):
    class Shaky(RecordingObserver):
        def on_event(self, event):
            self.down = len(self.events) == place and not self.failed
            self.failed |= self.down
            super().on_event(event)

        failed = False

    Lab(tmp_path, products(3)).run()  # so that there are several events to be told at once
    shaky = Shaky()
    lab = Lab(tmp_path, products(3), observers={"ear": shaky})
    assert lab.run().report["events_undelivered"] == 0
    assert shaky.seqs == [row[0] for row in lab.rows("SELECT seq FROM events ORDER BY seq")]


def test_one_that_was_down_for_a_moment_is_told_while_the_run_goes_on(tmp_path: Path, monkeypatch, caplog):
    """Not only at its end: a long run's log is not to be silent after the first hiccup."""
    monkeypatch.setattr(observe, "_PAUSE", 0.05)
    monkeypatch.setattr(observe, "_POLL", 0.01)
    ear, heard_before_the_end = RecordingObserver(down=True), []

    def answer(*_):
        heard_before_the_end.append(len(ear.events))
        ear.down = False
        return questions("Is it red?")

    lab = Lab(tmp_path, products(3), observers={"ear": ear}, model=ScriptedProvider(answer, seconds=0.3))
    lab.run()
    assert ear.seqs == [row[0] for row in lab.rows("SELECT seq FROM events ORDER BY seq")]
    assert heard_before_the_end[-1] > 0
    assert sum("are kept and sent later" in record.getMessage() for record in caplog.records) == 1


@pytest.mark.parametrize("error", [SystemExit(0), KeyError("boom")], ids=repr)
def test_an_observer_cannot_stop_anything(tmp_path: Path, error: BaseException):
    class Rude(RecordingObserver):
        def on_event(self, event):
            raise error

    result = Lab(tmp_path, products(3), observers={"rude": Rude()}).run()
    assert result.code == Exit.DONE
    assert result.report["events_undelivered"] > 0


@pytest.mark.timeout(60)
def test_an_observer_that_hangs_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(observe, "_FLUSH", 0.5)
    released = threading.Event()
    at_once = threading.Semaphore()
    together: list[bool] = []

    class Stuck(RecordingObserver):
        def on_event(self, event):
            together.append(not at_once.acquire(blocking=False))
            released.wait(30)
            at_once.release()

    good = RecordingObserver("lab/good")
    lab = Lab(tmp_path, products(3), observers={"stuck": Stuck(), "good": good})
    try:
        result = lab.run()
    finally:
        waited = released.is_set()
        released.set()
    assert not waited
    assert (result.code, result.report["done"]) == (Exit.DONE, 3)
    assert result.report["events_undelivered"] == len(good.events) - 1
    assert not any(together), "an observer is never called by two threads at once"


class Group(RecordingObserver):
    """Takes so many at once, and is down from its `until`th call on."""

    def __init__(self, most: int, until: int | None = None) -> None:
        super().__init__()
        self.most, self.until, self.sizes = most, until, list[int]()

    def on_events(self, events):
        if len(self.sizes) == self.until:
            raise OSError("down")
        taken = events[: self.most]
        self.sizes.append(len(events))
        for event in taken:
            super().on_event(event)
        return len(taken)

    def on_event(self, event):
        raise AssertionError("it is told several at once")


@pytest.mark.parametrize("most", [1, 3, 1000])
def test_an_observer_that_takes_several_at_once_hears_all_of_them_once(tmp_path: Path, most: int):
    Lab(tmp_path, products(3)).run()
    group = Group(most)
    lab = Lab(tmp_path, products(3), observers={"ear": group})
    assert lab.run().report["events_undelivered"] == 0
    assert group.seqs == [row[0] for row in lab.rows("SELECT seq FROM events ORDER BY seq")]
    assert max(group.sizes) > 1


def test_what_it_took_before_it_went_down_is_not_told_again(tmp_path: Path):
    Lab(tmp_path, products(3)).run()
    group = Group(2, until=1)
    lab = Lab(tmp_path, products(3), observers={"ear": group})
    report = lab.run().report
    seqs = [row[0] for row in lab.rows("SELECT seq FROM events ORDER BY seq")]
    assert group.seqs == seqs[:2]
    assert report["events_undelivered"] == len(seqs) - 2 - 1, "the report cannot count its own event"
    group.until = None
    lab.run()
    assert group.seqs == [row[0] for row in lab.rows("SELECT seq FROM events ORDER BY seq")]


@pytest.mark.parametrize("taken", [0, -1, None, "all", 10_000])
def test_one_that_says_to_have_taken_what_it_cannot_have_is_down(tmp_path: Path, taken, caplog):
    group = RecordingObserver()
    group.on_events = lambda _events: taken
    lab = Lab(tmp_path, products(3), observers={"ear": group})
    result = lab.run()
    assert result.code == Exit.DONE
    assert result.report["events_undelivered"] == len(lab.rows("SELECT seq FROM events")) - 1
    assert "broke its contract" in caplog.text


def test_what_failed_is_told_too(tmp_path: Path):
    def script(request, _number):
        return questions("A?", "B?", "C?") if "Product 1" in request.prompt else ValueError("boom")

    ear = RecordingObserver()
    lab = Lab(tmp_path, input=ListInput(products(2)), model=ScriptedProvider(script), observers={"ear": ear})
    lab.runtime = {"max_failed": 0}
    assert lab.run().code == Exit.INPUT_UNUSABLE
    assert "product_failed" in ear.kinds


class Nothing:
    """No part of any kind, and hard to close."""

    async def aclose(self) -> None:
        raise OSError("cannot be closed")


@pytest.mark.parametrize("parts", [{"sinks": {"bare": Nothing()}}, {"model": Nothing()}], ids=["sink", "model"])
def test_a_part_without_what_its_contract_asks_for_is_named(tmp_path: Path, parts):
    result = Lab(tmp_path, products(1), **parts).run()
    assert result.code == Exit.CONFIG
    assert ("lab/model" if "model" in parts else "lab/bare") in result.message


def test_an_observer_without_a_name_is_refused(tmp_path: Path):
    with pytest.raises(PluginError, match="lab/bare"):
        Lab(tmp_path, products(1), observers={"bare": Nothing()}).run()


@pytest.mark.parametrize("error", [ValueError("boom"), SystemExit(0)], ids=repr)
def test_a_part_that_cannot_be_closed_changes_no_result(tmp_path: Path, error: BaseException):
    class Sticky(MemorySink):
        async def aclose(self):
            raise error

    result = Lab(tmp_path, products(2), sinks={"table": Sticky()}).run()
    assert (result.code, result.report["done"]) == (Exit.DONE, 2)


def test_events_tell_what_was_refused_given_up_and_ended(tmp_path: Path):
    ear = RecordingObserver()
    records = [*products(2), Reject(reason="no_title", message="no title", file="a.jsonl", line=3), *products(2)[:1]]
    conflicting = replace(products(1)[0], description="other content", raw_ref="a.jsonl:9")
    refusing = ScriptedProvider(lambda *_: ProviderError("quota", "no more today"))
    lab = Lab(tmp_path, [*records, conflicting], model=refusing, observers={"ear": ear})
    assert lab.run().code == Exit.PROVIDER_REFUSES
    events = [(kind, json.loads(data)) for kind, data in lab.rows("SELECT kind, data FROM events ORDER BY seq")]
    kinds = [kind for kind, _ in events]
    rejected = [(data["reason"], data["file"], data["line"]) for kind, data in events if kind == "product_rejected"]
    assert rejected == [("no_title", "a.jsonl", 3), ("conflict", "a.jsonl", 9)]
    assert {data["kind"] for kind, data in events if kind == "call_failed"} == {"quota"}
    assert [data["exit_code"] for kind, data in events if kind == "draining"] == [69]
    assert {data["stage"] for kind, data in events if kind == "stage_finished"} >= {"input", "generate"}
    assert kinds[-1] == "run_finished"
    assert ear.kinds == kinds
