"""Entries of the orchestration log: the event names that dashboards and alarms may rely on, and their details."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from querygen_aws.report_fields import as_mapping
from querygen_core.api import Event

EVENTS: Mapping[str, str] = {
    "JobStarted": "a run of the job started; its attempt, shard and config",
    "InputRead": "the input was read, as far as it was needed",
    "StageFinished": "how long a stage was active",
    "CallFailed": "a request to a model failed permanently",
    "ProductRejected": "a dead letter: a record that cannot become a product",
    "ProductFailed": "a dead letter: a product for which no questions could be generated",
    "ProductRefused": "a dead letter: a product that a sink cannot take, and the constraint that it breaks",
    "ProductsRemoved": "products left the input, and their questions are withdrawn; how many",
    "DeliveryFailed": "a sink failed permanently",
    "SecretReloaded": "a secret was refused and was fetched again",
    "JobDraining": "the run is ending early: a signal, a budget, a provider that refuses requests",
    "JobFinished": "the run ended with everything done",
    "JobStopped": "the run ended early; run the job again to resume it",
    "JobFailed": "the run failed; running it again does not help by itself",
    "ExecutionStats": "records by state, queries, times and memory of the run",
    "ErrorClasses": "failed calls by class, and why products have too few questions; only if there are any",
    "DeadLetters": "numbers rejected, failed, refused by each sink and not delivered; only if there are any",
    "SinkDelivery": "what one sink received; one event per sink",
    "Budget": "calls, tokens and cost of the run and of the job",
    "SecretReads": "how many secrets the run has fetched, and how often one was fetched again",
    "StoreWrites": "what the run has written to the store of answers up to its end, by kind: `answers`, `segments`, …",
    "OtherEvent": "an event of a kind that has no name here yet",
}
"""Event name → meaning, for the README. Names are only ever added, because dashboards filter by them."""

_NAMES_BY_KIND = {
    "run_started": "JobStarted",
    "input_read": "InputRead",
    "stage_finished": "StageFinished",
    "call_failed": "CallFailed",
    "product_rejected": "ProductRejected",
    "product_failed": "ProductFailed",
    "product_refused": "ProductRefused",
    "products_removed": "ProductsRemoved",
    "delivery_failed": "DeliveryFailed",
    "secret_reloaded": "SecretReloaded",
    "draining": "JobDraining",
}
_NAMES_BY_STATE = {"done": "JobFinished", "stopped": "JobStopped", "failed": "JobFailed"}

_STATS = (
    "products_processed",
    "total_queries_generated",
    "queries_saved_to_db",
    "products_processing_time",
    "questions_generation_time",
    "results_persistence_time",
    "input",
    "done",
    "short",
    "rejected",
    "duplicate",
    "failed",
    "deleted",
    "pending",
    "not_in_input",
    "queries",
    "answers_by_rung",
    "stages",
    "peak_rss_bytes",
    "cpu_seconds",
)
_BUDGET = ("calls", "tokens", "cost", "cost_estimated", "cost_job")
_NOT_IN_END = frozenset({*_STATS, *_BUDGET, "job_id", "short_reasons", "sinks", "secrets", "store_writes"})
"""Fields of a report that the first entry of a run's end leaves to the others."""

LogEntry = tuple[str, Mapping[str, Any]]
"""Event name and details."""


def log_entries(event: Event) -> list[LogEntry]:
    """Return at least one entry. The same event gives the same entries in the same order, so a repeat overwrites."""
    if event.kind == "run_finished":
        return list(_report_entries(event.data))
    if event.kind in _NAMES_BY_KIND:
        return [(_NAMES_BY_KIND[event.kind], event.data)]
    return [("OtherEvent", {"kind": event.kind, "data": event.data})]


def unix_time(event: Event) -> float | None:
    """Return the seconds since 1970 at which it happened; None if its time cannot be parsed."""
    try:
        time = datetime.fromisoformat(event.time)
    except ValueError:
        return None
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()


def _report_entries(report: Mapping[str, Any]) -> Iterator[LogEntry]:
    end = {name: value for name, value in report.items() if name not in _NOT_IN_END}
    yield _NAMES_BY_STATE.get(str(report.get("state")), "JobFailed"), end
    yield "ExecutionStats", _select(report, _STATS)
    errors = {
        "calls": as_mapping(as_mapping(report.get("calls")).get("errors")),
        "short": as_mapping(report.get("short_reasons")),
    }
    if any(errors.values()):
        yield "ErrorClasses", errors
    sinks = {name: as_mapping(fields) for name, fields in as_mapping(report.get("sinks")).items()}
    undelivered = {name: fields["pending"] for name, fields in sinks.items() if fields.get("pending")}
    refused = {name: fields["refused_products"] for name, fields in sinks.items() if fields.get("refused_products")}
    letters = {
        "rejected": report.get("rejected"),
        "failed": report.get("failed"),
        "refused": refused,
        "undelivered": undelivered,
    }
    if any(letters.values()):
        yield "DeadLetters", letters
    for name, fields in sinks.items():
        yield "SinkDelivery", {"sink": name, **fields}
    yield "Budget", _select(report, _BUDGET)
    if secrets := as_mapping(report.get("secrets")):
        yield "SecretReads", secrets
    if writes := as_mapping(report.get("store_writes")):
        yield "StoreWrites", writes


def _select(report: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: report[name] for name in names if name in report}
