"""Keys that are revoked or changed while a job runs: it ends soon, or goes on, and never pays twice."""

from __future__ import annotations

import pytest

from gemini_fixtures import KEY
from tests.cli.process import end, wait_for
from tests.faults.shop import CONCURRENCY, balanced
from tests.jobs.gemini.jobs import Job, paid
from tests.jobs.traces import places

pytestmark = pytest.mark.slow

NEXT = "AIzaNext-9876543210-of-a-test"


def test_a_key_that_is_revoked_ends_the_run_and_another_one_goes_on(server, tmp_path):
    server.set_pace(latency="50ms")
    job = Job(tmp_path / "job", products=30, url=server.url)
    process = job.start()
    assert wait_for(process, lambda: paid(server) >= 15)
    server.set_keys(**{KEY: "revoked"})
    before = server.stats()["requests"]
    ended = end(process)
    assert ended.code == 77, ended.err
    assert server.stats()["requests"] - before <= 2 * CONCURRENCY, "those that were on their way, and no more"
    assert "check api_key" in ended.json["message"]
    assert "Traceback" not in ended.err
    assert balanced(ended.json)
    assert ended.json["calls"]["job"] == paid(server)
    assert places(KEY, job.folder, ended.out, ended.err) == []

    refused = job.run()
    assert (refused.code, refused.json["calls"]["new"]) == (77, 0), "still revoked"
    server.set_keys(**{NEXT: "valid"})
    report = job.report(GEMINI_API_KEY=NEXT)
    assert (report["input"], report["done"] + report["short"]) == (30, 30)
    assert report["calls"]["job"] == paid(server)
    assert server.accounts(paid=2) == {}, "what was answered is not asked again"
    assert places(NEXT, job.folder) == []


def test_a_key_that_is_changed_in_a_file_is_fetched_again_in_the_middle(server, tmp_path):
    server.set_pace(latency="50ms")
    file = tmp_path / "key"
    file.write_text(KEY)
    secret = f"${{secret:file:{file}}}"
    job = Job(tmp_path / "job", products=30, url=server.url, options={"api_key": secret})
    process = job.start()
    assert wait_for(process, lambda: paid(server) >= 15)
    server.set_keys(**{NEXT: "valid"})
    file.write_text(NEXT)
    server.set_keys(**{KEY: "revoked"})
    ended = end(process)
    assert ended.code == 0, ended.err
    assert ended.json["calls"]["errors"] == {}, "calls that the old key had been good for are not cut off"
    assert server.stats()["undelivered"] == 0
    assert server.accounts(paid=2) == {}
    assert 0 < server.stats()["by_status"]["400"] <= 2 * CONCURRENCY, "each call meets the old key once at most"
