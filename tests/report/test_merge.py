from __future__ import annotations

from typing import Any

import pytest

from querygen_core.contracts.errors import Exit
from querygen_core.contracts.journal import Spent, Tally
from querygen_core.contracts.records import Usage
from querygen_core.engine.run_stats import RunStats
from querygen_core.report.build import RunEnd, SinkReport, build_report
from querygen_core.report.merge import merge


def part(index: int, size: int = 3, *, code: Exit = Exit.DONE, attempt: int | None = None, **changes: Any) -> dict:
    """The report of a shard whose numbers all depend on its index."""
    stats = RunStats()
    stats.mark("generate")
    for _ in range(2 * index):
        stats.answered(Usage(input=10, output=index), 0.5, 0.25)
    kept = 50 * (index + 1)
    sink = SinkReport(
        name="table", identity="host/db", required=True, delivered=kept, unchanged=0, retired=index, backup=0, pending=0
    )
    states, dropped = {"done": index + 1, "short": 1}, {"quality/length": index}
    tally = Tally(states=states, not_in_input=0, kept=kept, dropped=dropped, short={"facts": 1})
    report = build_report(
        job_id="job",
        end=RunEnd(code) if code == Exit.DONE else RunEnd(code, f"ended with {int(code)}", "signal", float(index)),
        tally=tally,
        spent=Spent(calls=2 * index, cost=index),
        stats=stats,
        sinks=[sink],
        events_undelivered=index,
        run={
            "attempt": index + 1 if attempt is None else attempt,
            "shard": {"index": index, "size": size},
            "config_hash": "c",
            "models": {"m": {"use": "offline/model", "model": "m", "note": ""}},
        },
    )
    return {**report, **changes}


def test_nothing_is_nothing_and_a_job_in_one_piece_is_as_it_is():
    assert merge([]) is None
    only = part(0, 1)
    assert merge([only]) == only


def test_what_the_shards_counted_is_added_up_and_balances():
    merged = merge([part(2), part(0), part(1)])
    assert (merged["input"], merged["done"], merged["short"]) == (9, 6, 3)
    assert merged["input"] == sum(
        merged[state] for state in ("done", "short", "rejected", "duplicate", "failed", "deleted", "pending")
    )
    assert merged["queries"] == {"generated": 303, "kept": 300, "dropped": {"quality/length": 3}}
    assert (merged["sinks"]["table"]["delivered"], merged["sinks"]["table"]["identity"]) == (300, "host/db")
    assert merged["calls"] == {
        "new": 6,
        "journal": 0,
        "probe": 0,
        "duplicate": 0,
        "refused": 0,
        "abandoned": 0,
        "job": 6,
        "indeterminate": 0,
        "errors": {},
    }
    assert (merged["tokens"]["input"], merged["cost"], merged["cost_estimated"], merged["cost_job"]) == (
        60,
        3.0,
        1.5,
        3,
    )
    assert (merged["short_reasons"], merged["events_undelivered"]) == ({"facts": 3}, 3)
    assert (merged["exit_code"], merged["state"], merged["missing_shards"]) == (0, "done", [])
    assert [shard["index"] for shard in merged["shards"]] == [0, 1, 2]


def test_a_job_lasts_from_its_first_shard_s_start_to_its_last_one_s_end():
    times = [f"2026-11-30T02:00:0{second}.000Z" for second in range(6)]
    parts = [part(index, started=times[index], finished=times[index + 3]) for index in range(3)]
    for index, one in enumerate(parts):
        one["stages"] = {
            "generate": {"started": times[2 - index], "finished": times[5 - index], "seconds": float(index)},
            f"own{index}": {"started": times[0], "finished": times[1], "seconds": 1.0},
        }
    merged = merge(parts)
    assert (merged["started"], merged["finished"]) == (times[0], times[5])
    assert merged["stages"]["generate"] == {"started": times[0], "finished": times[5], "seconds": 2.0}
    assert merged["stages"].keys() == {"generate", "own0", "own1", "own2"}


def test_the_cause_is_that_of_the_shard_whose_exit_code_is_the_job_s():
    parts = [part(0, code=Exit.TRY_AGAIN), part(1, code=Exit.SINK_FAILED, stopped_by="sink"), part(2)]
    merged = merge(parts)
    assert (merged["stopped_by"], merged["retry_after"]) == ("sink", 1.0)
    done = merge([part(0), part(1), part(2)])
    assert (done["stopped_by"], done["retry_after"]) == (None, None)


def test_a_merged_report_has_all_that_a_report_has():
    assert merge([part(0), part(1), part(2)]).keys() >= part(0).keys()


@pytest.mark.parametrize(
    ("codes", "worst"),
    [
        ((0, 75, 0), 75),
        ((75, 74, 0), 74),
        ((72, 75, 74), 72),
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
    whole = part(0, 1, attempt=20)
    assert merge([*earlier, whole]) == whole


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
