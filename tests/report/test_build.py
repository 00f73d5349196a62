from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from querygen_core.contracts.errors import Exit
from querygen_core.contracts.journal import Spent, Tally
from querygen_core.contracts.records import Usage
from querygen_core.engine.run_stats import RunStats
from querygen_core.report.build import RunEnd, SinkReport, build_report, failed_records, imbalances, run_state

TALLY = Tally(
    states={"done": 5, "short": 1, "rejected": 1, "duplicate": 2, "failed": 1},
    not_in_input=3,
    kept=140,
    dropped={"quality/length": 6, "dedup/exact": 4},
    short={"facts": 1},
)
SINK = SinkReport(
    name="table", identity="host/db", required=True, delivered=100, unchanged=30, retired=7, backup=10, pending=0
)


def test_what_adds_up_is_balanced():
    assert imbalances(10, TALLY, [SINK]) == []


@pytest.mark.parametrize("read", [9, 11, 0])
def test_a_record_too_few_or_too_many_is_found(read):
    (found,) = imbalances(read, TALLY, [SINK])
    assert found == f"{read} records read, 10 accounted for"


@pytest.mark.parametrize("change", [{"pending": 1}, {"pending": -1}, {"refused": 5}])
def test_questions_that_a_sink_does_not_account_for_are_found(change):
    (found,) = imbalances(10, TALLY, [SINK, replace(SINK, name="other", **change)])
    assert "sink other" in found
    assert "140 kept" in found


def test_what_a_sink_refused_or_could_not_take_is_accounted_for():
    refusing = replace(SINK, delivered=90, pending=10, refused=10, refused_products=1)
    failing = replace(SINK, delivered=0, unchanged=0, backup=0, pending=140, error="down")
    assert imbalances(10, TALLY, [refusing, failing]) == []


def test_failed_and_rejected_records_count():
    assert failed_records(TALLY) == 2
    assert failed_records(replace(TALLY, states={})) == 0


@pytest.mark.parametrize(
    ("code", "state"),
    [
        (Exit.DONE, "done"),
        (Exit.TRY_AGAIN, "stopped"),
        (Exit.PROVIDER_REFUSES, "stopped"),
        (Exit.INTERRUPTED, "stopped"),
        (Exit.BUG, "failed"),
        (Exit.SINK_FAILED, "failed"),
        (Exit.INPUT_UNUSABLE, "failed"),
    ],
)
def test_every_end_has_a_state(code, state):
    assert run_state(code) == state


def test_a_report_in_full():
    stats = RunStats(from_journal=4)
    for stage in ("input", "generate", "generate"):
        stats.mark(stage)
    stats.answered(Usage(input=100, output=20, thinking=5, cached=50), 0.25)
    stats.answered(Usage(input=10), 0.5, 0.125)
    report = build_report(
        job_id="job",
        end=RunEnd(Exit.TRY_AGAIN, "the provider asks for a pause", "provider_wait", 30.0),
        tally=TALLY,
        spent=Spent(calls=9, indeterminate=None),
        stats=stats,
        sinks=[SINK, replace(SINK, name="extra", required=False, delivered=0, error="down")],
        events_undelivered=2,
        run={"attempt": 3},
    )
    assert report["format"] == "querygen-report/1"
    assert (report["exit_code"], report["state"], report["stopped_by"]) == (75, "stopped", "provider_wait")
    assert report["retry_after"] == 30.0
    assert report["stages"].keys() == {"input", "generate"}
    generating = report["stages"]["generate"]
    assert generating["seconds"] == report["questions_generation_time"]
    times = [report["started"], generating["started"], generating["finished"], report["finished"]]
    assert times == sorted(times)
    assert all(datetime.fromisoformat(time).utcoffset() == timedelta(0) for time in times)
    assert report["input"] == 10
    assert report["calls"] == {
        "new": 2,
        "journal": 4,
        "indeterminate": None,
        "abandoned": 0,
        "probe": 0,
        "duplicate": 0,
        "refused": 0,
        "errors": {},
        "job": 9,
    }
    assert report["tokens"] == {"input": 110, "output": 20, "thinking": 5, "cached": 50}
    assert (report["cost"], report["cost_estimated"]) == (0.75, 0.125)
    assert report["queries"] == {"generated": 150, "kept": 140, "dropped": {"dedup/exact": 4, "quality/length": 6}}
    assert report["sinks"]["table"] == {
        "delivered": 100,
        "unchanged": 30,
        "retired": 7,
        "displaced": 0,
        "held": 0,
        "pending": 0,
        "backup": 10,
        "refused": 0,
        "refused_products": 0,
        "identity": "host/db",
    }
    assert report["sinks"]["extra"]["error"] == "down"
    assert (report["products_processed"], report["total_queries_generated"]) == (6, 150)
    assert report["queries_saved_to_db"] == 130
    assert report["attempt"] == 3


def test_one_unknown_price_makes_the_cost_unknown():
    stats = RunStats()
    for cost in (0.25, None, 0.25):
        stats.answered(Usage(), cost)
    assert stats.cost is None
    assert stats.calls == 3
