from __future__ import annotations

from typing import Any

import pytest

from querygen_core.engine.meter import Meter
from querygen_core.errors import Exit
from querygen_core.journal.interface import Spent, Tally
from querygen_core.merge import merge
from querygen_core.records import Response, Usage
from querygen_core.report import SinkReport, build_report


def part(index: int, size: int = 3, *, code: Exit = Exit.DONE, attempt: int | None = None, **changes: Any) -> dict:
    """The report of a shard whose numbers all depend on its index."""
    meter = Meter()
    for _ in range(2 * index):
        meter.answered(Response(text="", usage=Usage(input=10, output=index)), 0.5)
    kept = 50 * (index + 1)
    sink = SinkReport(
        name="table", identity="host/db", required=True, delivered=kept, unchanged=0, retired=index, backup=0, pending=0
    )
    states, dropped = {"done": index + 1, "short": 1}, {"quality/length": index}
    tally = Tally(states=states, not_in_input=0, kept=kept, dropped=dropped, short={"facts": 1})
    report = build_report(
        job_id="job", code=code, message="" if code == Exit.DONE else f"ended with {int(code)}", tally=tally,
        spent=Spent(calls=2 * index, cost=index), meter=meter, sinks=[sink], events_undelivered=index,
        run={
            "attempt": index + 1 if attempt is None else attempt, "shard": {"index": index, "size": size},
            "config_hash": "c", "models": {"m": {"use": "offline/model", "model": "m", "note": ""}},
        },
    )  # fmt: skip
    return {**report, **changes}


def test_nothing_is_nothing_and_a_job_in_one_piece_is_as_it_is():
    assert merge([]) is None
    assert merge([part(0, 1)]) == part(0, 1)


def test_what_the_shards_counted_is_added_up_and_balances():
    merged = merge([part(2), part(0), part(1)])
    assert (merged["input"], merged["done"], merged["short"]) == (9, 6, 3)
    assert merged["input"] == sum(
        merged[state] for state in ("done", "short", "rejected", "duplicate", "failed", "pending")
    )
    assert merged["queries"] == {"generated": 303, "kept": 300, "dropped": {"quality/length": 3}}
    assert (merged["sinks"]["table"]["delivered"], merged["sinks"]["table"]["identity"]) == (300, "host/db")
    assert merged["calls"] == {"new": 6, "journal": 0, "abandoned": 0, "job": 6, "indeterminate": 0, "errors": {}}
    assert (merged["tokens"]["input"], merged["cost"], merged["cost_job"]) == (60, 3.0, 3)
    assert (merged["short_reasons"], merged["events_undelivered"]) == ({"facts": 3}, 3)
    assert (merged["exit_code"], merged["state"], merged["missing_shards"]) == (0, "done", [])
    assert [shard["index"] for shard in merged["shards"]] == [0, 1, 2]


def test_a_merged_report_has_all_that_a_report_has():
    assert merge([part(0), part(1), part(2)]).keys() >= part(0).keys()


@pytest.mark.parametrize(
    ("codes", "worst"),
    [
        ((0, 75, 0), 75),
        ((75, 74, 0), 74),
        ((74, 70, 75), 70),
        ((69, 75, 0), 69),
        ((65, 69, 77), 77),
        ((130, 75, 0), 130),
    ],
)
def test_the_worst_end_is_the_job_s_and_says_whose_it_is(codes, worst):
    merged = merge([part(index, code=Exit(code)) for index, code in enumerate(codes)])
    assert merged["exit_code"] == worst
    assert f"shard {codes.index(worst)}: ended with {worst}" in merged["message"]


def test_shards_without_a_report_are_named_and_the_job_is_not_done():
    merged = merge([part(1, 4)])
    assert (merged["exit_code"], merged["state"], merged["missing_shards"]) == (75, "stopped", [0, 2, 3])
    assert "no report of shards 0, 2, 3" in merged["message"]


def test_only_the_last_way_in_which_the_job_was_cut_counts():
    earlier = [part(index, 8, attempt=index) for index in range(8)]
    merged = merge([*earlier, part(0, 2, attempt=9), part(1, 2, attempt=8, done=100)])
    assert (merged["shard"]["size"], merged["done"], merged["missing_shards"]) == (2, 101, [])
    assert merge([*earlier, part(0, 1, attempt=20)]) == part(0, 1, attempt=20)


def test_what_one_shard_does_not_know_nobody_knows():
    unknown = part(1, cost=None)
    unknown["calls"] = {**unknown["calls"], "indeterminate": None}
    merged = merge([part(0), unknown, part(2)])
    assert (merged["cost"], merged["calls"]["indeterminate"], merged["cost_job"]) == (None, None, 3)


def test_shards_that_ran_different_configs_are_said():
    merged = merge([part(0), part(1, config_hash="other"), part(2)])
    assert merged["config_hash"] is None
    assert "different configs" in merged["message"]
    assert merged["exit_code"] == 0


def test_each_shard_s_own_file_is_told_by_one_name():
    parts = [part(index) for index in range(3)]
    for index, one in enumerate(parts):
        one["sinks"]["table"] = {**one["sinks"]["table"], "identity": f"out.part-{index}"}
    parts[1]["sinks"]["table"]["error"] = "disk full"
    merged = merge(parts)["sinks"]["table"]
    assert (merged["identity"], merged["error"]) == ("out.part-0 and 2 more", "disk full")
