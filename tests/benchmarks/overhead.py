"""What querygen adds to the calls themselves: CPU per product with a model that answers at once, and the time lost
with one that takes 200 ms. Both beside a bare asyncio loop that renders, calls and parses the same.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.benchmarks.job import TEXT, Job, write_catalogue
from tests.benchmarks.measure import Ended, Figures, Row, interleave, per_product

LATENCY_MS = 200
Run = Callable[[Job], tuple[Ended, int]]
VARIANTS: Mapping[str, Mapping[str, Any]] = {
    "": {},
    " with text filters and two sinks": {"postprocessors": TEXT, "sinks": ("jsonl", "json")},
    f", {LATENCY_MS} ms a call": {"latency_ms": LATENCY_MS},
}


def measure(rounds: int, products: int) -> list[Row]:
    with tempfile.TemporaryDirectory() as temp:
        folder = Path(temp)
        job = Job(folder / "all", write_catalogue(folder / "all.jsonl", products))
        one = Job(folder / "one", write_catalogue(folder / "one.jsonl", 1))
        medians = interleave(rounds, _contenders(job, one, products))
    return [Row(name, figures) for name, figures in medians.items()]


def _contenders(job: Job, one: Job, products: int) -> dict[str, Callable[[int], Figures]]:
    def costs(run: Run, changes: Mapping[str, Any]) -> Callable[[int], Figures]:
        return lambda _: _costs(replace(job, **changes), replace(one, **changes), products, run)

    contenders: dict[str, Callable[[int], Figures]] = {}
    for variant, changes in VARIANTS.items():
        if "sinks" not in changes:
            contenders[f"bare loop{variant}"] = costs(_run_bare, changes)
        contenders[f"querygen{variant}"] = costs(_run, changes)
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
