"""Every event becomes events whose names are pinned, and which are the same whenever it is told."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from aws_tables import REPORT, event
from querygen_aws.events import EVENTS, log_entries
from querygen_core.api import Event

README = Path(__file__).parents[1] / "README.md"


def names(**changes):
    return [name for name, _ in log_entries(event(kind="run_finished", data={**REPORT, **changes}))]


def details(name, **changes):
    entries = log_entries(event(kind="run_finished", data={**REPORT, **changes}))
    (data,) = [data for entry, data in entries if entry == name]
    return data


def test_the_names_are_those_that_dashboards_rely_on():
    assert set(EVENTS) == {
        "JobStarted",
        "InputRead",
        "StageFinished",
        "CallFailed",
        "ProductRejected",
        "ProductFailed",
        "ProductRefused",
        "ProductsRemoved",
        "DeliveryFailed",
        "SecretReloaded",
        "JobDraining",
        "JobFinished",
        "JobStopped",
        "JobFailed",
        "ExecutionStats",
        "ErrorClasses",
        "DeadLetters",
        "SinkDelivery",
        "Budget",
        "SecretReads",
        "StoreWrites",
        "OtherEvent",
    }


def test_the_readme_lists_them():
    table = dict(re.findall(r"^\| `([A-Za-z]+)` \| ([^|]+) \|$", README.read_text("utf-8"), re.MULTILINE))
    assert {name: table.get(name) for name in EVENTS} == dict(EVENTS)


def test_every_kind_of_event_that_core_names_has_a_name_of_its_own():
    documented = inspect.getsource(Event).partition("kind: str")[2].partition("data:")[0]
    kinds = re.findall(r"`(\w+)`", documented)
    assert len(kinds) >= 10
    told = {kind: log_entries(event(kind=kind, data={"any": "thing"}))[0][0] for kind in kinds}
    assert "OtherEvent" not in told.values()
    assert len(set(told.values())) == len(kinds)
    assert set(told.values()) <= set(EVENTS)


def test_the_data_of_an_event_is_kept_as_it_is():
    data = {"product": "shop:K-1:en", "reason": "blocked"}
    assert log_entries(event(kind="product_failed", data=data)) == [("ProductFailed", data)]


def test_an_unknown_kind_is_kept_with_all_it_says():
    assert log_entries(event(kind="new_kind", data={"a": 1})) == [
        ("OtherEvent", {"kind": "new_kind", "data": {"a": 1}})
    ]


@pytest.mark.parametrize(
    ("state", "name"),
    [("done", "JobFinished"), ("stopped", "JobStopped"), ("failed", "JobFailed"), (None, "JobFailed")],
)
def test_how_a_run_ended_is_the_name_of_its_first_event(state, name):
    assert names(state=state)[0] == name


def test_a_run_ends_in_several_events():
    assert names()[1:] == ["ExecutionStats", "ErrorClasses", "DeadLetters", "SinkDelivery", "SinkDelivery", "Budget"]


def test_nothing_wrong_makes_no_event_about_what_is_wrong():
    calls, sinks = {**REPORT["calls"], "errors": {}}, {"files": REPORT["sinks"]["files"]}
    clean = names(calls=calls, sinks=sinks, rejected=0, failed=0, short_reasons={})
    assert clean == ["JobFinished", "ExecutionStats", "SinkDelivery", "Budget"]


def test_the_events_of_a_run_hold_its_figures():
    assert details("JobFinished")["exit_code"] == 0
    assert details("ExecutionStats")["questions_generation_time"] == 18.0
    assert details("ErrorClasses") == {"calls": {"throttled": 5, "retry": 1}, "short": {"market": 1}}
    assert details("DeadLetters") == {
        "rejected": 1,
        "failed": 1,
        "refused": {},
        "undelivered": {"rows": 12},
    }
    assert details("SecretReads", secrets={"fetched": 2, "reloaded": 1}) == {"fetched": 2, "reloaded": 1}
    assert details("StoreWrites", store_writes={"answers": 20, "leases": 3}) == {"answers": 20, "leases": 3}
    assert details("Budget", cost=None)["cost"] is None
    sinks = [data for name, data in log_entries(event(kind="run_finished", data=REPORT)) if name == "SinkDelivery"]
    assert sinks == [{"sink": name, **numbers} for name, numbers in REPORT["sinks"].items()]


def test_every_figure_of_the_report_is_in_an_event():
    told = [data for _, data in log_entries(event(kind="run_finished", data=REPORT))]
    keys = {key for data in told for key in data}
    left_out = {"job_id", "rejected", "failed", "short_reasons", "sinks"}  # the job's is its key; others have new names
    assert set(REPORT) - left_out <= keys


@pytest.mark.parametrize("report", [{}, {"calls": None, "sinks": [1], "state": 3}, {"sinks": {"a": None}}])
def test_a_report_of_another_version_is_logged_too(report):
    assert log_entries(event(kind="run_finished", data=report))[0][0] == "JobFailed"
