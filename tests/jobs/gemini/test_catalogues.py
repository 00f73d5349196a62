"""Whole jobs on real catalogues, with what goes wrong in a long job: QUERYGEN_CATALOGUES=a.json:b.jsonl and `-s`."""

from __future__ import annotations

import time

import pytest

import gemini_server
from gemini_fixtures import KEY
from tests.jobs.gemini.jobs import CATALOGUES, EMBEDDED, JSONL, USUAL, Job, paid, texts

pytestmark = pytest.mark.slow


@pytest.mark.skipif(not CATALOGUES, reason="QUERYGEN_CATALOGUES names no catalogue")
@pytest.mark.parametrize("catalogue", CATALOGUES)
def test_every_product_of_a_real_catalogue_ends_in_one_state(catalogue, tmp_path):
    with gemini_server.running(
        answers="offline", keys=(KEY,), latency="200ms", faults={"rates": USUAL, "retry_after": 1, "seed": 4}
    ) as server:
        job = Job(
            tmp_path / "job",
            url=server.url,
            catalogue=catalogue,
            count=25,
            sinks=(JSONL, EMBEDDED),
            runtime={"concurrency": 64, "max_failed_ratio": 1},
        )
        began = time.monotonic()
        report = job.report()
        wall = time.monotonic() - began
        assert report["calls"]["job"] == paid(server), "every answer is counted"
        assert server.accounts(paid=3) == {}, "no request was paid more often than it is tried"
    rows = job.rows()
    assert report["pending"] == 0
    assert texts(rows) == texts(job.lines())
    assert len(rows) == report["queries"]["kept"] == report["queries_saved_to_db"]
    names = ("input", "done", "short", "rejected", "duplicate", "failed", "calls", "tokens", "cost", "short_reasons")
    print(f"\n{catalogue}: {wall:.0f} s, {len(rows):,} rows", {name: report[name] for name in names})
