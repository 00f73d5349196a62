from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from querygen_core.api import Shard, partition_of
from querygen_core.contracts.errors import UsageError
from querygen_core.engine.shards import batch_run, shard_from, shard_named, with_partitions


def environ(index: str | None, size: str | None) -> dict[str, str]:
    given = {"AWS_BATCH_JOB_ARRAY_INDEX": index, "AWS_BATCH_JOB_ARRAY_SIZE": size}
    return {name: value for name, value in given.items() if value is not None}


@pytest.mark.parametrize(
    ("index", "size", "shard"),
    [
        (None, None, Shard()),
        (None, "8", Shard()),
        ("3", None, Shard()),
        ("0", "1", Shard(0, 1)),
        ("63", "64", Shard(63, 64)),
    ],
)
def test_the_shard_is_what_batch_says(index, size, shard):
    assert shard_from(environ(index, size)) == shard


@pytest.mark.parametrize(
    ("index", "size"),
    [("2", "2"), ("-1", "2"), ("0", "0"), ("", "2"), ("a", "2"), ("1.0", "2"), ("0", "-3"), ("0", "")],
)
def test_what_makes_no_sense_is_said_with_both_values(index, size):
    with pytest.raises(UsageError) as caught:
        shard_from(environ(index, size))
    assert f"{index!r}" in str(caught.value)
    assert f"{size!r}" in str(caught.value)


def test_a_shard_may_be_named():
    assert shard_named("0/1") == Shard(0, 1)
    assert shard_named("15/16") == Shard(15, 16)


@pytest.mark.parametrize("text", ["", "1", "2/2", "-1/2", "0/0", "/2", "1/", "a/2", "1/2/3", "1.0/2", "²/4"])
def test_a_name_that_makes_no_sense_is_said(text):
    with pytest.raises(UsageError, match="should be I/N"):
        shard_named(text)


def test_more_shards_than_partitions_would_have_nothing_to_do():
    assert with_partitions(Shard(3, 65), 65) == Shard(3, 65, 65)
    with pytest.raises(UsageError, match="65 shards are more than the 64 partitions of the job"):
        with_partitions(Shard(3, 65), 64)


@given(key=st.text(st.characters(), max_size=40), size=st.integers(1, 64), more=st.integers(0, 100))
def test_every_product_is_exactly_one_shard_s(key: str, size: int, more: int):
    shards = [Shard(index, size, size + more) for index in range(size)]
    (own,) = [shard for shard in shards if shard.has(key)]
    assert partition_of(key, size + more) in own.partitions
    assert sorted(partition for shard in shards for partition in shard.partitions) == list(range(size + more))


def test_shards_are_about_equal_and_stay_what_they_were():
    keys = [f"shop:{number}:en" for number in range(4000)]
    sizes = [sum(Shard(index, 4).has(key) for key in keys) for index in range(4)]
    assert sum(sizes) == 4000
    assert max(sizes) - min(sizes) < 250
    assert [Shard(index, 4).has("shop:1:en") for index in range(4)] == [False, False, False, True]
    assert (partition_of("shop:1:en", 64), partition_of("shop:1:en", 4096)) == (63, 959)


def test_the_report_says_how_batch_calls_the_process():
    assert batch_run({}) == {}
    given = {"AWS_BATCH_JOB_ID": "1f-2b:3", "AWS_BATCH_JOB_ATTEMPT": "2"}
    assert batch_run(given) == {"batch": {"job": "1f-2b:3", "attempt": 2}}
    assert batch_run({"AWS_BATCH_JOB_ID": "1f"}) == {"batch": {"job": "1f", "attempt": None}}
