"""Nothing is asked before the first records have shown that the input is a catalogue."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from pathlib import Path

import pytest

from querygen_core.api import Reject, Shard
from querygen_core.contracts.errors import Exit, InputError
from querygen_core.engine import first_records
from querygen_core.engine.first_records import FirstRecords
from querygen_core.engine.shutdown import Shutdown
from querygen_core.engine.tolerance import Tolerance
from querygen_core.testing import MemorySnapshotSink
from tests.engine.lab import Lab, product, products, states


def rejects(count: int, reason: str = "no_title") -> list[Reject]:
    return [Reject(reason=reason, message="bad", key=f"shop:{reason}-{number}:en") for number in range(count)]


def calls(lab: Lab) -> int:
    return sum(lab.model.calls.values())


def test_an_input_that_is_mostly_rejected_is_told_before_anything_is_paid(tmp_path: Path):
    records = [*products(20), *rejects(25), *rejects(5, "bad_json"), *products(300)[20:]]
    lab = Lab(tmp_path, records)
    result = lab.run()
    assert (result.code, result.report["stopped_by"]) == (Exit.INPUT_UNUSABLE, "rejected_input")
    assert "30 of the first 50 records are rejected (no_title 25, bad_json 5)" in result.message
    assert calls(lab) == 0
    assert result.report["pending"] + result.report["rejected"] == result.report["input"] < 330
    assert len(lab.dead_letters()) == 30


@pytest.mark.parametrize(
    ("records", "runtime", "code"),
    [
        ([*products(25), *rejects(25)], {"max_failed_ratio": 0.5}, Exit.DONE),
        ([*products(25), *rejects(25)], {}, None),
        ([*products(24), *rejects(26)], {"max_failed_ratio": 0.5}, None),
        ([*products(26), *rejects(24)], {}, Exit.INPUT_UNUSABLE),
        ([*products(24), *rejects(26)], {"max_failed_ratio": 0.52}, Exit.DONE),
        ([*rejects(30), *products(20)], {"max_failed": 30}, Exit.DONE),
        ([*products(50), *rejects(60)], {}, Exit.INPUT_UNUSABLE),
        ([*products(1), *rejects(2)], {}, None),
        (rejects(1), {}, Exit.INPUT_UNUSABLE),
    ],
    ids=[
        "half is allowed",
        "half",
        "more than half",
        "less than half",
        "the config allows more",
        "so many are allowed",
        "later",
        "a small job",
        "alone",
    ],
)
def test_half_are_too_many_unless_the_config_allows_more(tmp_path: Path, records, runtime, code):
    """code: None if the run ends before anything is asked."""
    lab = Lab(tmp_path, records, runtime=runtime)
    result = lab.run()
    assert result.code == (Exit.INPUT_UNUSABLE if code is None else code)
    good = len(records) - sum(isinstance(record, Reject) for record in records)
    assert calls(lab) == (0 if code is None else good)
    assert result.report["done"] == calls(lab)


def test_what_a_preprocessor_rejects_counts_too_and_so_does_a_sample(tmp_path: Path):
    class Choosy:
        async def process(self, items):
            return [
                Reject(reason="unknown_sku", message="no row") if int(item.product_id) % 3 else item for item in items
            ]

    lab = Lab(tmp_path, products(90), preprocessors={"choosy": Choosy()})
    result = lab.run(sample=12)
    assert (result.code, calls(lab)) == (Exit.INPUT_UNUSABLE, 0)
    assert "8 of the first 12 records are rejected (unknown_sku 8)" in result.message


def test_a_shard_judges_by_its_own_records(tmp_path: Path):
    records = [*rejects(40), *products(40)]
    shards = [Shard(index, 2) for index in range(2)]
    mine = [Counter(type(record).__name__ for record in records if shard.has(record.key)) for shard in shards]
    lab = Lab(tmp_path, records, runtime={"max_failed_ratio": 0})
    for shard, count in zip(shards, mine, strict=True):
        report = lab.run(shard=shard).report
        early = count["Reject"] > count["Product"]
        assert report["done"] == (0 if early else count["Product"])


def test_a_published_snapshot_stays_when_the_next_input_is_another_file(tmp_path: Path):
    page = MemorySnapshotSink()
    lab = Lab(tmp_path, products(3), sinks={"page": page})
    assert lab.run().code == Exit.DONE
    lab.records = rejects(3)
    assert lab.run().code == Exit.INPUT_UNUSABLE
    assert len(page.published) == 3


def test_many_products_are_held_and_none_is_lost_behind_a_short_queue(tmp_path: Path):
    lab = Lab(tmp_path, [*products(49), *rejects(2), *products(300)[49:]], runtime={"concurrency": 1})
    assert states(lab.run()) == {"done": 300, "rejected": 2}


def test_products_are_asked_for_while_the_source_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A source that gives a record now and then: after some seconds what there is decides."""
    monkeypatch.setattr(first_records, "_PATIENCE", 0.01)
    asked = threading.Event()

    class Slow:
        def read(self):
            yield from products(3)
            yield product(3)
            assert asked.wait(20), "the products were held until the source gave more"
            yield product(4)

    lab = Lab(tmp_path, input=Slow())
    script = lab.model.script
    lab.model.script = lambda request, number: (asked.set(), script(request, number))[1]
    monkeypatch.setattr("querygen_core.engine.ingest._PATIENCE", 0.0)
    assert states(lab.run()) == {"done": 5}


def test_an_input_that_breaks_among_the_first_records_still_gives_them(tmp_path: Path):
    class Torn:
        def read(self):
            yield from products(3)
            raise InputError("cut off")

    lab = Lab(tmp_path, input=Torn())
    result = lab.run()
    assert ("cut off" in result.message, states(result)) == (True, {"done": 3})


def test_a_slow_source_of_rejects_is_judged_by_time():
    async def judged() -> Shutdown:
        shutdown = Shutdown()
        look = FirstRecords(shutdown, Tolerance(0.05, 1))
        look.add([])
        look.add(["bad", "bad", None])
        assert not look.judged.is_set()
        await look.judged.wait()
        look.add(["bad"] * 90)
        return shutdown

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(first_records, "_PATIENCE", 0.01)
        shutdown = asyncio.run(judged())
    assert shutdown.code == Exit.INPUT_UNUSABLE
    assert "2 of the first 3 records" in shutdown.message
