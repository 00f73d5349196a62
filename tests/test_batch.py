from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from querygen_core.api import Shard
from querygen_core.batch import belongs, shard_from
from querygen_core.errors import UsageError


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
        ("9999", "10000", Shard(9999, 10000)),
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


@given(key=st.text(st.characters(), max_size=40), size=st.integers(1, 50))
def test_every_product_is_exactly_one_shard_s(key: str, size: int):
    assert sum(belongs(key, Shard(index, size)) for index in range(size)) == 1


def test_shards_are_about_equal_and_stay_what_they_were():
    keys = [f"shop:{number}:en" for number in range(4000)]
    sizes = [sum(belongs(key, Shard(index, 4)) for key in keys) for index in range(4)]
    assert sum(sizes) == 4000
    assert max(sizes) - min(sizes) < 250
    assert [belongs("shop:1:en", Shard(index, 4)) for index in range(4)] == [False, False, False, True]
