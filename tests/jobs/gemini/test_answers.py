"""Whole jobs with all that goes wrong in them: what is delivered, counted and paid."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

import gemini_server
from gemini_fixtures import KEY
from gemini_server import Gemini
from querygen_gemini.prices import find_price
from tests.jobs.gemini.jobs import EMBEDDED, FLASH, JSONL, LITE, MILD, Job, paid, texts, total

pytestmark = pytest.mark.slow


def _cost(model: str, server: Gemini) -> float:
    """By the stand-in's own count of tokens."""
    price = find_price(model, datetime.now(UTC).date())
    assert price is not None
    tokens_in, tokens_out = total(server.stats()["tokens"])
    return (tokens_in * price.input + tokens_out * price.output) / 1_000_000


def test_a_job_with_two_models_and_faults_of_every_kind(server, tmp_path):
    with gemini_server.running(answers="offline", keys=(KEY,)) as other:
        for one in (server, other):
            one.set_faults(rates=MILD, retry_after=0.1, seed=3)
        job = Job(
            tmp_path / "job",
            products=30,
            url=server.url,
            of_market={"base_url": other.url},
            sinks=(JSONL, EMBEDDED),
            runtime={"max_failed_ratio": 1},
        )
        report = job.report()
        met = {fault for one in (server, other) for fault in one.stats()["by_fault"]}
        assert met == {*MILD}, "each fault is to be met at least once"
        assert (report["input"], report["pending"]) == (30, 0)
        assert report["calls"]["job"] == report["calls"]["new"] == paid(server) + paid(other)
        assert report["cost"] == pytest.approx(_cost(LITE, server) + _cost(FLASH, other), rel=1e-9)
        assert report["cost"] > 0
    assert {"throttled", "retry"} <= report["calls"]["errors"].keys()
    assert report["tokens"]["thinking"] > 0, "it is paid too"
    rows = job.rows()
    assert texts(rows) == texts(job.lines())
    assert len(rows) == report["queries"]["kept"] == report["queries_saved_to_db"]
    assert report["short_reasons"].keys() >= {"blocked"}


def test_blocked_products_deliver_what_the_other_generator_made(server, tmp_path):
    blocked = ("Tarnholm Kettle", "Tarnholm Drill")
    script = [
        {"fault": fault, "contains": title, "model": LITE}
        for fault, title in zip(("blocked_prompt", "safety"), blocked, strict=True)
    ]
    server.set_faults(script=script)
    job = Job(tmp_path / "job", products=15, url=server.url)
    report = job.report()
    lines = job.lines()
    titles = {line["title"] for line in lines if line["query_type"] == "market"}
    without = {title for title in titles if title.startswith(blocked)}
    assert without
    assert not [line for line in lines if line["query_type"] == "product" and line["title"] in without]
    assert (report["failed"], report["short_reasons"]["blocked"]) == (0, len(without))
    assert all(sum(line["title"] == title for line in lines) == job.count for title in without)
    assert server.accounts(paid=2) == {}, "what is blocked is not asked again"
    assert job.report()["calls"]["new"] == 0
    assert server.accounts(paid=2) == {}
