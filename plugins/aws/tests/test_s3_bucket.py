"""What is replaced is what was seen, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from aws_fixtures import new_bucket
from aws_s3_place import Place
from aws_server.emulators import Aws
from querygen_aws.clients import client
from querygen_aws.s3.body import Body
from querygen_aws.s3.bucket import Bucket
from querygen_core.api import SinkError

OURS = {"querygen-job": "job"}


@pytest.fixture
def place(aws: Aws, environment: dict[str, str], tmp_path: Path) -> Place:
    return Place(new_bucket(aws), tmp_path)


@pytest.fixture
def bucket(place: Place, aws: Aws) -> Bucket:
    return Bucket(client("s3", aws.environ), place.bucket, "job")


@pytest.fixture
def body(tmp_path: Path) -> Iterator[Body]:
    made = Body(tmp_path, "application/json")
    made.write(b"new")
    yield made
    made.close()


def test_what_another_has_put_there_meanwhile_is_looked_at_first(place, bucket, body):
    place.put("key", b"old", **OURS)
    seen = bucket.head("key")
    place.put("key", b"newer", **OURS)
    assert bucket.try_put("key", body, seen) is None
    assert place.objects() == {"key": b"newer"}
    bucket.put("key", body, seen)
    assert place.objects() == {"key": b"new"}


@pytest.mark.parametrize("old", [None, b"old"])
def test_what_a_stranger_has_put_there_meanwhile_stays(place, bucket, body, old):
    if old:
        place.put("key", old, **OURS)
    seen = bucket.head("key")
    place.put("key", b"theirs")
    with pytest.raises(SinkError, match="querygen has not written it"):
        bucket.put("key", body, seen)
    assert place.objects() == {"key": b"theirs"}


def test_what_has_gone_meanwhile_is_made_anew(place, bucket, body):
    place.put("key", b"old", **OURS)
    seen = bucket.head("key")
    place.client.delete_object(Bucket=place.bucket, Key="key")
    assert bucket.put("key", body, seen) == bucket.head("key")
    assert place.objects() == {"key": b"new"}


def test_what_is_equal_is_not_sent(place, bucket, body):
    first = bucket.put("key", body, None)
    assert bucket.put("key", body, None) == first
    assert bucket.put("key", body, first) is first


def test_what_has_changed_since_it_was_seen_is_not_removed(place, bucket):
    place.put("key", b"old", **OURS)
    seen = bucket.head("key")
    place.put("key", b"newer", **OURS)
    bucket.remove("key", seen)
    assert place.names() == ["key"]
    bucket.remove("key", bucket.head("key"))
    bucket.remove("key", seen)
    assert place.names() == []


def test_what_is_a_stranger_s_is_not_removed(place, bucket):
    place.put("key", b"theirs")
    with pytest.raises(SinkError, match="left unchanged"):
        bucket.remove("key", bucket.head("key"))
    assert place.names() == ["key"]


@pytest.mark.slow
def test_a_listing_has_all_pages(place, bucket, body):
    names = [f"many/{number:04}" for number in range(1_003)]
    for name in names:
        bucket._client.put_object(Bucket=place.bucket, Key=name, Body=b"")
    assert list(bucket.list("many/")) == names
