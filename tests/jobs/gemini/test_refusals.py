"""What ends a run for good, after few calls, and what happens when it is run again."""

from __future__ import annotations

import pytest

from tests.cli.process import end, wait_for
from tests.faults.shop import CONCURRENCY, balanced
from tests.jobs.gemini.jobs import Job, paid, total


@pytest.mark.slow
def test_a_quota_per_day_ends_the_run_until_it_is_renewed(server, tmp_path):
    server.set_pace(latency="50ms")
    job = Job(tmp_path / "job", products=20, url=server.url)
    process = job.start()
    assert wait_for(process, lambda: paid(server) >= 10)
    server.set_faults(script=[{"fault": "429_day"}])
    ended = end(process)
    assert ended.code == 69, ended.err
    assert "wait for the quota to be renewed or raise it, then run again" in ended.json["message"]
    assert balanced(ended.json)
    assert ended.json["pending"] > 0
    assert server.stats()["by_fault"]["429_day"] <= 2 * CONCURRENCY
    server.set_faults()
    report = job.report()
    assert (report["done"] + report["short"], report["failed"]) == (20, 0)
    assert report["calls"]["job"] == paid(server)
    assert server.accounts(paid=2) == {}


@pytest.mark.slow
def test_a_model_that_is_not_there_ends_the_run_before_a_call(server, tmp_path):
    job = Job(tmp_path / "job", products=30, url=server.url, of_market={"model": "gemini-0-nothing"})
    ended = job.run()
    assert ended.code == 69, ended.err
    assert "gemini-0-nothing" in ended.json["message"]
    assert "check model and api_version" in ended.json["message"]
    assert balanced(ended.json)
    assert ended.json["stopped_by"] == "dead_model"
    assert (ended.json["failed"], ended.json["pending"]) == (0, 30), "no product is to blame"
    assert "404" not in server.stats()["by_status"]
    assert ended.json["calls"]["job"] == ended.json["calls"]["probe"] == paid(server) == 0, "the other was not asked"


@pytest.mark.slow
def test_thinking_that_takes_all_tokens_ends_the_run_and_is_paid_few_times(server, tmp_path):
    server.set_faults(script=[{"fault": "no_text"}])
    prices = {"input": 1, "output": 10}
    job = Job(tmp_path / "job", products=30, url=server.url, options={"prices": prices})
    ended = job.run()
    assert ended.code == 69, ended.err
    assert "raise max_output_tokens or lower thinking" in ended.json["message"]
    first = paid(server)
    assert ended.json["stopped_by"] == "useless_prompt"
    assert 4 <= first <= 10
    assert ended.json["calls"]["job"] == first, "useless answers are kept too"
    tokens_in, tokens_out = total(server.stats()["tokens"])
    assert tokens_out > 0
    assert ended.json["cost"] == pytest.approx((tokens_in * 1 + tokens_out * 10) / 1e6, rel=1e-9)

    again = job.run()
    assert again.code == 69, again.err
    assert again.json["failed"] == 0, "nothing is remembered against the products"
    assert again.json["calls"]["job"] == paid(server) <= 20
    server.set_faults()
    healed = job.run("--set", "models.product.thinking=minimal", "--set", "models.market.max_output_tokens=20000")
    assert healed.code == 0, healed.err
    assert healed.json["done"] + healed.json["short"] == 30, "what is raised makes it another request"
