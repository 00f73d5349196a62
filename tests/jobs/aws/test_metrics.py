"""Whole jobs, as processes, that write metrics: bare lines on standard error, whose numbers are the report's."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from aws_server.proxy import Delay
from aws_tables import items, make_table
from tests.cli.process import environment
from tests.faults.shop import Shop

pytestmark = pytest.mark.slow


@pytest.fixture
def shop(tmp_path):
    def make(**options: Any) -> Shop:
        observers = [{"use": "aws/metrics", **options}]
        return Shop(tmp_path / "shop", products=4, latency_ms=1, changes={"observers": observers})

    return make


def lines_of(ended):
    """Of standard error, those that a log agent takes for metrics."""
    assert ended.code == 0, ended.err
    return [json.loads(line) for line in ended.err.splitlines() if line.startswith('{"_aws"')]


def test_a_run_ends_with_its_metrics_and_needs_no_account(shop):
    ended = shop().run("--log-format", "json")
    job, *sinks = lines_of(ended)
    report = ended.json
    assert job["TotalQueriesGenerated"] == report["total_queries_generated"] > 0
    assert (job["ProductsDone"], job["Calls"]) == (report["done"], report["calls"]["new"])
    assert (job["Cost"], job["JobFailed"], job["state"], job["job_id"]) == (report["cost"], 0, "done", "shop")
    assert {one["Sink"]: one["SinkDelivered"] for one in sinks} == {
        name: sink["delivered"] + sink["unchanged"] for name, sink in report["sinks"].items()
    }


def test_each_run_writes_its_own_and_no_other(shop):
    made = shop()
    assert [line["attempt"] for line in lines_of(made.run())] == [1, 1, 1]
    assert [line["attempt"] for line in lines_of(made.run())] == [2, 2, 2]


def test_jobs_are_compared_with_those_before(aws, shop):
    table = make_table(aws)
    made = shop(table=table)
    # Each pays for its own answers: a job that finds all of them tells nothing about how long calls take.
    words = ("--set", "journal.reuse=job", "--job-id")
    first, second = (lines_of(made.run(*words, f"job-{number}", **aws.environ))[0] for number in range(2))
    assert "DurationRatio" not in first
    assert second["DurationRatio"] == pytest.approx(second["SecondsPerProduct"] / first["SecondsPerProduct"])
    assert [item["job_id"] for item in items(aws, table, "querygen#durations")] == ["job-0", "job-1"]


@pytest.mark.parametrize("refused", [True, False], ids=["refused", "hanging"])
def test_a_table_that_is_away_costs_the_ratio_only(aws, shop, proxy, refused):
    made = shop(table=make_table(aws))
    if refused:
        proxy.refuse()
    else:
        proxy.on("dynamodb:.*", Delay(3600))
    ended = made.run(**proxy.environ)
    assert len(lines_of(ended)) == 3
    assert "DurationRatio" in ended.err
    proxy.clear()
    proxy.accept()
    assert {line["attempt"] for line in lines_of(made.run(**proxy.environ))} == {2}, "it was told again"


def test_without_a_table_no_sdk_is_imported():
    code = (
        "import sys, pathlib; from querygen_core.testing import context;"
        "from querygen_aws import build_metrics, querygen_observers; from querygen_aws.options import *;"
        "build_metrics(MetricsOptions(), context(pathlib.Path())); print('boto3' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environment({}), check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "False"
