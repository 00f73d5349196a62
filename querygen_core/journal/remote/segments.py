"""Segments: objects with many of the answers that a job has used, so that an empty disk fetches them with few requests.

They are only copies: every answer also has an object of its own, which is the one that counts. A segment belongs to a
partition of the products that its answers are for, so that a shard reads those of its own partitions only.
"""

from __future__ import annotations

import asyncio
import gzip
import io
import logging
import zlib
from collections.abc import Iterator, Sequence
from itertools import islice

from querygen_core.api import JournalError, Shard, ThreadPool, partition_of
from querygen_core.contracts.journal import AnswerRecord
from querygen_core.journal.remote.answer_cache import AnswerCache
from querygen_core.journal.remote.answer_codec import DamagedAnswer, decode, encode
from querygen_core.journal.remote.folder import RemoteFolder

log = logging.getLogger("querygen.journal")

MAX_ANSWERS = 8192
"""Answers that are collected before all partitions' are written."""

_MAX_BYTES = 32_000_000  # of those answers, uncompressed
_BATCH_SIZE = 500  # answers restored per commit
_PAGE_SIZE = 1000  # names looked up at once

Place = tuple[str, int]
"""Key and try of an answer."""


class Segments:
    """The segments of a job."""

    def __init__(self, job: RemoteFolder, cache: AnswerCache, pool: ThreadPool, shard: Shard) -> None:
        self._folder = job.below("segments")
        self._cache = cache
        self._pool = pool
        self._shard = shard
        self._run = 0
        self._written = 0
        self._pending: dict[int, dict[Place, bytes]] = {}  # by partition
        self._count = self._bytes = 0
        self._writing = asyncio.Lock()

    async def restore(self, run: int) -> int:
        """Read the segments that this machine has not read, of the shard's own partitions; the number of answers.

        run: the number of the run that begins, of which the segments to be written are.
        """
        self._run = run
        restored = 0
        names = self._names()
        while page := await self._pool.run(lambda: list(islice(names, _PAGE_SIZE))):
            for name in await self._cache.unread(page):
                restored += await self._restore(name)
        return restored

    def _names(self) -> Iterator[str]:
        partitions = self._shard.partitions
        if self._shard.size == 1:
            yield from (name for name, _ in self._folder.entries())
            return
        for partition in partitions:
            yield from (f"{partition}/{name}" for name, _ in self._folder.entries(f"{partition}/"))

    async def _restore(self, name: str) -> int:
        segment = await self._pool.run(self._folder.get, name)
        restored = 0
        if segment is not None:
            batches = _read(segment.body)
            while batch := await self._pool.run(lambda: next(batches, None)):
                await self._cache.restore_segment(batch)
                restored += len(batch)
        await self._cache.mark_read(name)
        return restored

    async def add(self, answers: Sequence[AnswerRecord], product_key: str) -> None:
        """Add answers that are in the store and that a product has used. "": no product in particular."""
        for answer in answers:
            pending = self._pending.setdefault(partition_of(product_key, self._shard.partition_count), {})
            place = (answer.key, answer.number)
            if place not in pending:
                pending[place] = encode(answer)
                self._count += 1
                self._bytes += len(pending[place])
        if self._count >= MAX_ANSWERS or self._bytes >= _MAX_BYTES:
            await self.flush()

    async def flush(self) -> None:
        """Write what was added. A failure is only logged: no answer is lost, and the next run adds them again."""
        if not self._pending:
            return
        pending, self._pending = self._pending, {}
        self._count = self._bytes = 0
        async with self._writing:
            written = await asyncio.gather(*(self._write(partition, lines) for partition, lines in pending.items()))
            await self._cache.mark_segmented(place for places in written for place in places)

    async def _write(self, partition: int, lines: dict[Place, bytes]) -> list[Place]:
        """The answers that are in a segment now."""
        name = f"{partition}/{self._run}-{self._written}.jsonl.gz"
        self._written += 1
        try:
            await self._pool.run(lambda: self._folder.put(name, gzip.compress(b"".join(lines.values()), 4, mtime=0)))
        except JournalError as error:
            log.warning("%s; no answer is lost, since each is also stored by itself", error)
            return []
        await self._cache.mark_read(name)
        return list(lines)


def _read(body: bytes) -> Iterator[list[AnswerRecord]]:
    """Yield the answers of a segment in batches, without damaged ones, up to where it cannot be decompressed."""
    answers: list[AnswerRecord] = []
    for line in _lines(body):
        try:
            answers.append(decode(line))
        except DamagedAnswer:
            continue
        if len(answers) == _BATCH_SIZE:
            yield answers
            answers = []
    if answers:
        yield answers


def _lines(body: bytes) -> Iterator[bytes]:
    try:
        with gzip.open(io.BytesIO(body)) as unpacked:
            yield from unpacked
    except (OSError, EOFError, zlib.error):
        return
