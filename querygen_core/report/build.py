"""The report of a run, whose numbers must balance."""

from __future__ import annotations

import resource
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from querygen_core.contracts.errors import Exit, StoppedBy
from querygen_core.contracts.journal import Spent, Tally
from querygen_core.contracts.records import State
from querygen_core.report.yields import Yield

FORMAT = "querygen-report/1"
"""Names the form of the report. A form of this name only ever gains keys."""

STATES: tuple[State, ...] = ("done", "short", "rejected", "duplicate", "failed", "deleted", "pending")


class Stats(Protocol):
    """What the report needs of the counters of a run."""

    @property
    def calls(self) -> int:
        """Answers that were received and paid in this run."""

    @property
    def from_journal(self) -> int:
        """Answers that were paid earlier, by this job or another."""

    @property
    def duplicate(self) -> int:
        """Of `calls`, those of which the store keeps the answer that another process paid for at the same time."""

    @property
    def probes(self) -> int:
        """Calls with which this run has tried whether a model is dead; those that were answered are in `calls`."""

    @property
    def refused(self) -> int:
        """Calls of this run that a provider refused for their request, at no cost."""

    @property
    def abandoned(self) -> int:
        """Calls that were under way when the run ended."""

    @property
    def errors(self) -> Mapping[str, int]:
        """Kind of error → failed calls."""

    @property
    def rungs(self) -> Mapping[str, int]:
        """Way of parsing → answers that were read in it."""

    @property
    def tokens(self) -> Mapping[str, int]:
        """`input`, `output`, `thinking`, `cached` → tokens."""

    @property
    def cost(self) -> float | None:
        """USD paid in this run; None if a model has no price."""

    @property
    def cost_estimated(self) -> float:
        """USD of `cost` for tokens that a provider does not report."""

    @property
    def gain(self) -> Yield:
        """What came of the products for which a call was paid in this run."""

    @property
    def started(self) -> str:
        """When the run began: ISO 8601, UTC, like all times of the report."""

    def now(self) -> str:
        """The present moment, never before `started`."""
        ...

    @property
    def stages(self) -> Mapping[str, Mapping[str, str | float]]:
        """`input`, `generate`, `deliver` → `started` and `finished` (first and last work), `seconds` between them."""

    def seconds(self, stage: str) -> float:
        """Seconds between the first and the last work of a stage; 0 if it did none."""
        ...


@dataclass(frozen=True, slots=True)
class RunEnd:
    """How a run ended."""

    code: Exit
    """The exit code."""
    message: str = ""
    """Why, in one sentence; "" if it is done."""
    stopped_by: StoppedBy | None = None
    """The same in one word; None if it is done, or if there is no word for it."""
    retry_after: float | None = None
    """Seconds after which to run the job again; None if nobody named any."""


@dataclass(frozen=True, slots=True)
class SinkReport:
    """What one sink did in a run, in queries unless a field says otherwise."""

    name: str
    """From the config; the key in the report."""
    identity: str
    """Where the queries are, as the sink names it."""
    required: bool
    """Whether its failure fails the run."""
    delivered: int
    """Added in this run."""
    unchanged: int
    """There already."""
    retired: int
    """Removed or made inactive."""
    backup: int
    """Written to the sink's backup place, because its own took nothing."""
    pending: int
    """Kept queries that it has not taken; `refused` ones are among them."""
    displaced: int = 0
    """Of other jobs, made inactive in favour of this job's."""
    held: int = 0
    """Of a sample and not written: the sink has others of that product and type, or takes no samples."""
    refused: int = 0
    """Of products that it cannot ever take."""
    refused_products: int = 0
    """Products that it cannot ever take, each with a dead letter."""
    products: int = 0
    """Products that it was offered."""
    refusal: str = ""
    """Why it refused the first of them; "" if it refused none."""
    error: str = ""
    """Why queries are pending; "" if nothing went wrong."""
    exit_code: Exit = Exit.DONE
    """What the run ends with for this sink."""


