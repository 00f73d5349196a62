"""Whole jobs, in processes of their own, whose machine is lost, or whose bucket is away for a while."""

from __future__ import annotations

import os
import shutil
import signal
from dataclasses import dataclass
from pathlib import Path

import pytest

from aws_server.proxy import Fail, LoseAnswer
from tests.cli.process import end, wait_for
from tests.faults.shop import CONCURRENCY, OUTPUTS, Shop, balanced, interrupt

pytestmark = pytest.mark.slow

LEASE = 4
"""Seconds that the machine after a killed one waits. A living one that is held up for three of them loses it."""


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
def folder_shop(tmp_path) -> Shop:
    """With a store that outlives its disk. For what is the same with every store: a folder is fast."""
    return shop_with(f"file://{tmp_path}/store/", tmp_path)


@pytest.fixture
def s3_shop(bucket, tmp_path) -> Shop:
    return shop_with(f"s3://{bucket}/journal/", tmp_path)


def shop_with(url: str, folder: Path) -> Shop:
    return Shop(folder / "shop", changes={"journal": {"url": url, "lease": LEASE}})


def lose_the_disk(shop: Shop) -> None:
    shutil.rmtree(shop.folder / ".querygen", ignore_errors=True)
    for path in shop.folder.glob("out.*"):
        path.unlink()


def shard(index: int, size: int) -> dict[str, str]:
    return {"AWS_BATCH_JOB_ARRAY_INDEX": f"{index}", "AWS_BATCH_JOB_ARRAY_SIZE": f"{size}"}


def test_a_machine_that_is_lost_again_and_again_costs_what_was_in_flight(s3_shop, unbroken):
    shop = s3_shop
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


def test_the_next_run_may_have_another_array_size(folder_shop, unbroken):
    shop = folder_shop
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


def test_while_the_bucket_is_away_no_call_starts_and_nothing_is_lost(s3_shop, unbroken, proxy):
    shop = s3_shop
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


def test_a_bucket_that_throttles_and_loses_answers_only_slows_it_down(s3_shop, unbroken, proxy):
    shop = s3_shop
    shop.changes["journal"]["lease"] = 60  # to wait for S3 is not to be dead
    shop.write()
    slow = proxy.on("PutObject|GetObject", Fail("SlowDown"), share=0.08, seed=1)
    lost = proxy.on("PutObject", LoseAnswer(), share=0.08, seed=2)
    busy = proxy.on("PutObject", Fail("ConditionalRequestConflict"), share=0.1, key="answers/", seed=3)
    ended = shop.run(AWS_ENDPOINT_URL=proxy.url)
    assert ended.code == 0, ended.err
    assert shop.outputs() == unbroken.outputs
    assert shop.paid == unbroken.needed
    assert min(slow.hits, lost.hits, busy.hits) > 0


def test_a_second_process_is_told_to_try_again(s3_shop):
    shop = s3_shop
    shop.latency_ms = 2_000
    shop.write()
    process = shop.start()
    assert wait_for(process, lambda: shop.paid >= 1)
    refused = shop.run("--state-dir", "elsewhere")
    assert refused.code == 75
    assert "job 'shop' is being run by another process" in refused.err
    first = interrupt(process, signal.SIGTERM)
    assert (first.code, first.json["stopped_by"]) == (75, "signal"), first.err


def test_told_to_go_it_gives_the_job_to_the_next(folder_shop, unbroken):
    shop = folder_shop
    process = shop.start()
    assert wait_for(process, lambda: shop.paid >= 10)
    assert interrupt(process, signal.SIGTERM).code == 75
    lose_the_disk(shop)
    ended = shop.run()
    assert ended.code == 0, ended.err
    assert shop.outputs() == unbroken.outputs
    assert shop.paid == unbroken.needed


@pytest.mark.parametrize("round_", range(int(os.environ.get("QUERYGEN_LEASE_ROUNDS", "1"))))
def test_stopped_beyond_its_lease_it_starts_no_call_and_ends_with_75(tmp_path, unbroken, round_):
    """Another process does the job meanwhile, on a disk of its own beside the folder that both share."""
    shop = shop_with(f"file://{tmp_path}/store/", tmp_path)
    shop.changes["journal"]["lease"] = 2
    shop.write()
    process = shop.start("--state-dir", "first")
    assert wait_for(process, lambda: shop.paid >= 7 + 3 * round_)
    process.send_signal(signal.SIGSTOP)
    try:
        ended = shop.run("--state-dir", "second")
        assert ended.code == 0, ended.err
        assert shop.outputs() == unbroken.outputs
        paid, marks = shop.paid, shop.marks()
    finally:
        process.send_signal(signal.SIGCONT)
    late = end(process)
    assert (late.code, late.json["stopped_by"]) == (75, "held"), late.err
    assert "Traceback" not in late.err
    assert shop.paid <= paid + CONCURRENCY, "only what was in flight when it was stopped"
    assert shop.marks() == marks
    assert late.json["calls"]["new"] + ended.json["calls"]["new"] <= unbroken.needed + CONCURRENCY


def test_another_job_pays_for_nothing_and_two_at_once_keep_one_answer_each(s3_shop, unbroken):
    """One after another: no call. At once, from two machines: each answer once, and the duplicates are counted."""
    shop = s3_shop

    def words(name: str) -> list[str]:
        outputs = [("--set", f"sinks.{number}.path={name}-{file}") for number, file in enumerate(OUTPUTS)]
        return ["--job-id", name, "--state-dir", name, *(word for pair in outputs for word in pair)]

    machines = [shop.start(*words(name)) for name in ("one", "two")]
    ended = [end(process) for process in machines]
    assert [one.code for one in ended] == [0, 0], [one.err for one in ended]
    duplicates = sum(one.json["calls"]["duplicate"] for one in ended)
    assert shop.paid == unbroken.needed + duplicates == sum(one.json["calls"]["new"] for one in ended)
    later = shop.run(*words("three"))
    assert (later.code, later.json["calls"]["new"], later.json["calls"]["job"]) == (0, 0, 0), later.err
