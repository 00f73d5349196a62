"""Sixteen processes that write to one answer store, beside one, on a disk whose fsync takes two milliseconds more.

A commit is what a run waits for before a call (the claim) and after it (the answer).
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from querygen_core.api import Response, Shard, Usage
from querygen_core.journal.answer_db import AnswerDb
from querygen_core.journal.schema import ANSWERS, connect
from tests.benchmarks.measure import ROOT, Figures, Row, interleave
from tests.faults.preloaded import compile_to

WRITERS = 16
SECONDS = 5.0
DELAY_US = 2_000
ANSWER = Response(text="Is this kettle quiet enough for an open kitchen? " * 40, usage=Usage(input=900, output=700))


def measure(rounds: int, products: int) -> list[Row]:
    with tempfile.TemporaryDirectory() as temp:
        folder = Path(temp)
        library = compile_to(folder)
        note = "" if library else "no C compiler here: fsync is as fast as the disk"
        medians = interleave(
            rounds,
            {
                "1 writer": lambda number: _run(folder / f"one-{number}", 1, library),
                f"{WRITERS} writers": lambda number: _run(folder / f"many-{number}", WRITERS, library),
            },
        )
    one, many = medians["1 writer"], medians[f"{WRITERS} writers"]
    ratios = {f"{name}_ratio": many[name] / one[name] for name in ("p50_ms", "p99_ms", "max_ms", "commits_per_s")}
    rows = [Row(name, figures, note) for name, figures in medians.items()]
    return [*rows, Row(f"{WRITERS} writers beside 1", ratios, f"a fair queue makes each wait {WRITERS} times as long")]


def _run(folder: Path, writers: int, library: Path | None) -> Figures:
    """Let so many processes commit for a while; all of them begin and end together."""
    folder.mkdir()
    connect(folder / "answers.sqlite", ANSWERS).close()
    shim = (
        {"LD_PRELOAD": str(library), "FSYNC_ON": "answers.sqlite", "FSYNC_DELAY_US": str(DELAY_US)} if library else {}
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.store", str(folder / "answers.sqlite"), str(number)],
            cwd=ROOT,
            env={**os.environ, **shim},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(writers)
    ]
    for process in processes:
        assert process.stdout is not None
        process.stdout.readline()  # it has opened the store
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    waits = [json.loads(process.communicate()[0]) for process in processes]
    return _figures(waits)


def _figures(waits: Sequence[Sequence[float]]) -> Figures:
    """waits: seconds of each commit, by writer."""
    every = sorted(wait for of_writer in waits for wait in of_writer)
    served = [len(of_writer) for of_writer in waits]
    return {
        "p50_ms": statistics.median(every) * 1e3,
        "p99_ms": every[len(every) * 99 // 100] * 1e3,
        "max_ms": every[-1] * 1e3,
        "commits_per_s": len(every) / SECONDS,
        "least_served": min(served) / statistics.mean(served),  # 1: all equally often; 0: one starved
    }


async def write(path: Path, name: str) -> list[float]:
    """Claim and record answers, one after the other; the seconds that each commit took."""
    store = AnswerDb(path, f"job-{name}", Shard(0, 1))
    store.begin(1)
    await store.spent()
    await store.grant({})  # the writing thread has its connection, too
    print(flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    waits: list[float] = []
    until = time.perf_counter() + SECONDS
    number = 0
    while time.perf_counter() < until:
        key = f"{name}-{number}"
        began = time.perf_counter()
        call = await store.begin_call(key, 0)
        claimed = time.perf_counter()
        assert isinstance(call, int)
        await store.record(call, key, 0, ANSWER, usable=True, cost=0.001)
        waits += [claimed - began, time.perf_counter() - claimed]
        number += 1
    await store.aclose()
    return waits


if __name__ == "__main__":
    print(json.dumps(asyncio.run(write(Path(sys.argv[1]), sys.argv[2]))))
