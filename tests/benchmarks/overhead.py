"""What querygen adds to the calls themselves: CPU per product with a model that answers at once, and the time lost
with one that takes 200 ms. Beside a bare asyncio loop that renders, calls and parses the same: with `offline/model`,
and over HTTP with Google's client.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gemini_server
from tests.benchmarks.job import TEXT, Job, write_catalogue
from tests.benchmarks.measure import KEY, Ended, Figures, Row, interleave, per_product

LATENCY_MS = 200
Run = Callable[[Job], tuple[Ended, int]]
OFFLINE: Mapping[str, Mapping[str, Any]] = {
    "": {},
    " with text filters and two sinks": {"postprocessors": TEXT, "sinks": ("jsonl", "json")},
    f", {LATENCY_MS} ms a call": {"latency_ms": LATENCY_MS},
}


@dataclass(frozen=True, slots=True)
class Pair:
    """A job of all products, and one of a single product, whose costs are those of starting."""

    job: Job
    one: Job
    products: int

    def costs(self, run: Run, **changes: Any) -> Callable[[int], Figures]:
        job, one = replace(self.job, **changes), replace(self.one, **changes)
        return lambda _: _costs(job, one, self.products, run)


def measure(rounds: int, products: int) -> list[Row]:
    """With 64 calls at a time."""
    return measure_at(64, rounds, products, offline=True)


def measure_at(concurrency: int, rounds: int, products: int, *, offline: bool) -> list[Row]:
    with tempfile.TemporaryDirectory() as temp, _google() as google:
        folder = Path(temp)
        pair = Pair(
            Job(folder / "all", write_catalogue(folder / "all.jsonl", products), concurrency=concurrency),
            Job(folder / "one", write_catalogue(folder / "one.jsonl", 1), concurrency=concurrency),
            products,
        )
        contenders = _offline(pair) if offline else {}
        contenders |= _online(pair, google.url)
        medians = interleave(rounds, contenders)
    bare, own = (medians[name] for name in _NAMES)
    medians[_NAMES[1]] = {
        **own,
        **{
            f"{name}_by_bare": own[f"{name}_per_product"] / bare[f"{name}_per_product"]
            for name in ("wall_us", "cpu_us")
        },
    }
    return [Row(name, figures) for name, figures in medians.items()]


_NAMES = (f"bare loop around google-genai, {LATENCY_MS} ms a call", f"querygen with gemini/api, {LATENCY_MS} ms a call")


def _google() -> Any:
    return gemini_server.running(keys=(KEY,), answers="canned", latency=f"{LATENCY_MS}ms")


def _online(pair: Pair, url: str) -> dict[str, Callable[[int], Figures]]:
    given = {"base_url": url, "latency_ms": LATENCY_MS}
    return {_NAMES[0]: pair.costs(_run_google, **given), _NAMES[1]: pair.costs(_run, **given)}


def _offline(pair: Pair) -> dict[str, Callable[[int], Figures]]:
    contenders: dict[str, Callable[[int], Figures]] = {}
    for variant, changes in OFFLINE.items():
        if "sinks" not in changes:
            contenders[f"bare loop{variant}"] = pair.costs(_run_bare, **changes)
        contenders[f"querygen{variant}"] = pair.costs(_run, **changes)
    return contenders


def _costs(job: Job, one: Job, products: int, run: Run) -> Figures:
    single, single_calls = run(one)
    whole, calls = run(job)
    figures = {**per_product(whole, single, products), "calls": calls}
    if job.latency_ms:
        ideal = (calls - single_calls) * job.latency_ms / 1e3 / job.concurrency
        figures["wall_by_ideal"] = (whole.wall - single.wall) / ideal
    return figures


def _run(job: Job) -> tuple[Ended, int]:
    ended, report = job.start_over().run()
    return ended, report["calls"]["new"]


def _run_bare(job: Job) -> tuple[Ended, int]:
    ended, done = job.write().run_bare("ask")
    return ended, done["calls"]


def _run_google(job: Job) -> tuple[Ended, int]:
    ended, done = job.write().run_bare("ask_google")
    return ended, done["calls"]
