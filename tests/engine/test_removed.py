"""Products that left the input: kept, or withdrawn from every sink, but never half a catalogue by mistake."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from querygen_core.api import InputError, Shard, SinkError
from querygen_core.contracts.errors import Exit
from querygen_core.products.mapping import read_product
from querygen_core.testing import MemorySink, MemorySnapshotSink, RecordingObserver, ScriptedProvider, three_questions
from tests.engine.lab import Lab, product, products

RETIRE = {"removed_products": "retire", "max_retired_ratio": 0.5}
KEYS = [item.key for item in products(12)]


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    """Ten products were delivered to a table and a page; two of them are gone since."""
    lab = Lab(tmp_path, products(10), sinks={"table": MemorySink(), "page": MemorySnapshotSink()}, runtime=RETIRE)
    assert lab.run().code == Exit.DONE
    lab.records = products(8)
    return lab


def with_questions(lab: Lab) -> list[str]:
    return sorted(key for key, texts in lab.table.texts.items() if texts)


def test_what_left_the_input_is_withdrawn_from_every_sink_once(lab):
    ear = RecordingObserver()
    lab.observers = {"ear": ear}
    report = lab.run().report
    assert (report["input"], report["done"], report["deleted"], report["not_in_input"]) == (10, 8, 2, 0)
    assert (report["calls"]["new"], report["sinks"]["table"]["retired"]) == (0, 6)
    assert with_questions(lab) == KEYS[:8]
    assert [lab.table.outcomes[key].state for key in KEYS[8:10]] == ["deleted", "deleted"]
    assert [outcome.product_key for outcome in lab.sinks["page"].published] == KEYS[:8]
    (event,) = [event for event in ear.events if event.kind == "products_removed"]
    assert event.data == {"removed": 2, "in_input": 8}

    again = lab.run().report
    assert (again["input"], again["deleted"], again["not_in_input"]) == (8, 0, 0)
    assert again["sinks"]["table"]["retired"] == 0
    assert ear.kinds.count("products_removed") == 1


def test_a_product_whose_record_is_broken_has_not_left(lab):
    broken = read_product({"id": "9", "title": ""})
    assert (broken.reason, broken.key) == ("no_title", KEYS[9])
    lab.records = [*products(8), broken]
    lab.runtime = {**RETIRE, "max_failed_ratio": 0.5}
    report = lab.run().report
    assert (report["done"], report["rejected"], report["deleted"], report["not_in_input"]) == (8, 1, 1, 0)
    assert with_questions(lab) == [*KEYS[:8], KEYS[9]]
    assert lab.dead_letters()[0]["product_key"] == KEYS[9]


def test_by_default_a_sink_of_rows_keeps_them(lab):
    lab.runtime = {}
    report = lab.run().report
    assert (report["input"], report["deleted"], report["not_in_input"]) == (8, 0, 2)
    assert with_questions(lab) == KEYS[:10]


def test_what_comes_back_is_replayed_and_may_leave_again(lab):
    lab.run()
    lab.records = [*products(9), product(9, title="Another")]
    back = lab.run().report
    assert (back["done"], back["deleted"], back["calls"]["new"]) == (10, 0, 1), "only what has changed is asked again"
    assert with_questions(lab) == KEYS[:10]
    lab.records = products(8)
    gone = lab.run().report
    assert (gone["deleted"], gone["sinks"]["table"]["retired"]) == (2, 6)
    assert with_questions(lab) == KEYS[:8]


def test_a_sink_that_was_down_is_told_by_the_next_run(lab):
    lab.table.errors = [SinkError("permanent", "no such table")]
    assert (lab.run().code, with_questions(lab)) == (Exit.SINK_FAILED, KEYS[:10])
    healed = lab.run()
    assert (healed.code, healed.report["deleted"]) == (Exit.DONE, 0)
    assert healed.report["sinks"]["table"]["retired"] == 6
    assert with_questions(lab) == KEYS[:8]


def test_a_sink_knows_version_and_place_of_what_it_withdraws(tmp_path: Path):
    first, second = product(1, version=7, refs={"db": 31}), product(2, version=9, refs={"db": 32})
    lab = Lab(tmp_path, [first, second], runtime=RETIRE)
    lab.run()
    lab.records = [replace(first, version=8, refs={"db": 41}), second]
    assert lab.run().report["calls"]["new"] == 0
    lab.records = [second]
    lab.run()
    lab.run()
    gone = lab.table.outcomes[first.key]
    assert (gone.state, gone.version, dict(gone.refs), gone.title) == ("deleted", 8, {"db": 41}, "Product 1")


def test_half_a_catalogue_is_not_withdrawn_by_mistake(lab):
    lab.runtime = {"removed_products": "retire"}
    lab.sinks["later"] = MemorySink("lab/later")
    lab.records = [*products(7), product(11)]
    applied = len(lab.table.applied)
    result = lab.run()
    assert (result.code, result.report["stopped_by"]) == (Exit.INPUT_UNUSABLE, "removed_products")
    assert "3 of 11 products (27.3%) are no longer in the input" in result.message
    assert "runtime.max_retired_ratio allows 10.0%" in result.message
    assert (result.report["deleted"], result.report["not_in_input"], result.report["calls"]["new"]) == (0, 3, 1)
    assert (len(lab.table.applied), lab.sinks["later"].applied, lab.sinks["page"].publications) == (applied, [], 1)
    assert with_questions(lab) == KEYS[:10]

    lab.runtime = {"removed_products": "retire", "max_retired_ratio": 3 / 11}
    meant = lab.run()
    assert (meant.code, meant.report["deleted"], meant.report["calls"]["new"]) == (Exit.DONE, 3, 0)
    assert with_questions(lab) == sorted([*KEYS[:7], KEYS[11]])


def test_nothing_is_delivered_before_the_input_is_read(tmp_path: Path):
    class Watching(ScriptedProvider):
        async def complete(self, request):
            applied.append(len(lab.table.applied))
            return await super().complete(request)

    applied: list[int] = []
    lab = Lab(tmp_path, products(60), model=Watching(three_questions, seconds=0.005), runtime=RETIRE)
    assert lab.run().code == Exit.DONE
    assert (set(applied), len(lab.table.texts)) == ({0}, 60)


@pytest.mark.parametrize("how", ["sample", "product", "budget", "broken input"])
def test_a_run_that_did_not_see_the_whole_input_withdraws_nothing(lab, how):
    if how == "broken input":
        lab.records = [*products(8), InputError("the connection was cut", kind="retry")]
    elif how == "budget":
        lab.records = [*products(8), product(10), product(11)]
        lab.runtime = {**RETIRE, "max_calls": 11}
    report = lab.run(sample=8 if how == "sample" else None, products=("{}",) if how == "product" else ()).report
    assert (report["deleted"], report["not_in_input"]) == (0, 2)
    assert set(with_questions(lab)) >= set(KEYS[:10])


def test_each_shard_withdraws_its_own(lab):
    reports = [lab.run(shard=Shard(index, 2)).report for index in range(2)]
    assert sum(report["deleted"] for report in reports) == 2
    assert [report["exit_code"] for report in reports] == [0, 0]
    assert with_questions(lab) == KEYS[:8]
