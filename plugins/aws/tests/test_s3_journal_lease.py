"""One process at a time works on a shard; a dead one does not hold it up, and one that was taken for dead stops."""

from __future__ import annotations

import asyncio
import json

import pytest

from plugins.aws.tests.journals import KEY, answer, nothing, pay, texts
from querygen_core.api import JournalError, Shard
from tests.servers.aws_proxy import Fail, LoseAnswer

LEASE = "leases/0-of-1.json"


def changed(place, before):
    async def is_so():
        return await asyncio.to_thread(place.body, LEASE) != before

    return is_so


async def until(reached) -> None:
    async with asyncio.timeout(30):
        while not await reached():  # noqa: ASYNC110 - it is in S3 that something is to happen
            await asyncio.sleep(0.05)


def test_a_second_process_is_refused_on_another_disk_too(place, tmp_path):
    async def work(_):
        other = place.journal(tmp_path / "b")
        try:
            with pytest.raises(JournalError, match=r"job 'test-job' is being run by another process \(pid \d+ on .+\)"):
                await other.begin({})
        finally:
            await other.aclose()

    place.opened(tmp_path / "a", work)
    assert place.names("runs/") == ["runs/1.json"]


def test_other_shards_are_not_held_up(place, tmp_path):
    async def work(_):
        other = place.journal(tmp_path / "b", shard=Shard(1, 2))
        await other.begin({})
        await other.aclose()

    place.opened(tmp_path / "a", work, shard=Shard(0, 2))
    assert place.names("leases/") == ["leases/0-of-2.json", "leases/1-of-2.json"]


def test_it_is_given_back(place, tmp_path, caplog):
    caplog.set_level("INFO")
    for disk in ("a", "b", "c"):
        place.opened(tmp_path / disk, nothing)
        assert json.loads(place.body(LEASE))["holder"] is None
    assert "waiting for a sign of life" not in caplog.text


def test_that_of_a_dead_process_is_taken_over(place, tmp_path, caplog):
    caplog.set_level("INFO")
    place.abandon(tmp_path / "a")
    assert json.loads(place.body(LEASE))["holder"]
    place.opened(tmp_path / "b", nothing)
    assert "waiting for a sign of life" in caplog.text


def test_of_two_that_wait_for_a_dead_one_only_one_goes_on(place, tmp_path):
    place.abandon(tmp_path / "a")

    async def begin(disk):
        journal = place.journal(tmp_path / disk)
        try:
            await journal.begin({})
            await asyncio.sleep(4)  # longer than the other one watches
        except JournalError:
            return "refused"
        finally:
            await journal.aclose()
        return "ran"

    async def main():
        return sorted(await asyncio.gather(begin("b"), begin("c")))

    assert asyncio.run(main()) == ["ran", "refused"]


def test_a_holder_gives_signs_of_life(place, tmp_path):
    async def work(journal):
        first = place.body(LEASE)
        await until(changed(place, first))
        await asyncio.sleep(3.5)  # longer than one sign is good for
        await pay(journal, "one")

    place.opened(tmp_path, work)


def test_one_that_was_taken_over_starts_no_call_and_keeps_what_it_paid_for(place, tmp_path, caplog):
    theirs = json.dumps({"holder": "theirs", "host": "elsewhere", "pid": 7, "seconds": 60, "signs": 1}).encode()

    async def work(journal):
        intent = await journal.intend(KEY, 0)
        place.put(LEASE, theirs)
        await until(lambda: asyncio.sleep(0, "was taken over by" in caplog.text))
        with pytest.raises(JournalError, match=r"taken over by another process \(pid 7 on elsewhere\)"):
            await journal.intend(KEY, 1)
        await journal.record(intent, KEY, 0, answer("paid for"), usable=True)
        return await texts(journal)

    assert place.opened(tmp_path, work) == ["paid for"]
    assert place.body(LEASE) == theirs, "it is not ours to give back"
    assert len(place.names("answers/")) == 1


def test_a_renewal_whose_answer_got_lost_is_one(between, proxy, tmp_path):
    lost = proxy.on("PutObject", LoseAnswer(), key="leases/", first=0)

    async def work(journal):
        lost.first = 2
        await until(lambda: asyncio.sleep(0, lost.hits == 2))
        before = between.body(LEASE)
        await until(changed(between, before))
        await journal.intend(KEY, 0)

    between.opened(tmp_path, work)
    assert json.loads(between.body(LEASE))["holder"] is None


def test_one_that_cannot_be_renewed_starts_no_call_until_it_can(between, proxy, tmp_path):
    async def refused(journal):
        try:
            await journal.intend(KEY, 0)
        except JournalError as error:
            return "could not be renewed" in str(error)
        return False

    async def work(journal):
        proxy.on("PutObject", Fail("InternalError"), key="leases/")
        await until(lambda: refused(journal))
        proxy.clear()

        async def goes_on():
            return not await refused(journal)

        await until(goes_on)

    between.opened(tmp_path, work)
