"""Several processes on one job."""

from __future__ import annotations

import json
import signal
from collections import Counter

import pytest

from tests.cli.process import end, wait_for
from tests.faults.shop import CONCURRENCY, balanced, interrupt


@pytest.mark.slow
def test_of_two_at_once_one_does_the_job_and_the_other_goes(unbroken, shop):
    ended = [end(process) for process in [shop.start() for _ in range(2)]]
    assert sorted(one.code for one in ended) == [0, 75], [one.err for one in ended]
    (gone,) = (one for one in ended if one.code == 75)
    assert "is being run by another process" in gone.err
    assert "[stopped_by=held exit_code=75]" in gone.err
    assert gone.out == ""
    assert shop.outputs() == unbroken.outputs
    assert shop.paid == unbroken.needed


@pytest.mark.slow
def test_the_lock_of_a_killed_process_is_free_and_a_living_one_s_is_not(shop):
    shop.latency_ms = 60_000
    shop.write()
    first = shop.start()
    wait_for(first, lambda: shop.count("SELECT count(*) FROM calls", "answers.sqlite") > 0)
    second = shop.run()
    assert second.code == 75
    assert f"pid {first.pid}" in second.err
    assert interrupt(first, signal.SIGKILL).code == -signal.SIGKILL
    shop.latency_ms = 0
    shop.write()
    assert shop.run().code == 0


@pytest.mark.slow
def test_a_run_whose_lock_s_file_was_removed_leaves_the_job_to_the_second_one(unbroken, shop):
    """The first one starts no further call; those under way it may have paid in vain."""
    shop.latency_ms = 3_000
    shop.write()
    first = shop.start()
    open_calls = "SELECT count(*) FROM calls WHERE state = 'open'"
    wait_for(first, lambda: shop.count(open_calls, "answers.sqlite") == CONCURRENCY)
    first.send_signal(signal.SIGSTOP)  # or it would take the lock again at once
    (shop.folder / ".querygen" / "shop" / "lock-0-of-1").unlink()
    shop.latency_ms = 0
    shop.write()
    second = shop.start()
    wait_for(second, lambda: shop.count("SELECT count(*) FROM runs") == 2)
    first.send_signal(signal.SIGCONT)
    gone, done = end(first), end(second)
    assert (gone.code, done.code) == (75, 0), (gone.err, done.err)
    assert "run by another process" in gone.err, "which may have ended by now"
    assert shop.outputs() == unbroken.outputs
    assert shop.paid <= unbroken.needed + CONCURRENCY


@pytest.mark.slow
def test_shards_side_by_side_do_everything_once_and_another_number_of_them_nothing(unbroken, shop):
    def shard(index: int, size: int):
        return shop.start(AWS_BATCH_JOB_ARRAY_INDEX=f"{index}", AWS_BATCH_JOB_ARRAY_SIZE=f"{size}")

    ended = [end(process) for process in [shard(index, 4) for index in range(4)]]
    assert [one.code for one in ended] == [0] * 4, [one.err for one in ended]
    assert all(balanced(one.json) for one in ended)
    assert sum(one.json["input"] for one in ended) == unbroken.report["input"]
    assert shop.paid == unbroken.needed
    parts = sorted(shop.folder.glob("out.part-*.jsonl"))
    assert len(parts) == 4
    found = Counter(line for part in parts for line in part.read_bytes().splitlines())
    expected = unbroken.outputs["out.jsonl"].splitlines()
    assert [json.loads(line)["product_key"] for line in found] != []
    assert found == Counter(expected)
    for size in (2, 1):
        ended = [end(process) for process in [shard(index, size) for index in range(size)]]
        assert [(one.code, one.json["calls"]["new"], one.json["calls"]["journal"]) for one in ended] == [
            (0, 0, 0)
        ] * size
    assert shop.outputs() == unbroken.outputs
    assert shop.paid == unbroken.needed
