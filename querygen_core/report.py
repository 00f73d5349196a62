"""The run report: what a run did, in numbers that must balance."""

from __future__ import annotations

import resource
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from querygen_core.errors import Exit
from querygen_core.journal.interface import Spent, Tally
from querygen_core.records import State

STATES: tuple[State, ...] = ("done", "short", "rejected", "duplicate", "failed", "pending")


@dataclass(frozen=True, slots=True)
class SinkReport:
    """One sink's numbers, in queries. error: "" or why it lacks something; refused: of products it cannot take."""

    name: str
    identity: str
    required: bool
    delivered: int
    unchanged: int
    retired: int
    backup: int
    pending: int
    refused: int = 0
    refused_products: int = 0
    error: str = ""
    exit_code: Exit = Exit.DONE


def imbalances(read: int, tally: Tally, sinks: Sequence[SinkReport]) -> list[str]:
    """What does not add up; empty when all is accounted for."""
    found = []
    counted = sum(tally.states.get(state, 0) for state in STATES)
    if counted != read:
        found.append(f"{read} records read, {counted} accounted for")
    found += [
        f"sink {sink.name}: {sink.delivered + sink.unchanged + sink.backup} of {tally.kept} kept queries accounted for"
        for sink in sinks
        if not sink.error and sink.pending != sink.refused
    ]
    return found


def failed_ratio(tally: Tally, sinks: Sequence[SinkReport]) -> float:
    """(failed + rejected) ÷ input; a product that a required sink refuses for good counts as failed."""
    total = sum(tally.states.values())
    refused = max((sink.refused_products for sink in sinks if sink.required), default=0)
    return (tally.states.get("failed", 0) + tally.states.get("rejected", 0) + refused) / total if total else 0.0


def run_state(code: Exit) -> str:
    """`done`, `stopped` (run again to go on) or `failed`."""
    if code == Exit.DONE:
        return "done"
    return "stopped" if code in (Exit.PROVIDER_REFUSES, Exit.TRY_AGAIN, Exit.INTERRUPTED) else "failed"


def build_report(
    *,
    job_id: str,
    code: Exit,
    message: str,
    tally: Tally,
    spent: Spent,
    meter: Any,
    sinks: Sequence[SinkReport],
    events_undelivered: int,
    run: Mapping[str, Any],
) -> dict[str, Any]:
    """The report as JSON-plain data; `run` holds what identifies the run (attempt, shard, config hash, models …)."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    saved = [sink.delivered + sink.unchanged for sink in sinks if sink.required]
    return {
        "job_id": job_id,
        "exit_code": int(code),
        "state": run_state(code),
        "message": message,
        "input": sum(tally.states.values()),
        **{state: tally.states.get(state, 0) for state in STATES},
        "not_in_input": tally.not_in_input,
        "short_reasons": dict(tally.short),
        "calls": {
            "new": meter.calls,
            "journal": meter.from_journal,
            "indeterminate": spent.indeterminate,
            "abandoned": meter.abandoned,
            "errors": dict(meter.errors),
            "job": spent.calls,
        },
        "tokens": {name: meter.tokens[name] for name in ("input", "output", "thinking", "cached")},
        "cost": meter.cost,
        "cost_job": None if meter.cost is None else spent.cost,
        "answers_by_rung": dict(meter.rungs),
        "queries": {"generated": tally.generated, "kept": tally.kept, "dropped": dict(sorted(tally.dropped.items()))},
        "sinks": {sink.name: _sink_report(sink) for sink in sinks},
        "events_undelivered": events_undelivered,
        "peak_rss_bytes": usage.ru_maxrss * 1024,
        "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 3),
        "products_processed": tally.states.get("done", 0) + tally.states.get("short", 0),
        "total_queries_generated": tally.generated,
        "queries_saved_to_db": min(saved, default=0),
        "products_processing_time": meter.seconds("input"),
        "questions_generation_time": meter.seconds("generate"),
        "results_persistence_time": meter.seconds("deliver"),
        **run,
    }


def _sink_report(sink: SinkReport) -> dict[str, Any]:
    numbers: dict[str, Any] = {
        "delivered": sink.delivered,
        "unchanged": sink.unchanged,
        "retired": sink.retired,
        "pending": sink.pending,
        "backup": sink.backup,
        "identity": sink.identity,
    }
    return {**numbers, "error": sink.error} if sink.error else numbers
