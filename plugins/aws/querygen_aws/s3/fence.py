"""Keeps a process that has lost its lease from changing the objects of its job."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

from querygen_aws.s3.body import Body
from querygen_aws.s3.bucket import Bucket
from querygen_aws.s3.object_keys import ObjectKeys
from querygen_core.api import Shard, SinkError

_MARK = re.compile(r"(\d+)-of-([1-9]\d*)/(\d+)")


class Fence:
    """The number of this process's lease, in the key of an empty object; the highest one for a product counts.

    It is asked between the reading of an object's ETag and the write that demands this ETag. A later process makes its
    mark before it reads anything, so an object that it has replaced has another ETag, and the mark protects those that
    it leaves as they are, or does not make. The marks are objects of their own, and not metadata of the results,
    because a result that stays equal is not sent again.

    S3 cannot compare the mark in the write itself. So one object can still change if a process is paused for longer
    than its lease between these two requests, and its successor leaves that very object as it is; the next run mends
    it, as it compares all objects.
    """

    def __init__(self, bucket: Bucket, keys: ObjectKeys, shard: Shard, number: int | None, folder: Path) -> None:
        """bucket: one without a fence. number: of the context; None: nothing is compared. folder: for a moment."""
        self._bucket = bucket
        self._prefix = keys.fences
        self._shard = shard
        self._number = number
        self._folder = folder

    def check(self) -> None:
        """Raise SinkError if a later process has begun to write products of this shard."""
        if self._number is not None and any(number > self._number for number, _ in self._marks()):
            message = "another process has taken over this job and writes these objects; this one leaves them alone"
            raise SinkError("fenced", f"s3://{self._bucket.name}/{self._prefix}: {message}")

    def raise_mark(self) -> None:
        """From now on no process with a lower number can change the objects. Raise SinkError if this one must not."""
        if self._number is None:
            return
        self.check()
        with closing(Body(self._folder, "text/plain")) as body:
            self._bucket.put(f"{self._prefix}{self._shard.name}/{self._number}", body, None)
        for number, key in self._marks():
            if number < self._number and key.startswith(f"{self._prefix}{self._shard.name}/"):
                self._remove(key)

    def _remove(self, key: str) -> None:
        with suppress(SinkError):  # without s3:DeleteObject it stays, which does no harm
            if info := self._bucket.head(key):
                self._bucket.remove(key, info)

    def _marks(self) -> Iterator[tuple[int, str]]:
        """Number and key of all marks of shards that have a partition in common with this one."""
        for key in self._bucket.list(self._prefix):
            if match := _MARK.fullmatch(key.removeprefix(self._prefix)):
                index, size, number = map(int, match.groups())
                other = Shard(index, size, self._shard.partition_count)
                if any(partition in other.partitions for partition in self._shard.partitions):
                    yield number, key
