"""What it takes to go on with a large job on an empty disk. With QUERYGEN_LARGE=1 it is one of 100,000 answers."""

from __future__ import annotations

import asyncio
import gzip
import os
import time
from collections.abc import Iterable

import pytest

from plugins.aws.tests.journals import Place, nothing, pay, texts
from querygen_core.api import Shard
from tests.servers.aws_proxy import Delay

LARGE = bool(os.environ.get("QUERYGEN_LARGE"))


@pytest.fixture
def place(aws, bucket) -> Place:
    return Place(aws, bucket, aws.environ, {"segment_answers": 100})


@pytest.fixture
def between(aws, bucket, proxy) -> Place:
    return Place(aws, bucket, {**aws.environ, "AWS_ENDPOINT_URL": proxy.url}, {"segment_answers": 100})


def key(number: int) -> str:
    return f"{number * 7919:064x}"[::-1]


def paying(numbers: Iterable[int]):
    """A run that pays for these, 256 at once."""

    async def work(journal):
        left = iter(numbers)

        async def worker():
            for number in left:
                await pay(journal, f"answer {number} " + "and what a model says " * 100, key(number))

        await asyncio.gather(*(worker() for _ in range(256)))

    return work


def found(count: int):
    async def work(journal):
        assert (await journal.spent()).calls == count
        for number in range(0, count, max(1, count // 100)):
            assert [text.split(" and")[0] for text in await texts(journal, key(number))] == [f"answer {number}"]

    return work


def test_an_empty_disk_reads_segments_and_no_single_answer(place, between, proxy, tmp_path):
    place.opened(tmp_path / "a", paying(range(250)))
    assert place.names("segments/") == [f"segments/1-0-of-1-{number}.jsonl.gz" for number in range(3)]
    assert [gzip.decompress(place.body(name)).count(b"\n") for name in place.names("segments/")] == [100, 100, 50]
    single = proxy.on("GetObject", Delay(0), key="answers/")
    many = proxy.on("GetObject", Delay(0), key="segments/")
    between.opened(tmp_path / "b", found(250))
    assert (single.hits, many.hits) == (0, 3)
    assert len(place.names("segments/")) == 3, "what a segment has is put into no other"


def test_the_end_of_a_killed_run_is_read_one_by_one_and_only_once(place, between, proxy, tmp_path):
    place.abandon(tmp_path / "a", paying(range(150)))
    single = proxy.on("GetObject", Delay(0), key="answers/")
    between.opened(tmp_path / "b", found(150))
    assert single.hits == 50
    between.opened(tmp_path / "c", found(150))
    assert single.hits == 50, "the second run put them into a segment"


def test_a_disk_that_lacks_little_reads_only_that(place, between, proxy, tmp_path):
    place.opened(tmp_path / "a", paying(range(250)))
    place.opened(tmp_path / "b", paying(range(250, 252)))
    single = proxy.on("GetObject", Delay(0), key="answers/")
    many = proxy.on("GetObject", Delay(0), key="segments/")
    between.opened(tmp_path / "a", found(252))
    assert (single.hits, many.hits) == (0, 1), "one segment, or two answers"
    between.opened(tmp_path / "b", nothing)
    many.hits = 0
    place.opened(tmp_path / "a", paying(range(252, 253)))
    between.opened(tmp_path / "b", found(253))
    assert (single.hits, many.hits) == (1, 0)


def test_only_one_shard_gathers_the_end_of_a_killed_run(place, tmp_path):
    place.abandon(tmp_path / "a", paying(range(50)), shard=Shard(2, 3))
    for index in (1, 0):
        place.opened(tmp_path / f"{index}", nothing, shard=Shard(index, 2))
    assert place.names("segments/") == ["segments/3-0-of-2-0.jsonl.gz"]


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "no gzip", "a line"])
def test_what_a_damaged_segment_lacks_is_read_one_by_one(place, tmp_path, damage):
    place.opened(tmp_path / "a", paying(range(60)))
    (name,) = place.names("segments/")
    whole = place.body(name)
    lines = gzip.decompress(whole).splitlines(keepends=True)
    lines[7] = lines[7].replace(b"answer", b"onswer")
    place.put(name, {
        "cut": whole[: len(whole) // 2], "flipped": whole[:200] + bytes([whole[200] ^ 255]) + whole[201:],
        "empty": b"", "no gzip": b"?" * 500, "a line": gzip.compress(b"".join(lines)),
    }[damage])  # fmt: skip
    place.opened(tmp_path / "b", found(60))


@pytest.mark.timeout(3600)
def test_what_a_large_job_takes(aws, bucket, proxy, tmp_path):
    """With -s it prints requests and seconds: of paying, and of going on with an empty disk and with a full one."""
    count, some = (100_000, 2000) if LARGE else (1200, 200)
    place = Place(aws, bucket, aws.environ, {"segment_answers": some, "lease_seconds": 60})
    between = Place(aws, bucket, {**aws.environ, "AWS_ENDPOINT_URL": proxy.url}, place.options)
    began = time.perf_counter()
    place.opened(tmp_path / "a", paying(range(count)))
    print(f"\n{count} answers paid for: {time.perf_counter() - began:.1f} s")
    for disk, read in (("b", count // some), ("b", 0)):
        proxy.counts.clear()
        began = time.perf_counter()
        between.opened(tmp_path / disk, found(count))
        print(f"a later run: {dict(proxy.counts)}, {time.perf_counter() - began:.1f} s")
        assert proxy.counts["GetObject"] <= read + 8
        assert proxy.counts["ListObjectsV2"] <= count / 1000 + 10
        assert proxy.counts["PutObject"] <= 10
