"""Facts as events of the orchestration log: the names that dashboards and alarms may rely on, all of them here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from querygen_core.api import Fact

EVENTS: Mapping[str, str] = {
    "JobStarted": "a run of the job begins; its attempt, shard and config",
    "InputRead": "the input has been read as far as it was wanted",
    "StageFinished": "how long a stage was at work",
    "CallFailed": "a model failed for good on a request",
    "ProductRejected": "a dead letter: a record that cannot become a product",
    "ProductFailed": "a dead letter: a product that no model could make questions for",
    "DeliveryFailed": "a sink gave up",
    "SecretReloaded": "a secret was refused, and has been fetched again",
    "JobDraining": "the run is being ended early: a signal, a budget, a provider that refuses",
    "JobFinished": "the run did all there was to do",
    "JobStopped": "the run ended early; run again to go on",
    "JobFailed": "the run ended, and running it again does not help by itself",
    "ExecutionStats": "what the run did: records by state, queries, times, memory",
    "ErrorClasses": "failed calls by class, and why products fell short; only if there are any",
    "DeadLetters": "how much was rejected, failed or not delivered; only if there is any",
    "SinkDelivery": "what a sink got; one event for each",
    "Budget": "calls, tokens and money, of the run and of the job",
    "OtherFact": "a kind of fact that has no event of its own yet",
}
"""Event name → what it says. Names are only ever added."""

_OF_KIND = {
    "run_started": "JobStarted",
    "input_read": "InputRead",
    "stage_finished": "StageFinished",
    "call_failed": "CallFailed",
    "product_rejected": "ProductRejected",
    "product_failed": "ProductFailed",
    "delivery_failed": "DeliveryFailed",
    "secret_reloaded": "SecretReloaded",
    "draining": "JobDraining",
}
_OF_STATE = {"done": "JobFinished", "stopped": "JobStopped", "failed": "JobFailed"}

_STATS = (
    "products_processed", "total_queries_generated", "queries_saved_to_db", "products_processing_time",
    "questions_generation_time", "results_persistence_time", "input", "done", "short", "rejected", "duplicate",
    "failed", "pending", "not_in_input", "queries", "answers_by_rung", "peak_rss_bytes", "cpu_seconds",
)  # fmt: skip
_BUDGET = ("calls", "tokens", "cost", "cost_job")
_ELSEWHERE = frozenset({*_STATS, *_BUDGET, "job_id", "short_reasons", "sinks"})

Event = tuple[str, Mapping[str, Any]]


def events_of(fact: Fact) -> list[Event]:
    """Name and details of each, always the same ones in the same order for the same fact; at least one."""
    if fact.kind == "run_finished":
        return list(_of_report(fact.data))
    if fact.kind in _OF_KIND:
        return [(_OF_KIND[fact.kind], fact.data)]
    return [("OtherFact", {"kind": fact.kind, "data": fact.data})]


def moment(fact: Fact) -> float | None:
    """When it happened, in seconds since 1970; None if that is not known."""
    try:
        when = datetime.fromisoformat(fact.time)
    except ValueError:
        return None
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()


def _of_report(report: Mapping[str, Any]) -> Iterator[Event]:
    end = {name: value for name, value in report.items() if name not in _ELSEWHERE}
    yield _OF_STATE.get(str(report.get("state")), "JobFailed"), end
    yield "ExecutionStats", _some(report, _STATS)
    errors = {"calls": _map(_map(report.get("calls")).get("errors")), "short": _map(report.get("short_reasons"))}
    if any(errors.values()):
        yield "ErrorClasses", errors
    sinks = {name: _map(numbers) for name, numbers in _map(report.get("sinks")).items()}
    undelivered = {name: numbers["pending"] for name, numbers in sinks.items() if numbers.get("pending")}
    letters = {"rejected": report.get("rejected"), "failed": report.get("failed"), "undelivered": undelivered}
    if any(letters.values()):
        yield "DeadLetters", letters
    for name, numbers in sinks.items():
        yield "SinkDelivery", {"sink": name, **numbers}
    yield "Budget", _some(report, _BUDGET)


def _some(report: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: report[name] for name in names if name in report}


def _map(value: Any) -> Mapping[str, Any]:
    """A report of another version, or another's, may have something else there."""
    return value if isinstance(value, Mapping) else {}
