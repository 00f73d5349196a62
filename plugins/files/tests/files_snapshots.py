"""Outcomes to deliver, the two sinks that take them, and readers of files that use nothing of ours."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest

from querygen_core.api import Outcome, Query, Shard, SinkError
from querygen_core.formats import Document, JsonLines
from querygen_files.output_file import OutputFile
from querygen_files.ownership import Ownership
from querygen_files.snapshot import Snapshot

FORMATS = {"jsonl": JsonLines, "json": Document}
WHOLE = Shard()

Held = Counter[tuple[str, str, str]]


class Totals(NamedTuple):
    delivered: int
    unchanged: int
    retired: int


def outcome(number: int, texts: Iterable[str], query_type: str = "product", **more) -> Outcome:
    queries = tuple(Query(text=text, query_type=query_type, sub_type="usage", generator="product") for text in texts)
    defaults = {"title": f"Lamp {number}", "content_hash": "c", "outcome_key": "k", "state": "done"}
    key = f"shop:{number}:en"
    return Outcome(**defaults | {"product_key": key, "queries": queries, "ordinal": number} | more)


def catalogue(size: int = 7) -> list[Outcome]:
    return [outcome(number, [f"Is lamp {number} bright, {n}?" for n in range(number)]) for number in range(size)]


def sink_for(
    path: Path | str, shard: Shard = WHOLE, fence: int | None = None, *, job: str = "autumn", replace: bool = False
) -> Snapshot:
    make = partial(FORMATS[Path(path).suffix[1:]], job)
    log = logging.getLogger("querygen.files")
    return Snapshot(OutputFile(str(path), shard), make, Ownership(job, replace=replace), log, fence)


async def deliver_all(sink: Snapshot, outcomes: list[Outcome], batch: int = 3) -> Totals:
    receipts = []
    for start in range(0, len(outcomes), batch):
        receipts += await sink.apply(outcomes[start : start + batch])
    assert [receipt.product_key for receipt in receipts] == [outcome.product_key for outcome in outcomes]
    rest = await sink.publish()
    delivered = sum(receipt.delivered for receipt in receipts)
    unchanged = sum(receipt.unchanged for receipt in receipts)
    return Totals(delivered, unchanged, sum(receipt.retired for receipt in receipts) + rest)


def deliver(
    path: Path | str, outcomes: list[Outcome], batch: int = 3, shard: Shard = WHOLE, fence: int | None = None
) -> Totals:
    async def run() -> Totals:
        sink = sink_for(path, shard, fence)
        await sink.check()
        totals = await deliver_all(sink, outcomes, batch)
        await sink.aclose()
        return totals

    return asyncio.run(run())


def stored(path: Path) -> Held:
    """Read with nothing of ours."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".json":
        products = json.loads(text)["products"]
        return Counter((p["product_key"], q["query_type"], q["text"]) for p in products for q in p["queries"])
    records = [json.loads(line) for line in text.split("\n")[:-1]]
    return Counter((r["product_key"], r["query_type"], r["query_text"]) for r in records)


def wanted(outcomes: Iterable[Outcome]) -> Held:
    return Counter((o.product_key, q.query_type, q.text) for o in outcomes for q in o.queries)


def state_of(path: Path) -> tuple[int, int, bytes]:
    status = path.stat()
    return status.st_ino, status.st_mtime_ns, path.read_bytes()


def only(path: Path) -> bool:
    """No partial and nothing else was left beside it."""
    return [entry.name for entry in path.parent.iterdir()] == [path.name]


def failing(path: Path | str, outcomes: list[Outcome]) -> SinkError:
    with pytest.raises(SinkError) as caught:
        deliver(path, outcomes)
    return caught.value
