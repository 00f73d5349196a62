"""Reading of the objects that a job delivered before."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, cast

from querygen_aws.s3.bucket import Bucket, ObjectInfo, back_off
from querygen_aws.s3.download import ObjectChanged
from querygen_aws.s3.object_keys import ObjectKeys
from querygen_core.api import Shard, SinkError
from querygen_core.formats import Document, HeldProduct, JsonLines, PreviousContents

_BUFFER_SIZE = 1 << 18  # bytes
_MAX_ATTEMPTS = 10

Reader = Callable[[BinaryIO], Iterator[HeldProduct]]


@dataclass
class ExistingObjects:
    document: ObjectInfo | None = None
    """The object of layout `document`; None if there is none."""
    parts: dict[str, ObjectInfo] = field(default_factory=dict)
    """The shard's objects of layout `parts`, by key."""
    folder: list[str] = field(default_factory=list)
    """Keys of all objects beside the parts, other shards' and the manifest included."""


class ExistingObjectsReader:
    """Reads a shard's products from the bucket, in whichever layout they are."""

    def __init__(self, bucket: Bucket, keys: ObjectKeys, shard: Shard, log: logging.Logger) -> None:
        self._bucket = bucket
        self._keys = keys
        self._shard = shard
        self._log = log

    def read(self, previous: PreviousContents) -> ExistingObjects:
        """Load the products of all objects into `previous`, and return the objects.

        Raises:
            SinkError: an object cannot be read, or is not this job's.
        """
        existing = ExistingObjects(document=self._load(self._keys.document, Document.held, previous))
        keys = self._bucket.list(self._keys.folder)
        existing.folder = [key for key in keys if not key.startswith(self._keys.fences)]
        for key in map(self._keys.part, self._shard.partitions):
            if key in existing.folder and (info := self._load(key, JsonLines.held, previous)):
                existing.parts[key] = info
        return existing

    def _load(self, key: str, read: Reader, previous: PreviousContents) -> ObjectInfo | None:
        for attempt in range(_MAX_ATTEMPTS):
            opened = self._bucket.open(key)
            if opened is None:
                return None
            info, stream = opened
            with stream, io.BufferedReader(stream, _BUFFER_SIZE) as file:
                try:
                    previous.load(self._of_shard(read(cast("BinaryIO", file))))
                except ObjectChanged:
                    back_off(attempt)
                except ValueError as error:
                    message = "s3://%s/%s is damaged (%s); it will be replaced as if it were empty"
                    self._log.warning(message, self._bucket.name, key, error)
                    return info
                else:
                    return info
        raise SinkError("retry", f"s3://{self._bucket.name}/{key}: other processes keep writing this object; run again")

    def _of_shard(self, products: Iterator[HeldProduct]) -> Iterator[HeldProduct]:
        return (product for product in products if self._shard.has(product.key))
