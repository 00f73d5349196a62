"""One process at a time works on a shard; a dead one does not hold it up, and one that was taken for dead stops."""

from __future__ import annotations

import asyncio
import json
import time

import pytest

from querygen_core.api import JournalError, Shard
from querygen_core.journal.remote import lease
from querygen_core.journal.remote.folder import dump_checked
from tests.journal.remote.place import KEY, OTHER, SHORT_LEASE, answer, nothing, pay, texts

LEASE = "leases/0-of-1.json"

pytestmark = pytest.mark.slow

FOLDER_ONLY = pytest.mark.parametrize("kind", ["folder"], indirect=True)
"""For what is decided in the process: how a store compares is known from the other tests."""


@pytest.fixture
def short(place):
    """Leases that soon end by themselves."""
    place.lease = SHORT_LEASE


def changed(place, before):
    async def is_so():
        return await asyncio.to_thread(place.body, LEASE) != before

    return is_so


async def until(reached) -> None:
    async with asyncio.timeout(30):
        while not await reached():  # noqa: ASYNC110 - it is in S3 that something is to happen
            await asyncio.sleep(0.05)


@pytest.mark.usefixtures("short")
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


@FOLDER_ONLY
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
    assert "waiting to see whether it is renewed" not in caplog.text


@pytest.mark.usefixtures("short")
def test_that_of_a_dead_process_is_taken_over(place, tmp_path, caplog):
    caplog.set_level("INFO")
    place.abandon(tmp_path / "a")
    assert json.loads(place.body(LEASE))["holder"]
    place.opened(tmp_path / "b", nothing)
    assert "waiting to see whether it is renewed" in caplog.text


@pytest.mark.usefixtures("short")
def test_of_two_that_wait_for_a_dead_one_only_one_goes_on(place, tmp_path):
    place.abandon(tmp_path / "a")

    async def begin(disk, over):
        journal = place.journal(tmp_path / disk)
        try:
            await journal.begin({})
            async with asyncio.timeout(60):
                await over.wait()
        except JournalError:
            over.set()
            return "refused"
        finally:
            await journal.aclose()
        return "ran"

    async def main():
        over = asyncio.Event()
        return sorted(await asyncio.gather(begin("b", over), begin("c", over)))

    assert asyncio.run(main()) == ["ran", "refused"]


@pytest.mark.usefixtures("short")
def test_a_holder_gives_signs_of_life(place, tmp_path):
    async def signs():
        return json.loads(await asyncio.to_thread(place.body, LEASE))["signs"]

    async def work(journal):
        first = await signs()

        async def outlived():  # a sign is given three times while one is good
            return await signs() >= first + 4

        await until(outlived)
        await pay(journal, "one")

    place.opened(tmp_path, work)


@FOLDER_ONLY
@pytest.mark.usefixtures("short")
def test_one_that_was_taken_over_starts_no_call_and_keeps_what_it_paid_for(place, tmp_path, caplog):
    theirs = dump_checked({"holder": "theirs", "host": "elsewhere", "pid": 7, "seconds": 60, "signs": 1})

    async def work(journal):
        intent = await journal.begin_call(KEY, 0)
        place.put(LEASE, theirs)
        await until(lambda: asyncio.sleep(0, "was taken over by" in caplog.text))
        with pytest.raises(JournalError, match=r"taken over by another process \(pid 7 on elsewhere\)"):
            await journal.begin_call(KEY, 1)
        await journal.record(intent, KEY, 0, answer("paid for"), usable=True)
        return await texts(journal)

    assert place.opened(tmp_path, work) == ["paid for"]
    assert place.body(LEASE) == theirs, "it is not ours to give back"
    assert len(place.names("answers/")) == 1


@pytest.mark.usefixtures("short")
def test_a_renewal_whose_answer_got_lost_is_one(place, tmp_path):
    lost = place.store.on("replace", "leases/", first=0, lost=True)

    async def work(journal):
        lost.first = 2
        await until(lambda: asyncio.sleep(0, lost.hits == 2))
        before = place.body(LEASE)
        await until(changed(place, before))
        await journal.begin_call(KEY, 0)

    place.opened(tmp_path, work)
    assert json.loads(place.body(LEASE))["holder"] is None


@FOLDER_ONLY
@pytest.mark.usefixtures("short")
def test_one_that_cannot_be_renewed_starts_no_call_until_it_can(place, tmp_path):
    async def refused(journal):
        try:
            await journal.begin_call(KEY, 0)
        except JournalError as error:
            return "could not be renewed" in str(error)
        return False

    async def work(journal):
        place.store.on("replace", "leases/")
        await until(lambda: refused(journal))
        place.store.faults.clear()

        async def goes_on():
            return not await refused(journal)

        await until(goes_on)

    place.opened(tmp_path, work)


def test_its_number_grows_with_every_holder_even_if_the_store_is_emptied(place, tmp_path):
    async def fence(journal):
        return journal.fence

    first, second = place.opened(tmp_path / "a", fence), place.opened(tmp_path / "b", fence)
    assert first < second
    for name in ("job.json", "leases/", "runs/", "spent/"):
        place.delete(name)
    while place.store.now(place.url).timestamp() * 1000 <= second:  # S3 tells whole seconds
        time.sleep(0.1)
    third = place.opened(tmp_path / "c", fence)
    assert second <= third, "it is a time of the store's clock"
    place.put(LEASE, dump_checked({"holder": None, "fence": third + 10**9}))
    assert place.opened(tmp_path / "d", fence) == third + 10**9 + 1, "the last holder's clock was ahead"


@FOLDER_ONLY
def test_a_free_lease_that_cannot_be_written_is_given_up(place, tmp_path):
    """A store whose If-Match never holds must not be asked for ever."""
    place.opened(tmp_path / "a", nothing)
    original = place.store.replace
    place.store.replace = lambda url, body, etag: None if "leases/" in url else original(url, body, etag)
    with pytest.raises(JournalError, match=r"leases/0-of-1\.json: .* cannot be written in 20 attempts") as caught:
        place.opened(tmp_path / "b", nothing)
    assert caught.value.exit_code == 78


@FOLDER_ONLY
def test_a_suspended_machine_does_not_take_its_lease_for_valid(place, tmp_path, monkeypatch):
    """Its other clocks stand still meanwhile."""

    async def work(journal):
        call = await journal.begin_call(KEY, 0)
        suspended = lease._clock() + place.lease + 0.5
        monkeypatch.setattr(lease, "_clock", lambda: suspended)
        with pytest.raises(JournalError, match="could not be renewed for 60 s"):
            journal.check_lease()
        with pytest.raises(JournalError, match="could not be renewed for 60 s") as caught:
            await journal.begin_call(OTHER, 0)
        assert caught.value.kind == "fenced"
        await journal.end_call(call, "failed")

    place.opened(tmp_path, work)
