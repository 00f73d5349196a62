"""The summary that is printed after a run and by `querygen report`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from textwrap import wrap
from typing import Any

from querygen_core.contracts.records import Outcome
from querygen_core.logs import printable
from querygen_core.report.build import STATES
from querygen_core.secrets.masking import mask

_LABEL = 10  # columns before the text of a row
_MOST_REASONS = 6
_EXAMPLES_PER_TYPE = 2
_ENOUGH_PRODUCTS = 20  # of fewer nobody should conclude how many questions are lost


def summarise(
    report: Mapping[str, Any], letters: str, examples: Sequence[Outcome] = (), *, columns: int | None = None
) -> str:
    """The summary of one report. letters: where its dead letters are. examples: the poorest product and a random one,
    whose first queries are shown. columns: of the terminal, None for a file.
    """
    lines = [printable(mask(line)) for line in (*_numbers(report, letters), *_examples(examples), *_notes(report))]
    return "\n".join(lines if columns is None else [_wrapped(line, columns) for line in lines])


def _wrapped(line: str, columns: int) -> str:
    """Broken between words only, under the text of its row."""
    below = " " * {0: 2, 2: _LABEL}.get(len(line) - len(line.lstrip()), _LABEL + 3)
    return "\n".join(wrap(line, columns, subsequent_indent=below, break_long_words=False, break_on_hyphens=False))


def _numbers(report: Mapping[str, Any], letters: str) -> Iterator[str]:
    message = f": {report['message']}" if report["message"] else ""
    yield f"Job {report['job_id']}: {report['state']}{message}"
    states = [f"{report[state]:,} {state}" for state in STATES if report[state]]
    yield _row("input", f"{report['input']:,} records: {', '.join(states) or 'none'}")
    if report["short_reasons"]:
        reasons = [f"{count:,} {reason}" for reason, count in sorted(report["short_reasons"].items())]
        yield _row("", f"reasons for too few questions, by generator: {', '.join(reasons)}")
    if report["rejected"] or report["failed"] or any(sink.get("refused_products") for sink in report["sinks"].values()):
        yield _row("", f"what was rejected, failed or refused, and why: {letters}")
    calls, tokens = report["calls"], report["tokens"]
    cost = in_usd(report["cost"])
    if report.get("cost_estimated"):
        cost += f", {in_usd(report['cost_estimated'])} of it estimated"
    # A resumed or sharded job has cost more than this run.
    if report.get("cost_job") and report["cost_job"] != report["cost"]:
        cost += f" ({in_usd(report['cost_job'])} for the job so far)"
    yield _row("calls", f"{calls['new']:,} new, {calls['journal']:,} answers from the journal; cost {cost}")
    if calls["indeterminate"] or calls["abandoned"]:
        lost = f"{calls['indeterminate']:,} may have been paid for without an answer"
        yield _row("", f"{lost} (whole job), {calls['abandoned']:,} abandoned in this run")
    yield _row("tokens", f"{tokens['input']:,} in, {tokens['output']:,} out, {tokens['thinking']:,} thinking")
    queries = report["queries"]
    yield _row("queries", f"{queries['generated']:,} generated, {queries['kept']:,} kept{_dropped(queries['dropped'])}")
    for name, generator in report.get("generators", {}).items():
        if generator["products"] >= _ENOUGH_PRODUCTS and generator["suggested_ask"] != generator["ask"]:
            one_call = f"{generator['one_call']:,} of {generator['products']:,} products needed one call"
            yield _row("ask", f"{name}: {generator['ask']}; {one_call}{_better(generator['suggested_ask'])}")
    if shards := report.get("shards"):
        not_done = [f"{shard['index']} {shard['state']}" for shard in shards if shard["state"] != "done"]
        missing = [f"{index} missing" for index in report["missing_shards"]]
        yield _row("shards", f"{len(shards)} of {report['shard']['size']}{_listed([*not_done, *missing])}")
    for name, sink in report["sinks"].items():
        yield _row("sink", f"{name} → {sink['identity']}: {_sink(sink, report.get('message', ''))}")


def in_usd(cost: float | None) -> str:
    """A cost in words; in a small one the digits that tell it from nothing."""
    if cost is None:
        return "unknown"
    return f"{cost:.4f} USD" if 0 < cost < 1 else f"{cost:.2f} USD"


def _better(ask: int | None) -> str:
    """Without an answer that could be used there is nothing to derive a number from."""
    return "" if ask is None else f"; better: `ask: {ask}`"


def _listed(words: Sequence[str]) -> str:
    return f": {', '.join(words)}" if words else ""


def _row(label: str, text: str) -> str:
    return f"  {label:<{_LABEL - 2}}{text}"


def _dropped(reasons: Mapping[str, int]) -> str:
    most = sorted(reasons.items(), key=lambda item: -item[1])
    shown = [f"{count:,} {reason}" for reason, count in most[:_MOST_REASONS]]
    rest = sum(count for _, count in most[_MOST_REASONS:])
    return f"; dropped: {', '.join([*shown, *([f'{rest:,} other'] if rest else [])])}" if shown else ""


def _sink(sink: Mapping[str, Any], message: str) -> str:
    if sink.get("error"):
        # Why the run ended stands in the first line already.
        return f"{sink['error'].removesuffix(message).removesuffix(': ')} ({sink['pending']:,} queries pending)"
    parts = [f"{sink['delivered']:,} new", f"{sink['unchanged']:,} unchanged"]
    parts += [
        f"{sink[name]:,} {name}" for name in ("retired", "displaced", "held", "backup", "pending") if sink.get(name)
    ]
    if sink.get("refused_products"):
        parts.append(f"{sink['refused_products']:,} products refused")
    return ", ".join(parts)


def _examples(examples: Sequence[Outcome]) -> Iterator[str]:
    for label, outcome in zip(("poorest", "random"), examples, strict=False):
        counts = f"{len(outcome.queries):,} kept, {len(outcome.dropped):,} dropped"
        yield _row(label, f"{printable(outcome.title)[:100]}: {counts}")
        for query_type in dict.fromkeys(query.query_type for query in outcome.queries):
            texts = [query.text for query in outcome.queries if query.query_type == query_type]
            yield from (f"    {query_type:<8} {printable(text)}" for text in texts[:_EXAMPLES_PER_TYPE])


def _notes(report: Mapping[str, Any]) -> Iterator[str]:
    for name, model in report.get("models", {}).items():
        if model["note"]:
            yield f"Note: model {name!r} ({model['use']}): {model['note']}"
