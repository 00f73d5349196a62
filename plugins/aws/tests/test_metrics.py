"""A run's line is what CloudWatch's specification asks for, and its numbers are the report's."""

from __future__ import annotations

import asyncio
import json
import logging
import math
import re
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest
from pydantic import ValidationError

from aws_server.proxy import Fail
from aws_tables import REPORT, event, items, make_table
from querygen_aws import build_metrics
from querygen_aws.metric_table import METRICS
from querygen_aws.options import MetricsOptions
from querygen_core.api import Secret, SinkError
from querygen_core.testing import HOSTILE, ObserverContract, context

README = Path(__file__).parents[1] / "README.md"
UNITS = {"Count", "Seconds", "Bytes", "Percent", "None"}
TABLE_OF_HISTORY = "querygen#durations"


class TestMetrics(ObserverContract):
    once: ClassVar = False

    @pytest.fixture(autouse=True)
    def _take_output(self, capsys):
        self.output = capsys

    def observer(self, folder):
        return build_metrics(MetricsOptions(), context(folder))

    def send_events(self, events):
        """As ends of runs: of other events nothing is measured."""
        super().send_events([replace(one, kind="run_finished") for one in events])

    def recorded(self):
        return [json.loads(line)["seq"] for line in self.output.readouterr().err.splitlines()]


@pytest.fixture
def emit(tmp_path, capsys):
    """Tells an end of a run to an observer with these options; the lines."""

    def emit(options=None, changes=None, **event_changes):
        metrics = build_metrics(MetricsOptions(**(options or {})), context(tmp_path))
        metrics.on_event(event(5, "run_finished", data={**REPORT, **(changes or {})}, **event_changes))
        written = capsys.readouterr()
        assert not written.out
        return [json.loads(line, parse_constant=pytest.fail) for line in written.err.splitlines()]

    return emit


def directive_of(line):
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    return directive


def check(line):
    """The rules of the specification, and ours for its size."""
    assert set(line["_aws"]) == {"Timestamp", "CloudWatchMetrics"}
    assert isinstance(line["_aws"]["Timestamp"], int)
    directive = directive_of(line)
    assert set(directive) == {"Namespace", "Dimensions", "Metrics"}
    assert 1 <= len(directive["Namespace"]) <= 255
    assert len(directive["Dimensions"]) == 1
    assert len(directive["Dimensions"][0]) <= 30
    for name in directive["Dimensions"][0]:
        assert re.fullmatch(r"[ -~]*[!-~][ -~]*", line[name])
        assert len(line[name]) <= 1024
    names = [metric["Name"] for metric in directive["Metrics"]]
    assert 1 <= len(names) <= 100
    assert len(set(names)) == len(names)
    for metric in directive["Metrics"]:
        assert set(metric) == {"Name", "Unit"}
        assert metric["Unit"] in UNITS
        assert isinstance(line[metric["Name"]], int | float)
        assert math.isfinite(line[metric["Name"]])
    assert len(json.dumps(line, separators=(",", ":"))) < 16_000
    return names


def test_a_run_is_one_line_and_each_sink_another(emit):
    lines = emit({"dimensions": {"Environment": "prod"}})
    for line in lines:
        check(line)
    assert [directive_of(line)["Dimensions"] for line in lines] == [
        [["Environment"]],
        [["Environment", "Sink"]],
        [["Environment", "Sink"]],
    ]
    assert [line.get("Sink") for line in lines] == [None, "rows", "files"]
    assert {directive_of(line)["Namespace"] for line in lines} == {"Querygen"}


def test_the_numbers_are_those_of_the_report(emit):
    line, rows, files = emit()
    wanted = {
        "ProductsProcessed": 9,
        "TotalQueriesGenerated": 100,
        "QueriesSavedToDb": 64,
        "ProductsProcessingTime": 0.5,
        "QuestionsGenerationTime": 18.0,
        "ResultsPersistenceTime": 2.25,
        "ProductsDone": 8,
        "ProductsShort": 1,
        "ProductsRejected": 1,
        "ProductsDuplicate": 1,
        "ProductsFailed": 1,
        "ProductsPending": 0,
        "QueriesKept": 80,
        "Calls": 18,
        "CallsFromJournal": 2,
        "CallErrors": 6,
        "CallErrors_throttled": 5,
        "CallErrors_retry": 1,
        "CallErrorRate": 25.0,
        "TokensInput": 1000,
        "TokensOutput": 500,
        "TokensThinking": 20,
        "TokensCached": 0,
        "Cost": 0.0123,
        "PeakMemory": 52_428_800,
        "CpuSeconds": 1.25,
        "EventsUndelivered": 3,
        "JobFailed": 0,
        "SecondsPerProduct": 2.0,
    }
    assert {name: line[name] for name in check(line)} == wanted
    assert {name: rows[name] for name in check(rows)} == {"SinkDelivered": 64, "SinkFailed": 16, "SinkErrorRate": 20.0}
    assert {name: files[name] for name in check(files)} == {"SinkDelivered": 80, "SinkFailed": 0, "SinkErrorRate": 0.0}


