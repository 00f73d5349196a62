"""The reports of a job's shards as one: what each counted is added up, the worst end is the job's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from querygen_core.errors import WORST_FIRST, Exit
from querygen_core.report import STATES, run_state

Report = Mapping[str, Any]

_ADDED = (
    "input", *STATES, "not_in_input", "events_undelivered", "cpu_seconds", "products_processed",
    "total_queries_generated", "queries_saved_to_db",
)  # fmt: skip
_LONGEST = (
    "peak_rss_bytes", "products_processing_time", "questions_generation_time", "results_persistence_time", "attempt",
)  # fmt: skip
_OF_A_SINK = ("delivered", "unchanged", "retired", "pending", "backup")
_OF_A_SHARD = ("exit_code", "state", "message", "attempt", "input", *STATES)


def newest(reports: Sequence[Report]) -> list[Report]:
    """Those of the last time that the job was run, in the order of its shards: it may have been cut otherwise before.

    Runs of a job are numbered over all its shards.
    """
    if not reports:
        return []
    last = max(reports, key=lambda report: report["attempt"])
    mine: dict[int, Report] = {}
    for report in sorted(reports, key=lambda report: report["attempt"]):
        if report["shard"]["size"] == last["shard"]["size"]:
            mine[report["shard"]["index"]] = report
    return [mine[index] for index in sorted(mine)]


def merge(reports: Sequence[Report]) -> dict[str, Any] | None:
    """One report for the job, of the newest ones of its shards; that of a job in one piece as it is. None if there is
    none. Times are those of the slowest shard, the memory that of the largest.

    Beside what every report has: `shards`, the end of each; `missing_shards`, those that have none.
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
        "job_id": parts[0]["job_id"],
        "exit_code": int(code),
        "state": run_state(code),
        "message": _message(parts, missing),
        **{name: round(sum(part[name] for part in parts), 3) for name in _ADDED},
        **{name: max(part[name] for part in parts) for name in _LONGEST},
        "short_reasons": _sums(part["short_reasons"] for part in parts),
        "calls": _calls([part["calls"] for part in parts]),
        "tokens": _sums(part["tokens"] for part in parts),
        "cost": _total(part["cost"] for part in parts),
        "cost_job": _total(part["cost_job"] for part in parts),
        "answers_by_rung": _sums(part["answers_by_rung"] for part in parts),
        "queries": {
            "generated": sum(part["queries"]["generated"] for part in parts),
            "kept": sum(part["queries"]["kept"] for part in parts),
            "dropped": _sums(part["queries"]["dropped"] for part in parts),
        },
        "sinks": {
            name: _sink([part["sinks"][name] for part in parts if name in part["sinks"]]) for name in _names(parts)
        },
        "models": {name: model for part in parts for name, model in part.get("models", {}).items()},
        "config_hash": _common([part["config_hash"] for part in parts]),
        "shard": {"index": None, "size": size},
        "shards": [{"index": part["shard"]["index"], **{name: part[name] for name in _OF_A_SHARD}} for part in parts],
        "missing_shards": missing,
    }


def _message(parts: Sequence[Report], missing: Sequence[int]) -> str:
    said = [f"shard {part['shard']['index']}: {part['message']}" for part in parts if part["message"]]
    if missing:
        said.insert(0, f"no report of shard{'s' if len(missing) > 1 else ''} {', '.join(map(str, missing))}")
    if len({part["config_hash"] for part in parts}) > 1:
        said.append("the shards ran different configs")
    return "; ".join(said)


def _calls(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """indeterminate: None as soon as one shard cannot tell."""
    numbers = {name: sum(part[name] for part in parts) for name in ("new", "journal", "abandoned", "job")}
    errors = _sums(part["errors"] for part in parts)
    return {**numbers, "indeterminate": _total(part["indeterminate"] for part in parts), "errors": errors}


def _names(parts: Sequence[Report]) -> list[str]:
    return list(dict.fromkeys(name for part in parts for name in part["sinks"]))


def _sink(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    numbers: dict[str, Any] = {name: sum(part[name] for part in parts) for name in _OF_A_SINK}
    places = list(dict.fromkeys(part["identity"] for part in parts))
    numbers["identity"] = places[0] if len(places) == 1 else f"{places[0]} and {len(places) - 1} more"
    errors = [part["error"] for part in parts if part.get("error")]
    return {**numbers, "error": errors[0]} if errors else numbers


def _sums(parts: Any) -> dict[str, int]:
    total: Counter[str] = Counter()
    for part in parts:
        total.update(part)
    return dict(sorted(total.items()))


def _total(values: Any) -> Any:
    """The sum; None if one is not known."""
    known = list(values)
    return None if None in known else sum(known)


def _common(values: Sequence[str]) -> str | None:
    return values[0] if len(set(values)) == 1 else None
