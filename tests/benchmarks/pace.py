"""A provider that allows 20 calls at a time and 100 in ten seconds, which nobody was told: how long a job takes, and
what share of its requests is rejected, beside a bare loop of 64 that waits as long as each answer says.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gemini_server
from tests.benchmarks.job import Job, write_catalogue
from tests.benchmarks.measure import KEY, Ended, Figures, Row, interleave

LATENCY_MS = 200
LIMITS = {"at_once": 20, "per_window": 100, "window": 10.0}


def measure(rounds: int, products: int) -> list[Row]:
    with tempfile.TemporaryDirectory() as temp:
        folder = Path(temp)
        job = Job(folder / "job", write_catalogue(folder / "all.jsonl", products), latency_ms=LATENCY_MS)
        medians = interleave(
            rounds,
            {
                "bare loop of 64 around google-genai": lambda _: _run(
                    job, lambda job: job.write().run_bare("ask_google")
                ),
                "querygen with gemini/api, at most 64": lambda _: _run(job, lambda job: job.start_over().run()),
            },
        )
    return [Row(name, figures) for name, figures in medians.items()]


def _run(job: Job, run: Callable[[Job], tuple[Ended, Any]]) -> Figures:
    with gemini_server.running(keys=(KEY,), answers="canned", latency=f"{LATENCY_MS}ms", **LIMITS) as server:
        ended, _ = run(job.at(server.url))
        stats = server.stats()
    rejected = stats["by_status"].get("429", 0)
    return {
        "wall_s": ended.wall,
        "calls": stats["paid"],
        "rejected": rejected,
        "rejected_share": rejected / stats["requests"],
        "most_at_once": stats["most_at_once"],
    }