def imbalances(read: int, tally: Tally, sinks: Sequence[SinkReport]) -> list[str]:
    """Sentences on numbers that do not add up. A report with any of them is a bug of querygen or a plugin.

    read: records that the input gave to this shard.
    """
    problems = []
    counted = sum(tally.states.get(state, 0) for state in STATES) - tally.states.get("deleted", 0)  # not in the input
    if counted != read:
        problems.append(f"{read} records read, {counted} accounted for")
    problems += [
        f"sink {sink.name}: {_accounted(sink)} of {tally.kept} kept queries accounted for"
        for sink in sinks
        if not sink.error and sink.pending != sink.refused
    ]
    return problems


def _accounted(sink: SinkReport) -> int:
    return sink.delivered + sink.unchanged + sink.backup + sink.held


def failed_records(tally: Tally) -> int:
    """Failed and rejected records. What a sink refuses is no fault of the input."""
    return tally.states.get("failed", 0) + tally.states.get("rejected", 0)


def run_state(code: Exit) -> str:
    """`done`, `stopped` (the next run resumes) or `failed`."""
    if code == Exit.DONE:
        return "done"
    return "stopped" if code in (Exit.PROVIDER_REFUSES, Exit.TRY_AGAIN, Exit.INTERRUPTED) else "failed"


def build_report(
    *,
    job_id: str,
    end: RunEnd,
    tally: Tally,
    spent: Spent,
    stats: Stats,
    sinks: Sequence[SinkReport],
    events_undelivered: int,
    run: Mapping[str, Any],
) -> dict[str, Any]:
    """The report as plain JSON.

    events_undelivered: events that observers have not taken. run: further keys that identify the run (attempt, shard,
    config hash, models).
    """
    usage = resource.getrusage(resource.RUSAGE_SELF)
    saved = [sink.delivered + sink.unchanged for sink in sinks if sink.required]
    return {
        "format": FORMAT,
        "job_id": job_id,
        "exit_code": int(end.code),
        "state": run_state(end.code),
        "stopped_by": end.stopped_by,
        "retry_after": end.retry_after,
        "message": end.message,
        "started": stats.started,
        "finished": stats.now(),
        "input": sum(tally.states.values()),
        **{state: tally.states.get(state, 0) for state in STATES},
        "not_in_input": tally.not_in_input,
        "short_reasons": dict(tally.short),
        "calls": _calls(stats, spent),
        "tokens": {name: stats.tokens[name] for name in ("input", "output", "thinking", "cached")},
        "cost": stats.cost,
        "cost_estimated": stats.cost_estimated,
        "cost_job": None if stats.cost is None else spent.cost,
        "answers_by_rung": dict(stats.rungs),
        "queries": {"generated": tally.generated, "kept": tally.kept, "dropped": dict(sorted(tally.dropped.items()))},
        **stats.gain.report(),
        "sinks": {sink.name: _sink_report(sink) for sink in sinks},
        "stages": {stage: dict(span) for stage, span in stats.stages.items()},
        "events_undelivered": events_undelivered,
        "peak_rss_bytes": usage.ru_maxrss * 1024,  # Linux counts in KiB
        "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 3),
        "products_processed": tally.states.get("done", 0) + tally.states.get("short", 0),
        "total_queries_generated": tally.generated,
        "queries_saved_to_db": min(saved, default=0),  # of the required sink that has the fewest
        "products_processing_time": stats.seconds("input"),
        "questions_generation_time": stats.seconds("generate"),
        "results_persistence_time": stats.seconds("deliver"),
        **run,
    }


def _calls(stats: Stats, spent: Spent) -> dict[str, Any]:
    return {
        "new": stats.calls,
        "journal": stats.from_journal,
        "probe": stats.probes,
        "duplicate": stats.duplicate,
        "refused": stats.refused,
        "indeterminate": spent.indeterminate,
        "abandoned": stats.abandoned,
        "errors": dict(stats.errors),
        "job": spent.calls,
    }


def _sink_report(sink: SinkReport) -> dict[str, Any]:
    numbers: dict[str, Any] = {
        "delivered": sink.delivered,
        "unchanged": sink.unchanged,
        "retired": sink.retired,
        "displaced": sink.displaced,
        "held": sink.held,
        "pending": sink.pending,
        "backup": sink.backup,
        "refused": sink.refused,
        "refused_products": sink.refused_products,
        "identity": sink.identity,
    }
    return {**numbers, "error": sink.error} if sink.error else numbers