def test_the_job_is_named_beside_the_dimensions_only(emit):
    for line in emit(job_id="catalogue-7", attempt=4, shard=2):
        assert (line["job_id"], line["attempt"], line["shard"], line["seq"]) == ("catalogue-7", 4, 2, 5)
        assert "job_id" not in directive_of(line)["Dimensions"][0]


def test_the_time_is_the_events_own(emit):
    assert {line["_aws"]["Timestamp"] for line in emit(time="2026-11-23T12:00:00.250Z")} == {1_795_435_200_250}


def test_what_is_not_known_is_left_out(emit):
    line = emit(changes={"cost": None, "calls": {"new": 0, "errors": {}}, "peak_rss_bytes": math.nan, "sinks": {}})[0]
    names = check(line)
    assert not {"Cost", "PeakMemory", "CallErrorRate", "CallsFromJournal", "DurationRatio"} & set(names)
    assert line["CallErrors"] == 0


@pytest.mark.parametrize(("state", "value"), [("failed", 1), ("stopped", 0), ("done", 0)])
def test_a_failed_run_counts(emit, state, value):
    assert emit(changes={"state": state})[0]["JobFailed"] == value


@pytest.mark.parametrize("report", [{}, {"sinks": 3, "calls": [], "state": None}, {"sinks": {"a": None, "": {}}}])
def test_a_report_of_another_version_makes_valid_lines(tmp_path, capsys, report):
    build_metrics(MetricsOptions(), context(tmp_path)).on_event(event(kind="run_finished", data=report))
    for line in map(json.loads, capsys.readouterr().err.splitlines()):
        check(line)


def test_of_other_events_nothing_is_measured(tmp_path, capsys):
    build_metrics(MetricsOptions(), context(tmp_path)).on_event(event(kind="stage_finished", data=REPORT))
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("name", [*HOSTILE, " ", "", "\ud800", "s" * 5000])
def test_any_name_of_a_sink_is_a_dimension_that_cloudwatch_takes(emit, name):
    lines = emit(changes={"sinks": {name: REPORT["sinks"]["rows"]}})
    check(lines[1])


def test_the_longest_line_is_short_enough_for_dockers_log(emit):
    big = 1.2345678901234567e-300
    errors = {f"{'e' * 38}{number:02}": big for number in range(40)}
    report = {name: big if isinstance(value, int | float) else value for name, value in REPORT.items()}
    report |= {"calls": {"new": big, "journal": big, "errors": errors}, "attempt": 1}
    dimensions = {f"{'d' * 48}{number:02}": "v" * 50 for number in range(20)}
    lines = emit({"dimensions": dimensions, "namespace": "n" * 255}, report, job_id="😀" * 255)
    names = check(lines[0])
    assert sum(name.startswith("CallErrors_") for name in names) == 20, "forty classes would be too much"
    assert len(names) > 45
    check(emit({"dimensions": dimensions}, {"sinks": {"日" * 900: REPORT["sinks"]["rows"]}}, job_id="😀" * 255)[1])


def test_lines_hold_no_secret(emit):
    Secret.plain("canary-secret-51f0")
    lines = emit(changes={"sinks": {"canary-secret-51f0": REPORT["sinks"]["rows"]}}, job_id="canary-secret-51f0")
    assert "canary-secret" not in json.dumps(lines)


@pytest.mark.parametrize(
    "options",
    [
        {"dimensions": {"job_id": "x"}},
        {"dimensions": {"JobId": "x"}},
        {"dimensions": {"Sink": "x"}},
        {"dimensions": {"Calls": "x"}},
        {"dimensions": {"CallErrors_retry": "x"}},
        {"dimensions": {"": "x"}},
        {"dimensions": {"a": " "}},
        {"dimensions": {"a": "é"}},
        {"dimensions": {":a": "x"}},
        {"dimensions": {"a": "x\n"}},
        {"table": "a b"},
        {"namespace": ""},
        {"namespace": "a" * 256},
        {"dimensions": {"a": "x" * 256}},
        {"dimensions": {f"d{n}": "x" for n in range(21)}},
        {"dimensions": {f"{n}": "x" * 250 for n in range(9)}},
        {"namespace": "AWS/Lambda"},
    ],
)
def test_options_that_cloudwatch_would_not_take_are_refused(options):
    with pytest.raises(ValidationError):
        MetricsOptions(**options)


def test_the_readme_lists_the_metrics():
    text = README.read_text("utf-8")
    for metric in METRICS:
        assert f"| `{metric.name}` | {metric.unit} | {metric.meaning} |" in text


