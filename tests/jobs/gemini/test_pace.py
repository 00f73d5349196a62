"""A provider that allows little at a time: all of the job is done, and few calls are sent in vain."""

from __future__ import annotations

import pytest

import gemini_server
from gemini_fixtures import KEY
from tests.jobs.gemini.jobs import LITE, Job

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    "limits", [{"at_once": 8}, {"per_window": 40, "window": 1.0}], ids=["at once", "in each window"]
)
def test_a_job_keeps_to_a_limit_that_it_has_not_been_told(tmp_path, limits):
    with gemini_server.running(answers="offline", keys=(KEY,), latency="100ms", **limits) as server:
        job = Job(tmp_path / "job", products=60, url=server.url, of_market={"model": LITE}, runtime={"concurrency": 32})
        report = job.report()
        stats = server.stats()
        assert server.accounts(paid=2) == {}
    rejected = stats["by_status"].get("429", 0)
    assert (report["done"] + report["short"], report["failed"]) == (60, 0)
    assert rejected == report["calls"]["errors"].get("throttled", 0) > 0, "there was a limit to be found"
    assert rejected / stats["requests"] < 0.5, f"a loop of 32 at a time gets more than that: {stats['by_status']}"
    assert stats["most_at_once"] <= 32
