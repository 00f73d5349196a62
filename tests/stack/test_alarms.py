"""Alarms and dashboard use metrics that are really sent, and alarms fire when they should."""

from __future__ import annotations

import json
import re

import pytest
import yaml

from querygen_aws.metric_table import METRICS
from querygen_aws.options import MetricsOptions
from tests.jobs.aws.production import CONFIG
from tests.stack.template import of_type, stack, walk

TEMPLATE = stack()
ALARMS = of_type(TEMPLATE, "AWS::CloudWatch::Alarm")
SENT = {one.name for one in METRICS}
COUNTED = {
    one["MetricTransformations"][0]["MetricName"] for one in of_type(TEMPLATE, "AWS::Logs::MetricFilter").values()
}


def test_alarms_look_at_metrics_that_are_sent():
    namespace = MetricsOptions().namespace
    looked_at = {
        (node["Namespace"], node["MetricName"])
        for _, node in walk(ALARMS)
        if isinstance(node, dict) and "MetricName" in node
    }
    known = {(namespace, name) for name in SENT} | {("Querygen/Batch", name) for name in COUNTED}
    assert looked_at - known == {("AWS/SQS", "ApproximateNumberOfMessagesVisible")}
    assert len(looked_at & known) == 7


def test_the_database_s_sink_has_the_name_that_the_alarm_watches():
    sinks = yaml.safe_load(CONFIG.read_text())["sinks"]
    assert TEMPLATE["Parameters"]["DatabaseSink"]["Default"] in {one.get("name", one["use"]) for one in sinks}


def test_the_dashboard_shows_metrics_that_are_sent():
    """`.` repeats the value in the same place of the line before."""
    body = of_type(TEMPLATE, "AWS::CloudWatch::Dashboard")["Dashboard"]["DashboardBody"]["Fn::Sub"]
    shown = []
    for widget in json.loads(body)["widgets"]:
        namespace = ""
        for line in widget["properties"].get("metrics", []):
            namespace = namespace if line[0] == "." else line[0]
            shown.append((namespace, line[1]))
    assert {name for namespace, name in shown if namespace == "Querygen"} <= SENT
    assert {name for namespace, name in shown if namespace == "Querygen/Batch"} == COUNTED
    assert {namespace for namespace, _ in shown} == {"Querygen", "Querygen/Batch", "AWS/SQS"}
    for alarm in ALARMS:
        assert f"${{{alarm}.Arn}}" in body


def rings(name, **series):
    """Evaluate the alarm's own expression: CloudWatch's arithmetic is Python's except for IF."""
    properties = ALARMS[name]
    (expression,) = (one["Expression"] for one in properties["Metrics"] if "Expression" in one)
    condition, yes, no = re.fullmatch(r"IF\(([^,]+), ([^,]+), ([^,]+)\)", expression).groups()
    value = eval(f"({yes}) if ({condition}) else ({no})", {"__builtins__": {}}, series)
    assert properties["ComparisonOperator"] == "GreaterThanThreshold"
    return value > properties["Threshold"]


@pytest.mark.parametrize(
    ("alarm", "series", "expected"),
    [
        ("JobFailureAlarm", {"failed": 5, "ended": 100}, False),
        ("JobFailureAlarm", {"failed": 6, "ended": 100}, True),
        ("JobFailureAlarm", {"failed": 1, "ended": 1}, True),
        ("JobFailureAlarm", {"failed": 0, "ended": 0}, False),
        ("ModelErrorAlarm", {"errors": 10, "answers": 90}, False),
        ("ModelErrorAlarm", {"errors": 11, "answers": 89}, True),
        ("ModelErrorAlarm", {"errors": 19, "answers": 0}, False),
        ("ModelErrorAlarm", {"errors": 20, "answers": 0}, True),
        ("DatabaseErrorAlarm", {"failed": 5, "delivered": 95}, False),
        ("DatabaseErrorAlarm", {"failed": 6, "delivered": 94}, True),
        ("DatabaseErrorAlarm", {"failed": 0, "delivered": 0}, False),
    ],
)
def test_an_alarm_rings_above_its_threshold(alarm, series, expected):
    assert rings(alarm, **series) is expected


def test_the_alarms_that_were_asked_for():
    assert {name: one["Threshold"] for name, one in ALARMS.items()} == {
        "JobFailureAlarm": 5,
        "SlowAlarm": 2,
        "ModelErrorAlarm": 10,
        "DatabaseErrorAlarm": 5,
        "DeadLetterAlarm": 0,
    }
    periods = {one["MetricStat"]["Period"] for one in ALARMS["JobFailureAlarm"]["Metrics"] if "MetricStat" in one}
    assert periods == {3600}, "of an hour"
