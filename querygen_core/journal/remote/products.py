"""The products of a job by partition, so that a run from an empty disk knows which of them left the input."""

from __future__ import annotations

import gzip
import io
import json
import zlib
from collections.abc import AsyncIterator, Iterable
from dataclasses import asdict, astuple

from querygen_core.api import Shard, ThreadPool, partition_of
from querygen_core.journal.remote.folder import RemoteFolder
from querygen_core.journal.removed import KnownProduct

_TOO_LARGE = 2**63  # for SQLite


class ProductLists:
    """`products/<partition>.jsonl.gz`: the products of the last run that read its whole input, a JSON object a line."""

    def __init__(self, job: RemoteFolder, pool: ThreadPool, shard: Shard) -> None:
        self._job = job
        self._pool = pool
        self._shard = shard
        self._packed: dict[int, bytes] = {}  # as the store has them
        self._buffers: dict[int, io.BytesIO] = {}
        self._files: dict[int, gzip.GzipFile] = {}

    async def read(self) -> AsyncIterator[list[KnownProduct]]:
        """Yield the products of each of this shard's partitions. A damaged list is empty: it is written anew."""
        for partition in self._shard.partitions:
            stored = await self._pool.run(self._job.get, _name(partition))
            if stored is not None:
                self._packed[partition] = stored.body
                yield _products(stored.body)

    def add(self, products: Iterable[KnownProduct]) -> None:
        """Put these products onto the new lists, in the order of the input."""
        for product in products:
            partition = partition_of(product.key, self._shard.partition_count)
            file = self._files.get(partition)
            if file is None:
                buffer = self._buffers[partition] = io.BytesIO()
                file = self._files[partition] = gzip.GzipFile(fileobj=buffer, mode="wb", compresslevel=4, mtime=0)
            file.write(json.dumps(asdict(product), separators=(",", ":")).encode() + b"\n")

    async def write(self) -> None:
        """Store the new lists that differ from the old ones.

        Raises:
            JournalError: the store cannot be written.
        """
        for partition in self._shard.partitions:
            packed = b""
            if partition in self._files:
                self._files.pop(partition).close()
                packed = self._buffers.pop(partition).getvalue()
            if packed != self._packed.get(partition, b""):
                await self._pool.run(self._job.put, _name(partition), packed)
                self._packed[partition] = packed


def _name(partition: int) -> str:
    return f"products/{partition}.jsonl.gz"


def _products(packed: bytes) -> list[KnownProduct]:
    try:
        return [_product(line) for line in gzip.decompress(packed).splitlines()] if packed else []
    except (ValueError, TypeError, RecursionError, EOFError, OSError, zlib.error):
        return []


def _product(line: bytes) -> KnownProduct:
    product = KnownProduct(**json.loads(line))
    if [type(value) for value in astuple(product)] != [str, str, str, int, bool] or product.version >= _TOO_LARGE:
        raise TypeError
    return product
