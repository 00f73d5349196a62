"""What it takes to go on with a job on an empty disk."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Iterable

import pytest

from querygen_core.api import Shard, partition_of
from querygen_core.journal.remote import segments
from tests.journal.remote.place import Place, pay, texts

PRODUCT = "shop:K-100:en"
ELSEWHERE = next(key for key in map(str, range(100)) if partition_of(key, 64) != partition_of(PRODUCT, 64))
"""A product of another partition."""


@pytest.fixture(autouse=True)
def small_segments(monkeypatch):
    monkeypatch.setattr(segments, "MAX_ANSWERS", 100)


def key(number: int) -> str:
    return f"{number * 7919:064x}"[::-1]


def paying(numbers: Iterable[int], product_key: str = PRODUCT):
    """A run that pays for these, 64 at once."""

    async def work(journal):
        left = iter(numbers)

        async def worker():
            for number in left:
                text = f"answer {number} " + "and what a model says " * 100
                await pay(journal, text, key(number), product_key=product_key)

        await asyncio.gather(*(worker() for _ in range(64)))

    return work


def using(numbers: Iterable[int], product_key: str = PRODUCT, spent: int | None = None):
    """A run that uses these. spent: calls that the job has paid for."""

    async def work(journal):
        for number in numbers:
            found = await texts(journal, key(number), product_key)
            assert [text.split(" and")[0] for text in found] == [f"answer {number}"]
        assert spent is None or (await journal.spent()).calls == spent

    return work


def read(place: Place) -> tuple[int, int]:
    """Single answers and segments that were fetched since the last look."""
    counts = place.store.count("get", "answers/"), place.store.count("get", "segments/")
    place.store.calls.clear()
    return counts


def lines(place: Place) -> list[int]:
    """Answers in each segment."""
    return [gzip.decompress(place.body(name)).count(b"\n") for name in place.names("segments/")]


def test_an_empty_disk_reads_segments_and_no_single_answer(place, tmp_path):
    place.opened(tmp_path / "a", paying(range(250)))
    partition = partition_of(PRODUCT, 64)
    assert place.names("segments/") == [f"segments/{partition}/1-{number}.jsonl.gz" for number in range(3)]
    assert sum(lines(place)) == 250
    read(place)
    place.opened(tmp_path / "b", using(range(250), spent=250))
    assert read(place) == (0, 3)
    assert len(place.names("segments/")) == 3, "what a segment has is put into no other"


def test_the_same_disk_reads_nothing_again(place, tmp_path):
    for disk in ("a", "b", "a", "b"):
        place.opened(tmp_path / disk, paying([ord(disk)]) if len(list(tmp_path.glob(disk))) == 0 else using([97, 98]))
    read(place)
    place.opened(tmp_path / "b", using([97, 98], spent=2))
    assert read(place) == (0, 0)


@pytest.mark.slow
def test_the_end_of_a_killed_run_is_read_one_by_one_and_only_once(place, tmp_path):
    place.abandon(tmp_path / "a", paying(range(150)))
    assert 100 <= sum(lines(place)) < 150
    missing = 150 - sum(lines(place))
    read(place)
    place.opened(tmp_path / "b", using(range(150), spent=150))
    assert read(place)[0] == missing
    place.opened(tmp_path / "c", using(range(150), spent=150))
    assert read(place)[0] == 0, "the second run put them into a segment"


def test_a_shard_reads_the_segments_of_its_own_partitions_only(place, tmp_path):
    place.opened(tmp_path / "a", paying(range(50)))
    place.opened(tmp_path / "b", paying(range(50, 80), ELSEWHERE))
    shard = Shard(partition_of(PRODUCT, 64), 64)
    read(place)
    place.opened(tmp_path / "c", using(range(50)), shard=shard)
    assert read(place) == (0, 1)
    place.opened(tmp_path / "c", using(range(50, 80)), shard=shard)
    assert read(place) == (30, 0), "another shard's are found by their keys"


def test_what_another_job_has_paid_for_is_found_by_key_and_then_in_segments_of_one_s_own(place, tmp_path):
    place.opened(tmp_path / "a", paying(range(30)), job_id="other")
    read(place)
    place.opened(tmp_path / "b", using(range(20), spent=0))
    assert read(place) == (20, 0), "what it does not need it does not read"
    assert lines(place) == [20]
    place.opened(tmp_path / "c", using(range(20), spent=0))
    assert read(place) == (0, 1)


def test_a_killed_process_loses_no_segment_that_others_could_take_for_read(place, tmp_path):
    """One that could not be written is written by the next run that uses the answers."""
    place.store.on("create", "segments/")
    place.opened(tmp_path / "a", paying(range(20)))
    assert place.names("segments/") == []
    place.store.faults.clear()
    place.opened(tmp_path / "a", using(range(20), spent=20))
    assert lines(place) == [20]


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "no gzip", "a line"])
def test_what_a_damaged_segment_lacks_is_read_one_by_one(place, tmp_path, damage):
    place.opened(tmp_path / "a", paying(range(60)))
    (name,) = place.names("segments/")
    whole = place.body(name)
    content = gzip.decompress(whole).splitlines(keepends=True)
    content[7] = content[7].replace(b"answer", b"onswer")
    place.put(
        name,
        {
            "cut": whole[: len(whole) // 2],
            "flipped": whole[:200] + bytes([whole[200] ^ 255]) + whole[201:],
            "empty": b"",
            "no gzip": b"?" * 500,
            "a line": gzip.compress(b"".join(content)),
        }[damage],
    )
    place.opened(tmp_path / "b", using(range(60), spent=60))
