"""What a start on an empty disk costs beside a store with the answers of many jobs: requests, bytes, seconds, memory.

The store is a folder. A job needs one answer in a hundred; the first time it finds them by their keys, the next time
in segments of its own. The requests would be the same in S3, at 20 to 40 ms each, 32 at once.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from querygen_core.contracts.journal import AnswerRecord
from querygen_core.journal.remote.answer_codec import encode, object_name
from querygen_core.journal.remote.journal import RemoteJournal
from querygen_core.registry import Registry
from querygen_core.testing import context, response
from tests.benchmarks.measure import Figures, Row, interleave, run_python

SHARE = 100  # answers in the store for each one that the job needs
_CONCURRENCY = 64
_TEXT = json.dumps({"questions": [{"text": f"Is the kettle with number {n} loud?"} for n in range(25)]})


def measure(rounds: int, products: int) -> list[Row]:
    """products: the answers that the job needs."""
    with tempfile.TemporaryDirectory() as temp:
        folder = Path(temp)
        contenders: dict[str, Callable[[int], Figures]] = {}
        for size in (products, SHARE * products):
            fill(folder / f"store-{size}", size)
            for name in ("by key, a new job", "in segments of its own"):
                contenders[f"{products:,} of {size:,} answers, {name}"] = _start(
                    folder, size, products, new="new" in name
                )
        medians = interleave(rounds, contenders)
    return [Row(name, figures) for name, figures in medians.items()]


def _start(folder: Path, size: int, needed: int, *, new: bool) -> Callable[[int], Figures]:
    def costs(number: int) -> Figures:
        disk = folder / f"disk-{size}-{number}-{new}"
        job = f"job-{number}"  # the round's first start is that of a new job, the second one of the same
        store = f"file://{folder}/store-{size}/"
        ended = run_python("-m", "tests.benchmarks.empty_disk", store, disk, job, str(needed))
        figures: dict[str, float] = json.loads(ended.stdout)
        return {**figures, "cpu_s": ended.cpu, "peak_mb": ended.peak / 1e6}

    return costs


def key(number: int) -> str:
    return f"{number * 7919:064x}"[::-1]


def fill(store: Path, answers: int) -> None:
    """Write answers of another job as plain files: durability is not what is measured."""
    folders = [store / "answers" / f"{number:02x}" for number in range(256)]
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    for number in range(answers):
        record = AnswerRecord(
            key=key(number),
            number=0,
            response=response(_TEXT),
            usable=True,
            cost=0.001,
            job="another",
            run=1,
            time="2026-11-01T00:00:00.000Z",
        )
        (store / "answers" / object_name(record.key, 0)).write_bytes(encode(record))


class CountingStore:
    """Counts requests and the bytes that were read."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self.requests: Counter[str] = Counter()
        self.bytes = 0

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        def call(*given: Any) -> Any:
            self.requests[operation] += 1
            result = getattr(self._store, operation)(*given)
            self.bytes += len(getattr(result, "body", b""))
            return result

        return call


async def start(url: str, disk: Path, job: str, needed: int) -> dict[str, float]:
    store = CountingStore(Registry().object_store(url))
    journal = RemoteJournal(store, url, 60, context(disk, job_id=job))
    began = time.perf_counter()
    await journal.begin({})
    left = iter([key(number) for number in range(needed)])

    async def worker() -> None:
        for asked in left:
            assert await journal.answers(asked, asked), "an answer is missing"

    await asyncio.gather(*(worker() for _ in range(_CONCURRENCY)))
    seconds = time.perf_counter() - began
    gets, entries, bytes_read = store.requests["get"], store.requests["entries"], store.bytes
    await journal.finish({})
    await journal.aclose()
    return {"seconds": seconds, "gets": gets, "listings": entries, "read_mb": bytes_read / 1e6}


if __name__ == "__main__":
    url, disk, job, needed = sys.argv[1:]
    print(json.dumps(asyncio.run(start(url, Path(disk), job, int(needed)))))
