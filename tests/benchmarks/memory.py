"""Peak memory: reading a small and a huge catalogue, and runs of two sizes."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.benchmarks.job import TEXT, Job, write_catalogue
from tests.benchmarks.measure import Ended, Figures, Row, interleave

LINES = (10_000, 1_000_000)


def measure(rounds: int, products: int) -> list[Row]:
    with tempfile.TemporaryDirectory() as temp:
        folder = Path(temp)
        contenders: dict[str, Callable[[int], Figures]] = {}
        for lines in LINES:
            contenders |= _readers(folder, lines)
        once = []
        for size in (products, 10 * products):
            job = Job(folder / f"run-{size}", write_catalogue(folder / f"run-{size}.jsonl", size), postprocessors=TEXT)
            once.append(Row(f"first run of {size:,} products", _costs(job.start_over().run()[0]), "measured once"))
            contenders[f"second run of {size:,} products"] = _again(job)
        medians = interleave(rounds, contenders)
    return [*(Row(name, figures) for name, figures in medians.items()), *once]


def _readers(folder: Path, lines: int) -> dict[str, Callable[[int], Figures]]:
    job = Job(folder / f"read-{lines}", write_catalogue(folder / f"read-{lines}.jsonl", lines)).write()
    return {
        f"json.loads of {lines:,} lines": lambda _: _costs(job.run_bare("parse_lines")[0]),
        f"files/catalogue of {lines:,} lines": lambda _: _costs(job.run_bare("read")[0]),
    }


def _again(job: Job) -> Callable[[int], Figures]:
    return lambda _: _costs(job.run()[0])


def _costs(ended: Ended) -> Figures:
    return {"peak_mb": ended.peak / 1e6, "cpu_s": ended.cpu, "wall_s": ended.wall}
