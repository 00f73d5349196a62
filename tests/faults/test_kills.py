"""Killed and told to go at random moments: nothing is paid twice, nothing disappears, nothing doubles."""

from __future__ import annotations

import os
import random
import signal
import time

import pytest

from tests.cli.process import wait_for
from tests.faults.shop import CONCURRENCY, Shop, balanced, interrupt

KILLS = int(os.environ.get("QUERYGEN_KILLS", "6"))
SEED = int(os.environ.get("QUERYGEN_SEED", "1"))
BEFORE_THE_HANDLER = -signal.SIGTERM
"""A process that has not even begun to run Python dies of the signal."""


@pytest.mark.slow
def test_the_unbroken_run_is_worth_comparing_with(unbroken):
    report = unbroken.report
    assert (report["input"], report["done"] + report["short"], report["pending"]) == (26, 26, 0)
    assert balanced(report)
    assert unbroken.needed == report["calls"]["job"] > 52, "with flaws, some must be asked for again"
    assert report["calls"]["errors"]
    assert len(unbroken.outputs) == 2
    assert report["queries"]["kept"] == unbroken.outputs["out.jsonl"].count(b"\n")


def _at_a_random_moment(shop: Shop, draw: random.Random, number: signal.Signals):
    """Start, wait for some progress or some time, send the signal; how it ended."""
    process = shop.start()
    if draw.random() < 0.3:
        pause = time.monotonic() + draw.uniform(0, 1.5)
        wait_for(process, lambda: time.monotonic() > pause)
    else:
        goal = shop.paid + draw.randint(0, 20)
        wait_for(process, lambda: shop.paid >= goal)
    time.sleep(draw.uniform(0, 0.03))
    return interrupt(process, number)


@pytest.mark.slow
def test_killed_again_and_again_it_ends_with_the_same_bytes(unbroken, shop):
    draw = random.Random(SEED)
    killed = 0
    for _ in range(KILLS):
        killed += _at_a_random_moment(shop, draw, signal.SIGKILL).code == -signal.SIGKILL
    ended = shop.run()
    report = ended.json
    said = f"seed {SEED}, {killed} kills, needed {unbroken.needed}, paid {shop.paid}, {report['calls']}"
    assert ended.code == 0, ended.err
    assert shop.outputs() == unbroken.outputs, said
    assert shop.paid <= unbroken.needed + killed * CONCURRENCY, said
    assert report["calls"]["job"] == unbroken.needed, f"an answer was paid for although it was there: {said}"
    assert report["calls"]["job"] + report["calls"]["indeterminate"] >= shop.paid, f"calls in vain are counted: {said}"
    assert report["calls"]["indeterminate"] <= killed * CONCURRENCY, said
    assert balanced(report), said


@pytest.mark.slow
def test_told_to_go_again_and_again_it_pays_nothing_in_vain(unbroken, shop):
    draw = random.Random(SEED + 1)
    for _ in range(max(4, KILLS // 2)):
        ended = _at_a_random_moment(shop, draw, signal.SIGTERM)
        assert ended.code in (75, 0, BEFORE_THE_HANDLER), (SEED, ended)
        assert "Traceback" not in ended.err
        if ended.code == 75 and ended.out:
            assert ended.json["calls"]["abandoned"] == 0
            assert ended.json["stopped_by"] == "signal"
            assert balanced(ended.json)
    ended = shop.run()
    assert ended.code == 0, ended.err
    assert shop.outputs() == unbroken.outputs
    assert shop.paid == unbroken.needed, (SEED, ended.json["calls"])
    assert ended.json["calls"]["indeterminate"] == 0


@pytest.mark.slow
def test_a_kill_of_the_last_moments_leaves_old_or_new_files_and_nothing_else(shop):
    shop.write()
    assert shop.run("--set", "generators.product.count=6").code == 0
    old = shop.outputs()
    process = shop.start()
    wait_for(process, lambda: any((shop.folder / name).read_bytes() != old[name] for name in old))
    interrupt(process, signal.SIGKILL)
    left = shop.outputs()
    assert shop.run().code == 0
    # Not those of a job that had 12 from the start: its refills show other questions, and their answers are kept.
    new = shop.outputs()
    assert all(left[name] in (old[name], new[name]) for name in left)
    assert all(new[name] != old[name] for name in new)
    assert [path.name for path in shop.folder.iterdir() if "partial" in path.name] == []


@pytest.fixture
def slow(tmp_path) -> Shop:
    """Every answer takes ten minutes, which is longer than `end` waits."""
    return Shop(tmp_path / "slow", products=12, latency_ms=600_000, flaws=0)


def _all_under_way(shop: Shop) -> bool:
    return shop.count("SELECT count(*) FROM calls WHERE state = 'open'", "answers.sqlite") == CONCURRENCY


@pytest.mark.slow
def test_calls_that_take_too_long_are_abandoned_in_time(slow):
    slow.runtime = {"drain": 9}
    slow.write()
    process = slow.start()
    wait_for(process, lambda: _all_under_way(slow))
    ended = interrupt(process, signal.SIGTERM)
    assert ended.code == 75, ended.err
    assert ended.json["calls"]["abandoned"] == CONCURRENCY
    assert ended.json["pending"] >= CONCURRENCY
    assert balanced(ended.json)
    assert slow.paid == 0
    slow.latency_ms = 0
    slow.write()
    again = slow.run()
    assert (again.code, again.json["done"], slow.paid) == (0, 12, 24), again.err


def test_a_second_sigterm_leaves_at_once(slow):
    slow.runtime = {"drain": 600}
    slow.write()
    process = slow.start()
    wait_for(process, lambda: _all_under_way(slow))
    process.send_signal(signal.SIGTERM)
    assert "SIGTERM received" in process.stderr.readline()
    ended = interrupt(process, signal.SIGTERM)  # the first one alone would take ten minutes
    assert ended.code == ended.json["exit_code"] == 75
    assert ended.json["calls"]["abandoned"] == CONCURRENCY
    assert balanced(ended.json)


@pytest.mark.slow
def test_ctrl_c_is_130(slow):
    process = slow.start()
    wait_for(process, lambda: _all_under_way(slow))
    ended = interrupt(process, signal.SIGINT)
    assert ended.code == 130, ended.err
    assert ended.json["state"] == "stopped"
    assert "Traceback" not in ended.err


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 75), (signal.SIGINT, 130)], ids=["term", "int"])
def test_a_signal_while_it_starts_is_heard_too(shop, number, code):
    for pause in (0.05, 0.15, 0.3, 0.6):
        process = shop.start()
        time.sleep(pause)
        ended = interrupt(process, number)
        if ended.code == 1 and number == signal.SIGINT:  # Python itself was still starting
            assert "querygen_core" not in ended.err, ended
            continue
        assert ended.code in (code, -number, 0), ended
        if ended.code == code:
            assert "Traceback" not in ended.err
