"""`querygen plan`: seconds and memory on an empty store, where most requests are only counted, and on a full one."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.benchmarks.job import TEXT, Job, write_catalogue
from tests.benchmarks.measure import Figures, Row, interleave, run_python

EMPTY = (10_000, 1_000_000)
"""Products of a catalogue that nobody has asked about."""


def measure(rounds: int, products: int) -> list[Row]:
    """products: of the catalogues whose answers or outcomes are stored."""
    with tempfile.TemporaryDirectory() as temp:
        folder = Path(temp)
        rows = [Row(f"empty store, {lines:,} products", _empty(folder, lines), "measured once") for lines in EMPTY]
        job = Job(folder / "full", write_catalogue(folder / "full.jsonl", products), postprocessors=TEXT)
        job.start_over().run()
        known = interleave(rounds, {f"every outcome known, {products:,} products": lambda _: _plan(job)})
        other = interleave(rounds, {f"every answer known, {products:,} products": lambda _: _plan(job, "other")})
        return [*rows, *(Row(name, figures) for name, figures in {**known, **other}.items())]


def _empty(folder: Path, lines: int) -> Figures:
    catalogue = write_catalogue(folder / f"{lines}.jsonl", lines)
    figures = _plan(Job(folder / f"empty-{lines}", catalogue, postprocessors=TEXT).write())
    catalogue.unlink()
    return figures


def _plan(job: Job, job_id: str = "benchmark") -> Figures:
    words = ("-m", "querygen_core", "plan", job.config, "--json", "--job-id", job_id)
    ended = run_python(*words, cwd=job.folder)
    return {"wall_s": ended.wall, "cpu_s": ended.cpu, "peak_mb": ended.peak / 1e6}