@pytest.fixture
def table(aws, environment):
    return make_table(aws)


def ratio(emit, table, number, seconds, **changes):
    """Of a run of nine products that ended in minute `number`."""
    report = {"questions_generation_time": 9.0 * seconds, **changes}
    when = f"2026-11-23T12:{number:02}:00.000Z"
    return emit({"table": table}, report, job_id=f"job-{number}", time=when)[0].get("DurationRatio")


def test_a_run_is_compared_with_the_mean_of_those_before(emit, aws, table):
    assert [ratio(emit, table, number, seconds) for number, seconds in enumerate((2.0, 4.0, 6.0, 1.0))] == [
        None,
        2.0,
        2.0,
        0.25,
    ]
    assert [float(item["seconds_per_product"]) for item in items(aws, table, TABLE_OF_HISTORY)] == [2.0, 4.0, 6.0, 1.0]


def test_only_the_last_twenty_count(emit, table):
    for number in range(25):
        ratio(emit, table, number, 100.0 if number < 5 else 2.0)
    assert ratio(emit, table, 30, 4.0) == 2.0


def test_a_run_that_is_told_again_is_not_compared_with_itself(emit, aws, table):
    ratio(emit, table, 1, 2.0)
    assert ratio(emit, table, 2, 6.0) == ratio(emit, table, 2, 6.0) == 3.0
    assert len(items(aws, table, TABLE_OF_HISTORY)) == 2


@pytest.mark.parametrize("changes", [{"state": "failed"}, {"state": "stopped"}])
def test_a_run_without_success_is_compared_but_not_remembered(emit, aws, table, changes):
    ratio(emit, table, 1, 2.0)
    assert ratio(emit, table, 2, 6.0, **changes) == 3.0
    assert len(items(aws, table, TABLE_OF_HISTORY)) == 1


@pytest.mark.parametrize("changes", [{"attempt": 2}, {"products_processed": 0}])
def test_a_run_that_did_not_do_the_whole_job_is_neither(emit, aws, table, changes):
    ratio(emit, table, 1, 2.0)
    assert ratio(emit, table, 2, 6.0, **changes) is None
    assert len(items(aws, table, TABLE_OF_HISTORY)) == 1


def test_shards_that_end_in_one_moment_are_all_remembered(emit, aws, table):
    for shard in range(3):
        emit({"table": table}, shard=shard)
    assert len(items(aws, table, TABLE_OF_HISTORY)) == 3


def test_without_the_table_the_other_metrics_are_written(emit, table, proxy, monkeypatch, caplog):
    monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
    proxy.on("Query", Fail("ResourceNotFoundException", message="no such table"))
    with caplog.at_level(logging.WARNING):
        lines = emit({"table": table})
    assert len(lines) == 3
    assert "DurationRatio" not in lines[0]
    assert "no such table" in caplog.text
    assert not proxy.counts["PutItem"], "one that cannot be asked is not written to either"


def test_an_item_that_a_person_has_spoilt_is_passed_over(emit, aws, table):
    ratio(emit, table, 1, 2.0)
    aws.client("dynamodb").put_item(
        TableName=table, Item={"pk": {"S": TABLE_OF_HISTORY}, "sk": {"S": "2026-11-23T12:01:30"}, "note": {"S": "?"}}
    )
    assert ratio(emit, table, 2, 6.0) == 3.0


@pytest.mark.slow
def test_a_hanging_table_holds_nothing_up(emit, table, proxy, monkeypatch, caplog):
    from aws_server.proxy import Delay
    from querygen_aws import metrics

    monkeypatch.setattr(metrics, "_TIMEOUT", 0.1)
    monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
    proxy.on("dynamodb:.*", Delay(3600))
    lines = emit({"table": table})
    assert "DurationRatio" not in lines[0]
    assert "no answer in time" in caplog.text


@pytest.mark.parametrize("operation", ["Query", "PutItem"])
@pytest.mark.usefixtures("environment")
def test_a_check_reads_and_writes_the_history_and_changes_nothing(aws, proxy, tmp_path, operation):
    table = make_table(aws)
    metrics = build_metrics(MetricsOptions(table=table), context(tmp_path, environ=proxy.environ))
    asyncio.run(metrics.check())
    assert items(aws, table, TABLE_OF_HISTORY) == []
    proxy.on(operation, Fail("AccessDeniedException"))
    with pytest.raises(SinkError, match=f"table {table}: AccessDenied") as caught:
        asyncio.run(metrics.check())
    assert caught.value.kind == "auth"


def test_without_a_history_there_is_nothing_to_check(tmp_path):
    asyncio.run(build_metrics(MetricsOptions(), context(tmp_path)).check())
