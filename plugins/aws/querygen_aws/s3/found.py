"""What a job has in the bucket already."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, cast

from querygen_aws.s3.bucket import Bucket, Seen, pause
from querygen_aws.s3.download import Changed
from querygen_aws.s3.names import Names
from querygen_core.api import Shard, SinkError
from querygen_core.formats import Document, HeldProduct, Holdings, JsonLines

_BUFFER = 1 << 18
_TURNS = 10

Read = Callable[[BinaryIO], Iterator[HeldProduct]]


@dataclass
class Found:
    """document, parts: what was read. others: keys of the folder in which the parts are."""

    document: Seen | None = None
    parts: dict[str, Seen] = field(default_factory=dict)
    others: list[str] = field(default_factory=list)


class Finder:
    """Reads a shard's products out of the bucket, whatever their layout."""

    def __init__(self, bucket: Bucket, names: Names, shard: Shard, log: logging.Logger) -> None:
        self._bucket = bucket
        self._names = names
        self._shard = shard
        self._log = log

    def find(self, holdings: Holdings) -> Found:
        found = Found(document=self._load(self._names.document, Document.held, holdings))
        there = self._bucket.list(self._names.folder)
        found.others = list(there)
        for key in map(self._names.part, self._shard.partitions):
            if key in there and (seen := self._load(key, JsonLines.held, holdings)):
                found.parts[key] = seen
        return found

    def _load(self, key: str, read: Read, holdings: Holdings) -> Seen | None:
        for turn in range(_TURNS):
            opened = self._bucket.open(key)
            if opened is None:
                return None
            seen, stream = opened
            with stream, io.BufferedReader(stream, _BUFFER) as file:
                try:
                    holdings.load(self._ours(read(cast("BinaryIO", file))))
                except Changed:
                    pause(turn)
                except ValueError as error:
                    message = "s3://%s/%s is damaged (%s): it is replaced as if it were empty"
                    self._log.warning(message, self._bucket.name, key, error)
                    return seen
                else:
                    return seen
        raise SinkError("retry", f"s3://{self._bucket.name}/{key}: others write it without end; run again")

    def _ours(self, products: Iterator[HeldProduct]) -> Iterator[HeldProduct]:
        return (product for product in products if self._shard.has(product[0]))
