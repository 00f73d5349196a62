"""What is measured: each metric's name, unit, meaning, and where in a run's report it comes from. No SDK here."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Report = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Metric:
    """path: in the report, "" if it is worked out."""

    name: str
    unit: str
    path: str
    meaning: str


_JOB = (
    Metric("ProductsProcessed", "Count", "products_processed", "products with questions, `done` or `short`"),
    Metric("TotalQueriesGenerated", "Count", "total_queries_generated", "questions, those that were dropped included"),
    Metric("QueriesSavedToDb", "Count", "queries_saved_to_db", "questions in the required sink that has fewest"),
    Metric("ProductsProcessingTime", "Seconds", "products_processing_time", "reading and preparing the input"),
    Metric("QuestionsGenerationTime", "Seconds", "questions_generation_time", "first to last request"),
    Metric("ResultsPersistenceTime", "Seconds", "results_persistence_time", "first to last delivery"),
    Metric("ProductsDone", "Count", "done", "products with all their questions"),
    Metric("ProductsShort", "Count", "short", "products with fewer questions than wanted"),
    Metric("ProductsRejected", "Count", "rejected", "records that cannot become a product"),
    Metric("ProductsDuplicate", "Count", "duplicate", "records seen before"),
    Metric("ProductsFailed", "Count", "failed", "products without questions"),
    Metric("ProductsPending", "Count", "pending", "products that the next run goes on with"),
    Metric("QueriesKept", "Count", "queries.kept", "questions that passed all filters"),
    Metric("Calls", "Count", "calls.new", "answers of models in this run"),
    Metric("CallsFromJournal", "Count", "calls.journal", "answers that were not paid again"),
    Metric("CallErrors", "Count", "", "calls that failed, those that were tried again included"),
    Metric("CallErrorRate", "Percent", "", "`CallErrors` ÷ (`Calls` + `CallErrors`); absent without calls"),
    Metric("TokensInput", "Count", "tokens.input", "tokens read by models"),
    Metric("TokensOutput", "Count", "tokens.output", "tokens written by models"),
    Metric("TokensThinking", "Count", "tokens.thinking", "tokens of models' thinking"),
    Metric("TokensCached", "Count", "tokens.cached", "tokens of `TokensInput` that the provider had already"),
    Metric("Cost", "None", "cost", "USD; absent if a price is not known"),
    Metric("PeakMemory", "Bytes", "peak_rss_bytes", "largest resident set of the process"),
    Metric("CpuSeconds", "Seconds", "cpu_seconds", "processor time of the process"),
    Metric("EventsUndelivered", "Count", "events_undelivered", "facts that an observer has not taken"),
    Metric("JobFailed", "Count", "", "1 if the run failed, else 0; the average is the share of failed runs"),
    Metric("SecondsPerProduct", "Seconds", "", "`QuestionsGenerationTime` ÷ `ProductsProcessed`, of a job's first run"),
    Metric("DurationRatio", "None", "", "`SecondsPerProduct` ÷ its mean over the last 20 successful runs"),
)
_SINK = (
    Metric("SinkDelivered", "Count", "", "questions that the sink has, written now or before"),
    Metric("SinkFailed", "Count", "", "questions that it lacks, or that went to its backup place"),
    Metric("SinkErrorRate", "Percent", "", "`SinkFailed` ÷ questions kept; absent if there are none"),
)
METRICS = (*_JOB, *_SINK)
_CLASS = "CallErrors_"
_MOST_CLASSES = 20

RESERVED = frozenset({"_aws", "Sink", "attempt", "seq", "shard", "state", *(one.name for one in METRICS)})
"""Names that a dimension cannot have, since all members of a line are in one place."""

UNITS: Mapping[str, str] = {one.name: one.unit for one in METRICS}
Values = dict[str, float]


def of_job(report: Report) -> Values:
    """What the run's report says, by metric. Whatever is no number is left out."""
    found = {one.name: _at(report, one.path) for one in _JOB if one.path}
    errors = {str(kind): count for kind, count in _map(_map(report.get("calls")).get("errors")).items()}
    counts = {kind: count for kind in sorted(errors) if (count := _number(errors[kind])) is not None}
    found["CallErrors"] = failed = sum(counts.values())
    tried = failed + (found["Calls"] or 0)
    found["CallErrorRate"] = 100 * failed / tried if tried else None
    found["JobFailed"] = float(report.get("state") == "failed")
    found["SecondsPerProduct"] = seconds_per_product(report)
    classes = {f"{_CLASS}{kind}": count for kind, count in list(counts.items())[:_MOST_CLASSES] if _plain(kind)}
    return {name: value for name, value in {**found, **classes}.items() if value is not None}


def of_sinks(report: Report) -> Iterator[tuple[str, Values]]:
    """Each sink's name and its metrics."""
    for name, numbers in _map(report.get("sinks")).items():
        given = {key: _number(_map(numbers).get(key)) or 0 for key in ("delivered", "unchanged", "backup", "pending")}
        delivered, failed = given["delivered"] + given["unchanged"], given["backup"] + given["pending"]
        rate = {"SinkErrorRate": 100 * failed / (delivered + failed)} if delivered + failed else {}
        yield str(name), {"SinkDelivered": delivered, "SinkFailed": failed, **rate}


def seconds_per_product(report: Report) -> float | None:
    """Of a job's first run only: a later one finds most of its work done, and would look quick."""
    products, seconds = _number(report.get("products_processed")), _number(report.get("questions_generation_time"))
    return seconds / products if report.get("attempt") == 1 and products and seconds else None


def _at(report: Report, path: str) -> float | None:
    value: Any = report
    for name in path.split("."):
        value = _map(value).get(name)
    return _number(value)


def _number(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return value if is_number else None


def _plain(kind: str) -> bool:
    """Fit for a metric's name, and for a dashboard."""
    return kind.isascii() and kind.isidentifier() and len(kind) <= 40


def _map(value: Any) -> Mapping[str, Any]:
    """A report of another version may have something else there."""
    return value if isinstance(value, Mapping) else {}
