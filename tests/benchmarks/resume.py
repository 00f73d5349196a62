"""How fast a run goes over what is done already, beside a loop that only reads and hashes the catalogue."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.benchmarks.job import TEXT, Job, write_catalogue
from tests.benchmarks.measure import Ended, Figures, Row, interleave, per_product

Run = Callable[[Job], tuple[Ended, dict[str, Any]]]


def measure(rounds: int, products: int) -> list[Row]:
    with tempfile.TemporaryDirectory() as temp:
        folder = Path(temp)
        job = Job(folder / "all", write_catalogue(folder / "all.jsonl", products), postprocessors=TEXT)
        one = Job(folder / "one", write_catalogue(folder / "one.jsonl", 1), postprocessors=TEXT)
        for each in (job, one):
            each.start_over()
            _changed(each, -1).run()
        medians = interleave(rounds, _contenders(job, one, products))
    return [Row(name, figures) for name, figures in medians.items()]


def _contenders(job: Job, one: Job, products: int) -> dict[str, Callable[[int], Figures]]:
    def costs(run: Run, number: int) -> Figures:
        (single, _), (whole, report) = run(_changed(one, number)), run(_changed(job, number))
        figures = per_product(whole, single, products)
        speed = {"products_per_s": 1e6 / figures["wall_us_per_product"]}
        calls = report.get("calls", {})
        return speed | figures | {"new_calls": calls.get("new", 0), "answers_read": calls.get("journal", 0)}

    return {
        "read and hash only": lambda number: costs(_read_and_hash, number),
        "every outcome known": lambda number: costs(Job.run, number - 1),
        "a filter changed, every answer known": lambda number: costs(Job.run, number),
    }


def _changed(job: Job, number: int) -> Job:
    """The job with a filter option that no earlier round had. It changes no question, but every outcome's key."""
    filters = [{**step, "max_chars": 301 + number} if step["use"] == "text/quality" else step for step in TEXT]
    return replace(job, postprocessors=tuple(filters)).write()


def _read_and_hash(job: Job) -> tuple[Ended, dict[str, Any]]:
    return job.run_bare("read_and_hash")
