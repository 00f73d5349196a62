"""What a job may cost: never more, and nothing is guessed where nobody knows."""

from __future__ import annotations

import pytest

from tests.faults.shop import balanced
from tests.jobs.gemini.jobs import Job, paid, total

pytestmark = pytest.mark.slow

PRICES = {"input": 10.0, "output": 10.0}


OUTPUT = 3_000  # tokens of an answer at most
INPUT = 16_000  # bytes of a request are fewer


def _spent(server) -> float:
    tokens_in, tokens_out = total(server.stats()["tokens"])
    return (tokens_in * PRICES["input"] + tokens_out * PRICES["output"]) / 1_000_000


def test_a_job_stops_before_it_costs_too_much_and_goes_on_when_it_may(server, tmp_path):
    server.set_pace(latency="10ms")
    options = {"prices": PRICES, "max_output_tokens": OUTPUT}
    unbounded = Job(tmp_path / "all", products=24, url=server.url, options=options)
    whole = unbounded.report()
    assert whole["cost"] == pytest.approx(_spent(server), rel=1e-9)
    server.reset()

    job = Job(tmp_path / "job", products=24, url=server.url, options=options)
    worst = (INPUT * PRICES["input"] + OUTPUT * PRICES["output"]) / 1_000_000
    for part in (0.5, 0.8):
        cap = whole["cost"] * part
        ended = job.run("--set", f"runtime.max_cost={cap:.6f}")
        assert ended.code == 69, ended.err
        assert "max_cost" in ended.json["message"]
        assert "raise it to continue" in ended.json["message"]
        assert balanced(ended.json)
        assert ended.json["pending"] > 0
        assert cap - worst <= _spent(server) <= cap, "all its runs together"
    report = job.report("--set", f"runtime.max_cost={whole['cost'] * 2:.6f}")
    assert report["calls"]["job"] == paid(server) == whole["calls"]["job"]
    assert job.outputs() == unbounded.outputs()
    assert server.accounts(paid=2) == {}


def test_a_cap_that_not_even_one_call_fits_in_pays_nothing(server, tmp_path):
    ended = Job(tmp_path / "job", products=4, url=server.url).run("--set", "runtime.max_cost=0.000001")
    assert (ended.code, paid(server)) == (69, 0), ended.err


@pytest.fixture
def unknown(server, tmp_path) -> Job:
    """A job whose product model has no known price; the stand-in answers it all the same."""
    return Job(tmp_path / "job", products=4, url=server.url, options={"model": "gemini-2.5-flash", "thinking": 128})


def test_a_price_that_nobody_knows_is_null(unknown, server):
    report = unknown.report()
    assert report["cost"] is None
    assert report["calls"]["job"] == paid(server) > 0
    shown = unknown.command("report", "shop")
    assert "cost unknown" in shown.out


def test_a_cap_on_what_nobody_knows_is_refused_before_anything_is_paid(unknown, server):
    ended = unknown.run("--set", "runtime.max_cost=1")
    assert ended.code == 78, ended.err
    assert "the price of 'product' (gemini/api) is not known" in ended.err
    assert "max_calls or max_tokens" in ended.err
    assert "Traceback" not in ended.err
    assert server.stats()["requests"] == 0
    unknown.options = {**unknown.options, "prices": PRICES}
    unknown.write()
    assert unknown.report("--set", "runtime.max_cost=1")["cost"] == pytest.approx(_spent(server), rel=1e-9)
