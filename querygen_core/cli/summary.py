"""What a person reads when a run is over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from querygen_core.logs import printable
from querygen_core.masking import mask
from querygen_core.records import Outcome
from querygen_core.report import STATES

_REASONS = 6
_PER_TYPE = 2


def summarise(report: Mapping[str, Any], folder: Path, examples: Sequence[Outcome]) -> str:
    lines = [*_numbers(report, folder), *_examples(examples), *_notes(report)]
    return "\n".join(printable(mask(line)) for line in lines)


def _numbers(report: Mapping[str, Any], folder: Path) -> Iterator[str]:
    message = f": {report['message']}" if report["message"] else ""
    yield f"Job {report['job_id']}: {report['state']}{message}"
    states = [f"{report[state]:,} {state}" for state in STATES if report[state]]
    yield _row("input", f"{report['input']:,} records: {', '.join(states) or 'none'}")
    if report["short_reasons"]:
        reasons = [f"{count:,} {reason}" for reason, count in sorted(report["short_reasons"].items())]
        yield _row("", f"short of questions, by generator and cause: {', '.join(reasons)}")
    if report["rejected"] or report["failed"]:
        where = "*/dead_letters.jsonl" if "shards" in report else "dead_letters.jsonl"
        yield _row("", f"why: {folder / where}")
    calls, tokens = report["calls"], report["tokens"]
    cost = "unknown" if report["cost"] is None else f"{report['cost']:.2f} USD"
    if report.get("cost_job") and report["cost_job"] != report["cost"]:
        cost += f", of the job so far {report['cost_job']:.2f}"
    yield _row("calls", f"{calls['new']:,} new, {calls['journal']:,} answers from the journal; cost {cost}")
    if calls["indeterminate"] or calls["abandoned"]:
        in_vain = (
            f"{calls['indeterminate']} perhaps paid in vain by this job so far, {calls['abandoned']} abandoned now"
        )
        yield _row("", in_vain)
    yield _row("tokens", f"{tokens['input']:,} in, {tokens['output']:,} out, {tokens['thinking']:,} thinking")
    queries = report["queries"]
    yield _row("queries", f"{queries['generated']:,} made, {queries['kept']:,} kept{_dropped(queries['dropped'])}")
    if shards := report.get("shards"):
        ended = [f"{one['index']} {one['state']}" for one in shards if one["state"] != "done"]
        gone = [f"{index} missing" for index in report["missing_shards"]]
        yield _row("shards", f"{len(shards)} of {report['shard']['size']}{_listed([*ended, *gone])}")
    for name, sink in report["sinks"].items():
        yield _row("sink", f"{name} → {sink['identity']}: {_sink(sink)}")


def _listed(words: Sequence[str]) -> str:
    return f": {', '.join(words)}" if words else ""


def _row(label: str, text: str) -> str:
    return f"  {label:<8}{text}"


def _dropped(reasons: Mapping[str, int]) -> str:
    most = sorted(reasons.items(), key=lambda item: -item[1])
    shown = [f"{count:,} {reason}" for reason, count in most[:_REASONS]]
    rest = sum(count for _, count in most[_REASONS:])
    return f"; dropped: {', '.join([*shown, *([f'{rest:,} other'] if rest else [])])}" if shown else ""


def _sink(sink: Mapping[str, Any]) -> str:
    if sink.get("error"):
        return f"{sink['error']} ({sink['pending']:,} queries pending)"
    parts = [f"{sink['delivered']:,} new", f"{sink['unchanged']:,} unchanged"]
    parts += [f"{sink[name]:,} {name}" for name in ("retired", "backup", "pending") if sink[name]]
    return ", ".join(parts)


def _examples(examples: Sequence[Outcome]) -> Iterator[str]:
    for outcome in examples:
        yield f"  {printable(outcome.title)[:100]}"
        for query_type in dict.fromkeys(query.query_type for query in outcome.queries):
            texts = [query.text for query in outcome.queries if query.query_type == query_type]
            yield from (f"    {query_type:<8} {printable(text)}" for text in texts[:_PER_TYPE])


def _notes(report: Mapping[str, Any]) -> Iterator[str]:
    for name, model in report.get("models", {}).items():
        if model["note"]:
            yield f"Note: model {name!r} ({model['use']}): {model['note']}"
