"""A limit holds whatever happens to the calls: long answers, answers without usage, none at all, and SIGKILL.

QUERYGEN_SEEDS: how many series of answers are tried.
"""

from __future__ import annotations

import os
import signal
from functools import partial
from pathlib import Path

import pytest

from tests.cli.process import wait_for
from tests.faults.shop import balanced, interrupt
from tests.jobs.gemini.billing_server import MAX_OUTPUT, WHOLE, BillingServer, billing
from tests.jobs.gemini.jobs import Job

SEEDS = int(os.environ.get("QUERYGEN_SEEDS", "2"))
PRICES = {"input": 0.5, "output": 3.0}
CAP = 0.1
CONCURRENCY = 8
LARGEST_PROMPT = 12_000
"""Bytes that a request of these jobs does not reach."""
WORST = (LARGEST_PROMPT * PRICES["input"] + MAX_OUTPUT * PRICES["output"]) / 1e6


def _has_more_than(server: BillingServer, requests: int) -> bool:
    return server.requests > requests


def _job(folder: Path, server: BillingServer, **runtime: object) -> Job:
    return Job(
        folder,
        products=60,
        url=server.url,
        options={"prices": PRICES, "max_output_tokens": MAX_OUTPUT},
        runtime={"concurrency": CONCURRENCY, **runtime},
    )


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(SEEDS))
def test_the_spending_ends_within_one_call_of_the_limit(tmp_path: Path, seed: int):
    with billing(seed=seed) as server:
        ended = _job(tmp_path / "job", server, max_cost=CAP).run()
        assert (ended.code, ended.json["stopped_by"]) == (69, "budget"), ended.err
        assert ended.json["cost"] == pytest.approx(server.cost(PRICES)), "nothing is lost, nothing is estimated"
        assert ended.json["cost_estimated"] == 0
        print(f"seed {seed}: {ended.json['calls']['new']} calls, {ended.json['cost']:.4f} USD of {CAP}, worst {WORST}")
        assert CAP - WORST <= ended.json["cost"] <= CAP
        assert balanced(ended.json)


@pytest.mark.slow
@pytest.mark.parametrize("tells", [(), WHOLE[:1]], ids=["no usage", "no output"])
def test_without_usage_the_estimate_ends_the_run(tmp_path: Path, tells: tuple[str, ...]):
    with billing(tells) as server:
        job = _job(tmp_path / "job", server, max_cost=0.03)
        ended = job.run()
        report = ended.json
        assert (ended.code, report["stopped_by"]) == (69, "budget"), ended.err
        assert 0 < report["cost_estimated"] <= report["cost"] <= 0.03
        assert (report["cost_estimated"] == report["cost"]) == (not tells), "what the provider says is no estimate"
        assert report["cost"] >= 0.03 - WORST
        assert report["tokens"]["output"] > 0
        again = job.run().json
        assert (again["calls"]["new"], again["cost"], again["cost_job"]) == (0, 0.0, pytest.approx(report["cost"]))


@pytest.mark.slow
def test_calls_that_time_out_count(tmp_path: Path):
    with billing(seconds=1000) as server:
        job = _job(tmp_path / "job", server, max_calls=20, call_timeout=3, retry_for=9)
        reports = [job.run().json for _ in range(4)]
        said = [(one["stopped_by"], one["calls"]) for one in reports]
        assert 0 < server.requests <= 20, said
        assert reports[-1]["calls"]["job"] == 0
        assert server.requests <= reports[-1]["calls"]["indeterminate"] <= 20, "a slow machine may have sent less"


@pytest.mark.slow
def test_calls_whose_process_was_killed_count(tmp_path: Path):
    with billing(seconds=0.4) as server:
        job = _job(tmp_path / "job", server, max_calls=10)
        for _ in range(6):
            process = job.start()
            wait_for(process, partial(_has_more_than, server, server.requests))
            interrupt(process, signal.SIGKILL)
        ended = job.run()
        assert (ended.code, ended.json["stopped_by"]) == (69, "budget"), ended.err
        assert "max_calls 10" in ended.json["message"]
        calls = ended.json["calls"]
        assert calls["indeterminate"] > 0
        assert calls["job"] + calls["indeterminate"] == 10
        assert server.requests <= 10
