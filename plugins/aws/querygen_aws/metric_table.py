"""The metrics: name, unit, meaning, and the field of the run report that each comes from. Imports no SDK."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from querygen_aws.report_fields import Report, as_mapping, as_number


@dataclass(frozen=True, slots=True)
class Metric:
    name: str
    """CloudWatch's metric name."""
    unit: str
    """One of CloudWatch's units; `None` is its unit of a ratio or an amount of money."""
    path: str
    """Field of the report, with dots between levels; "" if the value is computed from several."""
    meaning: str
    """One phrase for the README."""


_JOB = (
    Metric("ProductsProcessed", "Count", "products_processed", "products with questions, `done` or `short`"),
    Metric("TotalQueriesGenerated", "Count", "total_queries_generated", "questions generated, dropped ones included"),
    Metric("QueriesSavedToDb", "Count", "queries_saved_to_db", "questions in the required sink that has the fewest"),
    Metric("ProductsProcessingTime", "Seconds", "products_processing_time", "reading and preparing the input"),
    Metric("QuestionsGenerationTime", "Seconds", "questions_generation_time", "first to last request"),
    Metric("ResultsPersistenceTime", "Seconds", "results_persistence_time", "first to last delivery"),
    Metric("ProductsDone", "Count", "done", "products with all their questions"),
    Metric("ProductsShort", "Count", "short", "products with fewer questions than wanted"),
    Metric("ProductsRejected", "Count", "rejected", "records that cannot become a product"),
    Metric("ProductsDuplicate", "Count", "duplicate", "records seen before"),
    Metric("ProductsFailed", "Count", "failed", "products without questions"),
    Metric("ProductsPending", "Count", "pending", "products left for the next run"),
    Metric("QueriesKept", "Count", "queries.kept", "questions that passed all filters"),
    Metric("Calls", "Count", "calls.new", "model answers received in this run"),
    Metric("CallsFromJournal", "Count", "calls.journal", "answers reused from the journal, not paid again"),
    Metric("CallErrors", "Count", "", "failed calls, retried ones included"),
    Metric("CallErrorRate", "Percent", "", "`CallErrors` ÷ (`Calls` + `CallErrors`); absent without calls"),
    Metric("TokensInput", "Count", "tokens.input", "input tokens"),
    Metric("TokensOutput", "Count", "tokens.output", "output tokens"),
    Metric("TokensThinking", "Count", "tokens.thinking", "thinking tokens"),
    Metric("TokensCached", "Count", "tokens.cached", "tokens of `TokensInput` that the provider had cached"),
    Metric("Cost", "None", "cost", "USD; absent if a price is unknown"),
    Metric("CostEstimated", "None", "cost_estimated", "USD of `Cost` for tokens that a provider does not report"),
    Metric("PeakMemory", "Bytes", "peak_rss_bytes", "peak resident memory of the process"),
    Metric("CpuSeconds", "Seconds", "cpu_seconds", "processor time of the process"),
    Metric("EventsUndelivered", "Count", "events_undelivered", "events that an observer has not received"),
    Metric("JobFailed", "Count", "", "1 if the run failed, else 0; the average is the share of failed runs"),
    Metric("SecondsPerProduct", "Seconds", "", "`QuestionsGenerationTime` ÷ `ProductsProcessed`, of a job's first run"),
    Metric("DurationRatio", "None", "", "`SecondsPerProduct` ÷ its mean over the last 20 successful runs"),
)
_SINK = (
    Metric("SinkDelivered", "Count", "", "questions in the sink, written in this run or before"),
    Metric("SinkFailed", "Count", "", "questions that the sink lacks, or that went to its backup"),
    Metric("SinkErrorRate", "Percent", "", "`SinkFailed` ÷ questions kept; absent if there are none"),
)
METRICS = (*_JOB, *_SINK)
_SINK_FIELDS = ("delivered", "unchanged", "backup", "pending")
_CLASS_PREFIX = "CallErrors_"
_MAX_CLASSES = 20  # a line may name 100 metrics
_MAX_CLASS_LENGTH = 40

RESERVED_DIMENSIONS = frozenset(
    {"_aws", "Sink", "attempt", "seq", "shard", "state", *(metric.name for metric in METRICS)}
)
"""Names that a dimension cannot have, because dimensions, metrics and properties are members of one JSON object."""

UNITS: Mapping[str, str] = {metric.name: metric.unit for metric in METRICS}
Values = dict[str, float]


def of_job(report: Report) -> Values:
    """Return the run's metrics. A field that is missing or not a number has no metric."""
    values = {metric.name: _field(report, metric.path) for metric in _JOB if metric.path}
    errors = {str(kind): count for kind, count in as_mapping(as_mapping(report.get("calls")).get("errors")).items()}
    counts = {kind: count for kind in sorted(errors) if (count := as_number(errors[kind])) is not None}
    values["CallErrors"] = failed = sum(counts.values())
    attempted = failed + (values["Calls"] or 0)
    values["CallErrorRate"] = 100 * failed / attempted if attempted else None
    values["JobFailed"] = float(report.get("state") == "failed")
    values["SecondsPerProduct"] = seconds_per_product(report)
    classes = {
        f"{_CLASS_PREFIX}{kind}": count for kind, count in list(counts.items())[:_MAX_CLASSES] if _is_metric_name(kind)
    }
    return {name: value for name, value in {**values, **classes}.items() if value is not None}


def of_sinks(report: Report) -> Iterator[tuple[str, Values]]:
    """Yield the name and the metrics of each sink."""
    for name, fields in as_mapping(report.get("sinks")).items():
        counts = {key: as_number(as_mapping(fields).get(key)) or 0 for key in _SINK_FIELDS}
        delivered, failed = counts["delivered"] + counts["unchanged"], counts["backup"] + counts["pending"]
        rate = {"SinkErrorRate": 100 * failed / (delivered + failed)} if delivered + failed else {}
        yield str(name), {"SinkDelivered": delivered, "SinkFailed": failed, **rate}


def seconds_per_product(report: Report) -> float | None:
    """Return the value for a job's first run only: a later run finds most of its work done and would look fast."""
    products = as_number(report.get("products_processed"))
    seconds = as_number(report.get("questions_generation_time"))
    return seconds / products if report.get("attempt") == 1 and products and seconds else None


def _field(report: Report, path: str) -> float | None:
    value: Any = report
    for name in path.split("."):
        value = as_mapping(value).get(name)
    return as_number(value)


def _is_metric_name(kind: str) -> bool:
    """An error class comes from a provider plugin, so it may be any text."""
    return kind.isascii() and kind.isidentifier() and len(kind) <= _MAX_CLASS_LENGTH
