"""Whole jobs, in processes of their own, whose machine is lost, or whose bucket is away for a while."""

from __future__ import annotations

import shutil
import signal
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cli.process import end, wait_for
from tests.faults.shop import CONCURRENCY, Shop, balanced, interrupt
from tests.servers.aws_proxy import Fail, LoseAnswer


@dataclass(frozen=True)
class Unbroken:
    outputs: dict[str, bytes]
    needed: int


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory) -> Unbroken:
    """What the job makes with the usual journal, and what it costs."""
    shop = Shop(tmp_path_factory.mktemp("unbroken"))
    ended = shop.run()
    assert ended.code == 0, ended.err
    return Unbroken(shop.outputs(), shop.paid)


@pytest.fixture
def shop(bucket, tmp_path) -> Shop:
    journal = {"use": "aws/s3-journal", "bucket": bucket, "lease_seconds": 6}
    return Shop(tmp_path / "shop", changes={"journal": journal})


def lose_the_disk(shop: Shop) -> None:
    shutil.rmtree(shop.folder / ".querygen", ignore_errors=True)
    for path in shop.folder.glob("out.*"):
        path.unlink()


def shard(index: int, size: int) -> dict[str, str]:
    return {"AWS_BATCH_JOB_ARRAY_INDEX": f"{index}", "AWS_BATCH_JOB_ARRAY_SIZE": f"{size}"}


def test_a_machine_that_is_lost_again_and_again_costs_what_was_in_flight(shop, unbroken):
    for round_ in range(1, 3):
        process = shop.start()
        assert wait_for(process, lambda: shop.paid >= 15 * round_)  # noqa: B023 - called at once
        assert interrupt(process, signal.SIGKILL).code == -signal.SIGKILL
        lose_the_disk(shop)
    ended = shop.run()
    assert ended.code == 0, ended.err
    assert balanced(ended.json)
    assert shop.outputs() == unbroken.outputs
    assert shop.paid <= unbroken.needed + 2 * CONCURRENCY
    assert ended.json["calls"]["job"] == unbroken.needed, "what was paid in earlier runs counts"
    assert ended.json["calls"]["new"] <= unbroken.needed - 30 + 2 * CONCURRENCY, (
        "of 30 answers, what was in flight is lost"
    )
    assert ended.json["calls"]["indeterminate"] is None


def test_the_next_run_may_have_another_array_size(shop, unbroken):
    processes = [shop.start(**shard(index, 2)) for index in range(2)]
    for process in processes:
        wait_for(process, lambda: shop.paid >= 25)
    for process in processes:
        interrupt(process, signal.SIGKILL)
    before = shop.paid
    lose_the_disk(shop)
    ended = shop.run()
    assert ended.code == 0, ended.err
    assert shop.outputs() == unbroken.outputs
    assert shop.paid <= unbroken.needed + 2 * CONCURRENCY
    assert ended.json["calls"]["new"] <= unbroken.needed - before + 2 * CONCURRENCY
    lose_the_disk(shop)
    for index in range(3):
        ended = shop.run(**shard(index, 3))
        assert (ended.code, ended.json["calls"]["new"]) == (0, 0), ended.err
    lines = b"".join(path.read_bytes() for path in sorted(shop.folder.glob("out.part-*.jsonl"))).splitlines()
    assert sorted(lines) == sorted(unbroken.outputs["out.jsonl"].splitlines())


def test_while_the_bucket_is_away_no_call_starts_and_nothing_is_lost(shop, unbroken, proxy):
    process = shop.start(AWS_ENDPOINT_URL=proxy.url)
    assert wait_for(process, lambda: shop.paid >= 20)
    proxy.refuse()
    ended = end(process)
    assert ended.code == 75, ended.err
    assert "Traceback" not in ended.err
    assert balanced(ended.json)
    before = shop.paid
    assert before < unbroken.needed
    proxy.accept()
    ended = shop.run(AWS_ENDPOINT_URL=proxy.url)
    assert ended.code == 0, ended.err
    assert shop.outputs() == unbroken.outputs
    assert shop.paid == ended.json["calls"]["job"] == unbroken.needed, "an answer was paid for although it was there"
    assert ended.json["calls"]["new"] == unbroken.needed - before
    lose_the_disk(shop)
    ended = shop.run()
    assert (ended.code, ended.json["calls"]["new"]) == (0, 0), "what was kept here was sent later"
    assert shop.outputs() == unbroken.outputs


def test_a_bucket_that_throttles_and_loses_answers_only_slows_it_down(shop, unbroken, proxy):
    shop.changes["journal"]["lease_seconds"] = 60  # to wait for S3 is not to be dead
    shop.write()
    slow = proxy.on("PutObject|GetObject", Fail("SlowDown"), share=0.08, seed=1)
    lost = proxy.on("PutObject", LoseAnswer(), share=0.08, seed=2)
    busy = proxy.on("PutObject", Fail("ConditionalRequestConflict"), share=0.1, key="answers/", seed=3)
    ended = shop.run(AWS_ENDPOINT_URL=proxy.url)
    assert ended.code == 0, ended.err
    assert shop.outputs() == unbroken.outputs
    assert shop.paid == unbroken.needed
    assert min(slow.hits, lost.hits, busy.hits) > 0


def test_a_second_process_is_told_to_try_again(shop):
    shop.latency_ms = 500
    shop.write()
    process = shop.start()
    assert wait_for(process, lambda: shop.paid >= 1)
    refused = shop.run("--state-dir", "elsewhere")
    assert refused.code == 75
    assert "job 'shop' is being run by another process" in refused.err
    assert end(process).code == 0


def test_told_to_go_it_gives_the_job_to_the_next(shop, unbroken, tmp_path):
    process = shop.start()
    assert wait_for(process, lambda: shop.paid >= 10)
    assert interrupt(process, signal.SIGTERM).code == 75
    lose_the_disk(shop)
    ended = shop.run()
    assert ended.code == 0, ended.err
    assert shop.outputs() == unbroken.outputs
    assert shop.paid == unbroken.needed
    assert not Path(shop.folder / ".querygen" / "shop" / "unsent").exists()
