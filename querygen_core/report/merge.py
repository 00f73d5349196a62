"""Merges the reports of a job's shards: numbers are added up, and the worst exit code is the job's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from querygen_core.contracts.errors import WORST_FIRST, Exit
from querygen_core.report.build import FORMAT, STATES, run_state
from querygen_core.report.generators import merge_generators
from querygen_core.report.yields import merge_yields

Report = Mapping[str, Any]

_SUMMED = (
    "input",
    *STATES,
    "not_in_input",
    "events_undelivered",
    "cpu_seconds",
    "products_processed",
    "total_queries_generated",
    "queries_saved_to_db",
)
_MAXIMA = (
    "peak_rss_bytes",
    "products_processing_time",
    "questions_generation_time",
    "results_persistence_time",
    "attempt",
)
_SINK_NUMBERS = (
    "delivered",
    "unchanged",
    "retired",
    "displaced",
    "held",
    "pending",
    "backup",
    "refused",
    "refused_products",
)
_SHARD_FIELDS = (
    "exit_code",
    "state",
    "stopped_by",
    "message",
    "started",
    "finished",
    "attempt",
    "input",
    *STATES,
)


def newest(reports: Sequence[Report]) -> list[Report]:
    """The last report of each shard, in the order of shards, without those of runs with another number of shards.

    Runs of a job are numbered over all its shards, so the report with the highest number has the current shard count.
    """
    if not reports:
        return []
    last = max(reports, key=lambda report: report["attempt"])
    by_index: dict[int, Report] = {}
    for report in sorted(reports, key=lambda report: report["attempt"]):
        if report["shard"]["size"] == last["shard"]["size"]:
            by_index[report["shard"]["index"]] = report
    return [by_index[index] for index in sorted(by_index)]


def merge(reports: Sequence[Report]) -> dict[str, Any] | None:
    """One report for the job, from the newest ones of its shards. None if there are none.

    The report of a job in one process is returned as it is. Otherwise times are those of the slowest shard, memory is
    that of the largest, and there are two more keys: `shards`, how each ended, and `missing_shards`, the indices of
    those without a report, which may still be running.
    """
    parts = newest(reports)
    if not parts:
        return None
    size = parts[0]["shard"]["size"]
    if size == 1:
        return dict(parts[0])
    missing = sorted(set(range(size)) - {part["shard"]["index"] for part in parts})
    codes = [Exit(part["exit_code"]) for part in parts] + [Exit.TRY_AGAIN for _ in missing]
    code = min(codes, key=WORST_FIRST.index)
    return {
        "format": FORMAT,
        "job_id": parts[0]["job_id"],
        "exit_code": int(code),
        "state": run_state(code),
        "stopped_by": next((part["stopped_by"] for part in parts if part["exit_code"] == code), None),
        "retry_after": max((part["retry_after"] for part in parts if part["retry_after"] is not None), default=None),
        "message": _message(parts, missing),
        "started": min(part["started"] for part in parts),
        "finished": max(part["finished"] for part in parts),
        "stages": _stages([part["stages"] for part in parts]),
        **{name: round(sum(part[name] for part in parts), 3) for name in _SUMMED},
        **{name: max(part[name] for part in parts) for name in _MAXIMA},
        "short_reasons": _sums(part["short_reasons"] for part in parts),
        "calls": _calls([part["calls"] for part in parts]),
        "tokens": _sums(part["tokens"] for part in parts),
        "cost": _total(part["cost"] for part in parts),
        "cost_estimated": sum(part.get("cost_estimated", 0.0) for part in parts),
        "cost_job": _total(part["cost_job"] for part in parts),
        "answers_by_rung": _sums(part["answers_by_rung"] for part in parts),
        "queries": {
            "generated": sum(part["queries"]["generated"] for part in parts),
            "kept": sum(part["queries"]["kept"] for part in parts),
            "dropped": _sums(part["queries"]["dropped"] for part in parts),
        },
        # An older version's report has none.
        "generators": merge_generators([part.get("generators", {}) for part in parts]),
        **merge_yields([part["received"] for part in parts if "received" in part]),
        "sinks": {
            name: _sink([part["sinks"][name] for part in parts if name in part["sinks"]]) for name in _sink_names(parts)
        },
        "models": {name: model for part in parts for name, model in part.get("models", {}).items()},
        "config_hash": _common([part["config_hash"] for part in parts]),
        "shard": {"index": None, "size": size},
        "shards": [{"index": part["shard"]["index"], **{name: part[name] for name in _SHARD_FIELDS}} for part in parts],
        "missing_shards": missing,
    }


def _message(parts: Sequence[Report], missing: Sequence[int]) -> str:
    messages = [f"shard {part['shard']['index']}: {part['message']}" for part in parts if part["message"]]
    if missing:
        messages.insert(0, f"no report of shard{'s' if len(missing) > 1 else ''} {', '.join(map(str, missing))}")
    if len({part["config_hash"] for part in parts}) > 1:
        messages.append("the shards ran different configs")
    return "; ".join(messages)


def _stages(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Each stage from its first work in any shard to its last; `seconds` are those of the slowest shard."""
    merged = {}
    for stage in dict.fromkeys(stage for part in parts for stage in part):
        spans = [part[stage] for part in parts if stage in part]
        merged[stage] = {
            "started": min(span["started"] for span in spans),
            "finished": max(span["finished"] for span in spans),
            "seconds": max(span["seconds"] for span in spans),
        }
    return merged


def _calls(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Sums of all shards; `indeterminate` is None if one shard does not know it."""
    names = ("new", "journal", "probe", "duplicate", "refused", "abandoned", "job")
    numbers = {
        name: sum(part.get(name, 0) for part in parts) for name in names
    }  # reports of earlier versions lack some
    errors = _sums(part["errors"] for part in parts)
    return {**numbers, "indeterminate": _total(part["indeterminate"] for part in parts), "errors": errors}


def _sink_names(parts: Sequence[Report]) -> list[str]:
    return list(dict.fromkeys(name for part in parts for name in part["sinks"]))


def _sink(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    numbers: dict[str, Any] = {name: sum(part.get(name, 0) for part in parts) for name in _SINK_NUMBERS}
    identities = list(dict.fromkeys(part["identity"] for part in parts))
    numbers["identity"] = identities[0] if len(identities) == 1 else f"{identities[0]} and {len(identities) - 1} more"
    errors = [part["error"] for part in parts if part.get("error")]
    return {**numbers, "error": errors[0]} if errors else numbers


def _sums(parts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for part in parts:
        total.update(part)
    return dict(sorted(total.items()))


def _total(values: Iterable[float | None]) -> float | None:
    """The sum, or None if one of the values is not known."""
    total: float = 0
    for value in values:
        if value is None:
            return None
        total += value
    return total


def _common(values: Sequence[str]) -> str | None:
    return values[0] if len(set(values)) == 1 else None
