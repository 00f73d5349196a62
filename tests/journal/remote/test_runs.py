"""What a job knows of its runs over all shards and machines: numbers, intents, granted tries, reports."""

from __future__ import annotations

import asyncio
import gzip
import json

import pytest

from querygen_core.api import ConfigError, JournalError, Shard, partition_of
from querygen_core.journal.sqlite import SqliteJournal
from querygen_core.testing import context
from querygen_core.testing.journal.job import letter
from tests.journal.remote.place import KEY, OTHER, nothing, pay


async def attempts(journal) -> list[int]:
    return [run["attempt"] for run in await journal.runs()]


def test_no_two_runs_of_a_job_have_the_same_number(place, tmp_path):
    first, second = Shard(0, 2), Shard(1, 2)
    assert place.opened(tmp_path / "a", attempts, shard=first) == [1]
    assert place.opened(tmp_path / "b", attempts, shard=second) == [2]
    assert place.opened(tmp_path / "a", attempts, shard=first) == [1, 3]
    assert place.opened(tmp_path / "c", attempts) == [4]
    assert json.loads(place.body("runs/2.json"))["shard"] == "1/2"


def test_what_is_written_is_counted_by_kind(place, tmp_path):
    async def work(journal):
        await pay(journal, "one")
        await pay(journal, "two", OTHER)
        return dict(journal.writes)

    writes = place.opened(tmp_path, work)
    assert (writes["answers"], writes["runs"], writes["leases"], writes["jobs"]) == (2, 1, 1, 1)


def test_nor_have_those_that_begin_at_once(place, tmp_path):
    async def begin(index):
        journal = place.journal(tmp_path / f"{index}", shard=Shard(index, 6))
        try:
            return await journal.begin({})
        finally:
            await journal.aclose()

    async def main():
        return sorted(await asyncio.gather(*map(begin, range(6))))

    assert asyncio.run(main()) == [1, 2, 3, 4, 5, 6]


def test_runs_with_another_journal_on_this_disk_keep_theirs(place, tmp_path):
    async def alone():
        local = SqliteJournal(context(tmp_path))
        await local.begin({})
        await local.aclose()

    asyncio.run(alone())
    assert place.opened(tmp_path, attempts) == [1, 2]


def test_the_config_of_a_run_is_kept(place, tmp_path):
    async def main():
        journal = place.journal(tmp_path)
        await journal.begin({"api_key": "${secret:env:KEY}", "odd": "\ud800"})
        await journal.aclose()

    asyncio.run(main())
    kept = json.loads(place.body("runs/1.json"))
    assert kept["config"] == {"api_key": "${secret:env:KEY}", "odd": "\ud800"}
    assert (kept["attempt"], kept["shard"], kept["started"][:2]) == (1, "0/1", "20")


def test_calls_in_vain_are_unknown_where_the_disk_lacks_a_run_of_the_shard(place, tmp_path):
    async def unknown(journal):
        await journal.begin_call(KEY, 0)
        return (await journal.spent()).indeterminate

    assert place.opened(tmp_path / "a", unknown, shard=Shard(0, 2)) == 1
    assert place.opened(tmp_path / "b", unknown, shard=Shard(1, 2)) == 1, "another shard's run is none of its own"
    assert place.opened(tmp_path / "a", unknown, shard=Shard(0, 2)) == 2
    assert place.opened(tmp_path / "b", unknown, shard=Shard(0, 2)) is None
    assert place.opened(tmp_path / "b", unknown, shard=Shard(0, 2)) is None, "it still lacks the first two"


def test_granted_tries_survive_the_disk(place, tmp_path):
    async def first(journal):
        for number in range(2):
            await pay(journal, "bad", number=number, usable=False)
        await pay(journal, "good", OTHER)
        assert await journal.grant_retry() == 1

    async def tries(journal):
        return await journal.tries(KEY), await journal.tries(OTHER)

    async def another(journal):
        assert await journal.grant_retry() == 1
        return await tries(journal)

    shard = Shard(partition_of("", 64) % 2, 2)  # `pay` pays for no product in particular
    place.opened(tmp_path / "a", first, shard=shard)
    assert place.opened(tmp_path / "b", another, shard=shard) == (2, 0)
    assert place.opened(tmp_path / "a", tries, shard=shard) == (2, 0)
    assert place.opened(tmp_path / "c", tries) == (2, 0)


def test_the_last_reports_of_all_shards(place, tmp_path):
    async def reports():
        journal = place.journal(tmp_path / "reader")
        try:
            return [(one["shard"]["index"], one["shard"]["size"], one["n"]) for one in await journal.reports()]
        finally:
            await journal.aclose()

    def finish(shard, number):
        place.opened(tmp_path / f"{shard}", lambda journal: journal.finish({"exit_code": 0, "n": number}), shard=shard)

    assert asyncio.run(reports()) == []
    finish(Shard(), 1)
    finish(Shard(1, 2), 2)
    finish(Shard(0, 2), 3)
    finish(Shard(1, 2), 4)
    place.opened(tmp_path / "unfinished", nothing, shard=Shard(2, 3))
    place.put("reports/2-of-3.json", b"{damaged")
    assert asyncio.run(reports()) == [(0, 2, 3), (1, 2, 4), (0, 1, 1)]


def test_a_run_whose_report_cannot_be_put_is_not_over(place, tmp_path):
    place.store.on("create", "reports/")

    async def work(journal):
        with pytest.raises(JournalError, match="reports/0-of-1"):
            await journal.finish({"exit_code": 0})

    place.opened(tmp_path, work)


def test_a_run_that_ends_because_the_store_is_away_ends_with_its_report(place, tmp_path, caplog):
    async def work(journal):
        place.store.on("create", "answers/|reports/")
        with pytest.raises(JournalError):
            await pay(journal, "one")
        await journal.finish({"exit_code": 75})
        return (await journal.runs())[0]["report"]

    assert place.opened(tmp_path, work) == {"exit_code": 75}
    assert "the report of run 1 is stored only on this machine" in caplog.text


def test_dead_letters_are_kept_with_the_report(place, tmp_path):
    async def work(journal):
        await journal.add_dead_letters("table", [letter(f"{number}", stage="deliver") for number in range(3)])
        await journal.finish({"exit_code": 0})

    place.opened(tmp_path, work, shard=Shard(1, 2))
    lines = gzip.decompress(place.body("dead_letters/1-of-2.jsonl.gz")).splitlines()
    assert [json.loads(line)["stage"] for line in lines] == ["deliver"] * 3
    place.opened(tmp_path, lambda journal: journal.finish({"exit_code": 0}), shard=Shard(1, 2))
    assert gzip.decompress(place.body("dead_letters/1-of-2.jsonl.gz")) == b"", "those of the last run"


def test_another_number_of_partitions_than_the_first_run_s_is_refused_on_any_disk(place, tmp_path):
    place.opened(tmp_path / "a", nothing, shard=Shard(partition_count=8))
    with pytest.raises(ConfigError, match=r"runtime\.partitions: is 16, but job 'test-job' was first started with 8"):
        place.opened(tmp_path / "b", nothing, shard=Shard(partition_count=16))
    place.opened(tmp_path / "b", nothing, shard=Shard(partition_count=8))
