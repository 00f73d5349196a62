"""`querygen plan`; and a plan as text, for whoever asks a person."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from contextlib import AsyncExitStack, redirect_stdout

from querygen_core.cli.loading import Loaded, load, overrides
from querygen_core.cli.main import configure_logs, print_result
from querygen_core.cli.run import run_options_from, with_auto_input
from querygen_core.contracts.errors import Exit
from querygen_core.engine.build import Builder, RunOptions
from querygen_core.engine.plan import Plan, PlanLine, make_plan
from querygen_core.engine.token_guess import NONE, Range
from querygen_core.logs import printable

_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400  # seconds
_CENT = 0.01
_LIMITS = {"max_calls": "{:,.0f} calls", "max_tokens": "{:,.0f} tokens"}


def plan(arguments: argparse.Namespace) -> int:
    configure_logs(arguments)
    loaded = with_auto_input(arguments, load(arguments.config, overrides(arguments), job_id=arguments.job_id))
    made = plan_for(loaded, run_options_from(arguments))
    print_result(json.dumps(made.to_json(), ensure_ascii=False) if arguments.json else printable_plan(made))
    return Exit.DONE


def plan_for(loaded: Loaded, run_options: RunOptions) -> Plan:
    """Output of plugins goes to stderr."""
    with redirect_stdout(sys.stderr):
        return asyncio.run(_plan_for(loaded, run_options))


async def _plan_for(loaded: Loaded, run_options: RunOptions) -> Plan:
    async with AsyncExitStack() as closing:
        return await make_plan(Builder(loaded.pipeline, run_options, loaded.registry, closing))


def printable_plan(made: Plan) -> str:
    """A line for each generator and model, and one for all together."""
    head = ["", "model", "new", "known", "tokens in", "tokens out", "USD", "likely", "time"]
    rows = [_row(line) for line in made.lines]
    if len(rows) > 1:
        rows.append(_total_row(made))
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    table = ["  ".join(_aligned(row, widths)).rstrip() for row in (head, *rows)]
    return "\n".join(map(printable, [_records(made), *table, *_remarks(made)]))


def _aligned(row: list[str], widths: list[int]) -> list[str]:
    left = 2  # columns of names
    return [
        cell.ljust(width) if place < left else cell.rjust(width)
        for place, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]


def _row(line: PlanLine) -> list[str]:
    use = line.use
    model = line.model if line.model == line.model_id else f"{line.model} ({line.model_id})"
    money = [*_money(use.usd)]
    return [
        line.name,
        model,
        f"{line.new:,}",
        f"{line.known:,}",
        _span(use.input),
        _span(use.output),
        *money,
        _time(line.seconds),
    ]


def _total_row(made: Plan) -> list[str]:
    sent, received = (sum((figure(line) for line in made.lines), NONE) for figure in (_sent, _received))
    return [
        "all",
        "",
        f"{made.new:,}",
        f"{made.known:,}",
        _span(sent),
        _span(received),
        *_money(made.usd),
        _time(made.seconds),
    ]


def _sent(line: PlanLine) -> Range:
    return line.use.input


def _received(line: PlanLine) -> Range:
    return line.use.output


def _records(made: Plan) -> str:
    states = dict(made.states)
    pending = states.pop("pending", 0)
    current = states.pop("done", 0) + states.pop("short", 0)
    others = "".join(f", {number:,} {state}" for state, number in sorted(states.items()))
    return f"{made.job_id}: {made.records:,} records: {pending:,} to make, {current:,} need nothing{others}"


def _remarks(made: Plan) -> list[str]:
    remarks = []
    refills = sum((line.use.refills for line in made.lines), NONE)
    if refills.high >= 1:
        remarks.append(f"Tokens and USD include {_span(refills)} refills, and answers that have to be asked for again.")
    ways = dict.fromkeys((line.use.input_known, line.use.output_known) for line in made.lines if line.use.calls.high)
    remarks += [f"Tokens in: {sent}; out: {received}." for sent, received in ways]
    remarks += [f"{note[:1].upper()}{note[1:]}." for note in made.notes]
    stop = made.stops_at
    if stop is not None:
        left = _LIMITS.get(stop.limit, f"{money(stop.left)} USD").format(stop.left)
        remarks.append(
            f"runtime.{stop.limit} leaves {left}: the run would end after about {stop.requests:,} requests, "
            f"{stop.products:,} products."
        )
    if made.usd is None:
        remarks.append(
            "The price of a model is not known, so nothing is said of the cost; set `prices` in its options."
        )
    return remarks


def _money(usd: Range | None) -> tuple[str, str]:
    """Low to high, and what is likely."""
    if usd is None:
        return "?", "?"
    return (f"{money(usd.low)}–{money(usd.high)}" if usd.high else "0"), money(usd.expected)


def money(usd: float) -> str:
    """An amount with as many digits as mean anything."""
    if usd == 0:
        return "0"
    return f"{usd:,.2f}" if usd >= _CENT else f"{usd:.4f}"


def _span(figure: Range) -> str:
    low, high = _short(figure.low), _short(figure.high)
    return low if low == high else f"{low}–{high}"


def _short(number: float) -> str:
    for size, unit in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if number >= 10 * size or (size > 1e3 and number >= size):
            return f"{number / size:,.1f}{unit}" if number < 100 * size else f"{number / size:,.0f}{unit}"
    return f"{number:,.0f}"


def _time(seconds: float) -> str:
    for size, unit in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
