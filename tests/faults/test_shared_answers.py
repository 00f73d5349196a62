"""Jobs of one state folder pay together for what they have in common."""

from __future__ import annotations

import signal
import time

import pytest

from tests.cli.process import end
from tests.faults.shop import CONCURRENCY, Shop


@pytest.mark.slow
def test_another_job_pays_for_nothing_that_was_paid_for(unbroken, shop):
    first = shop.run()
    second = shop.run("--job-id", "another")
    assert (first.code, second.code) == (0, 0), second.err
    assert first.json["calls"]["new"] == unbroken.needed
    assert second.json["calls"]["new"] == second.json["calls"]["job"] == 0
    assert second.json["calls"]["journal"] == first.json["calls"]["new"]
    assert (second.json["cost"], second.json["cost_job"]) == (0.0, 0.0)
    assert shop.paid == unbroken.needed
    assert shop.outputs() == {name: body.replace(b'"shop"', b'"another"') for name, body in unbroken.outputs.items()}


@pytest.mark.slow
def test_an_edition_asks_anew_and_without_it_the_old_answers_are_there(unbroken, shop):
    assert shop.run().code == 0
    anew = shop.run("--set", "generators.market.edition=2027")
    assert 0 < anew.json["calls"]["new"] < unbroken.needed
    assert anew.json["calls"]["journal"] == unbroken.needed - anew.json["calls"]["new"], "the other generator's"
    assert shop.run().json["calls"]["new"] == 0
    assert shop.outputs() == unbroken.outputs


@pytest.mark.slow
def test_ten_jobs_at_once_pay_once_even_if_three_are_killed(unbroken, tmp_path):
    shop = Shop(tmp_path / "shop", changes={"sinks": [{"use": "files/jsonl", "path": "out-${JOB}.jsonl"}]})
    processes = [shop.start("--job-id", f"job-{number}", JOB=f"{number}") for number in range(10)]
    killed = processes[2::3]
    for process in killed:
        while shop.paid < 8 and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    ended = [end(process) for process in processes]
    left = [one for process, one in zip(processes, ended, strict=True) if process not in killed]
    assert [one.code for one in left] == [0] * 7, [one.err for one in left]
    assert unbroken.needed <= shop.paid <= unbroken.needed + len(killed) * CONCURRENCY
    assert sum(one.json["calls"]["duplicate"] for one in left) == 0
    assert shop.count("SELECT count(*) FROM answers", "answers.sqlite") == unbroken.needed
    for number, process in enumerate(processes):
        if process not in killed:
            written = (shop.folder / f"out-{number}.jsonl").read_bytes()
            assert written.replace(f'"job-{number}"'.encode(), b'"shop"') == unbroken.outputs["out.jsonl"]


@pytest.mark.slow
def test_machines_with_one_store_keep_each_answer_once_and_count_what_was_paid_twice(unbroken, tmp_path):
    """Three jobs at once on disks of their own, which meet in the store only; and a fourth afterwards."""
    store = tmp_path / "store"
    sinks = [{"use": "files/jsonl", "path": "out-${JOB}.jsonl"}]
    shop = Shop(tmp_path / "shop", changes={"sinks": sinks, "journal": {"url": f"file://{store}/"}})

    def start(name: str):
        return shop.start("--job-id", f"job-{name}", "--state-dir", f"disk-{name}", JOB=name)

    ended = [end(process) for process in [start(name) for name in "abc"]]
    assert [one.code for one in ended] == [0, 0, 0], [one.err for one in ended]
    assert sum(one.json["calls"]["new"] for one in ended) == shop.paid, "each counts what it has paid itself"
    kept = [path for path in (store / "answers").rglob("*.json") if not path.name.startswith(".")]
    assert len(kept) == unbroken.needed
    assert shop.paid == len(kept) + sum(one.json["calls"]["duplicate"] for one in ended)
    late = end(start("d"))
    assert (late.code, late.json["calls"]["new"], late.json["cost_job"]) == (0, 0, 0.0), late.err
    for name in "abcd":
        written = (shop.folder / f"out-{name}.jsonl").read_bytes()
        assert written.replace(f'"job-{name}"'.encode(), b'"shop"') == unbroken.outputs["out.jsonl"]
