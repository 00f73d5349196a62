"""The answers of a job in S3, and how they get there and back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import TypeVar

from querygen_aws.journal import segments
from querygen_aws.journal.answers import FOLDER, Damaged, decode, encode, place_of, read_place
from querygen_aws.journal.pool import Pool
from querygen_aws.journal.segments import Segments
from querygen_aws.journal.store import Found, Store
from querygen_core.api import JournalError, Kept, LocalJournal, Shard

T = TypeVar("T")
_BATCH = 500  # answers that are restored in one commit
_PATIENCE = 20.0  # seconds for one answer: a drain has little more, and what is given up here is at least kept
_TRIES = 5  # at an object that others are replacing too


class Memory:
    """What is put here is durable when `put` returns, and found by any process of the job that begins later."""

    def __init__(self, store: Store, pool: Pool, shard: Shard, log: logging.Logger) -> None:
        self._store = store
        self._pool = pool
        self._shard = shard
        self._log = log
        self._segments: Segments | None = None
        self.down = False  # the last answer could not be put

    def begin(self, attempt: int, segment_answers: int) -> None:
        self._segments = Segments(self._store, attempt, self._shard, segment_answers, self._log)

    async def put(self, kept: Kept) -> Kept:
        """The answer that counts: this one, or that of another process which was first with this try.

        Raises:
            JournalError: nobody knows whether it is in S3.
        """
        try:
            async with asyncio.timeout(_PATIENCE):
                counts = await self._pool.run(self._put, kept)
        except TimeoutError:
            self.down = True
            raise JournalError(f"journal: S3 did not take an answer within {_PATIENCE:g} s; run again") from None
        except JournalError:
            self.down = True
            raise
        self.down = False
        return counts

    async def flush(self) -> None:
        if self._segments is not None and not self.down:
            await self._pool.run(self._segments.flush)

    async def restore(self, local: LocalJournal, known: set[int]) -> int:
        """Bring `local` up to date; how many answers that took. known: runs whose answers are in it, being its own.

        Segments are read as soon as there are more answers to fetch than segments.
        """
        unread = await self._pool.run(lambda: self._unread(known))
        gathered, restored = True, 0
        pages = self._store.list(FOLDER)
        while page := await self._pool.run(_next, pages):
            places = [place for name in page if (place := read_place(name))]
            lacking = await local.lacking(places)
            if len(lacking) > len(unread):
                for name in unread:
                    restored += await self._restore_segment(local, name)
                unread, gathered = [], False
                lacking = await local.lacking(places)
            restored += await self._restore_each(local, lacking, gathered=gathered)
        return restored

    def _unread(self, known: set[int]) -> list[str]:
        names = (name for page in self._store.list(segments.FOLDER) for name in page)
        return [
            f"{segments.FOLDER}{name}"
            for name in names
            if (attempt := segments.attempt_of(name)) is not None and attempt not in known
        ]

    async def _restore_segment(self, local: LocalJournal, name: str) -> int:
        found = await self._pool.run(self._store.get, name)
        restored = 0
        if found is not None:
            batches = segments.read(found.body, _BATCH)
            while batch := await self._pool.run(_next, batches):
                await local.restore(batch)
                restored += len(batch)
        return restored

    async def _restore_each(self, local: LocalJournal, places: Sequence[tuple[str, int]], *, gathered: bool) -> int:
        """gathered: a segment may have them. Else, being the last of a killed run, one of the shards sees to that."""
        fetched = await asyncio.gather(*(self._pool.run(self._fetch, *place) for place in places))
        answers = [kept for kept in fetched if kept is not None]
        if answers:
            await local.restore(answers)
        if not gathered:
            await self._pool.run(self._gather, [kept for kept in answers if self._is_mine(kept.shard)])
        return len(answers)

    def _fetch(self, key: str, number: int) -> Kept | None:
        found = self._store.get(FOLDER + place_of(key, number))
        return self._read(found, key, number) if found else None

    def _put(self, kept: Kept) -> Kept:
        name, body = FOLDER + place_of(kept.key, kept.number), encode(kept)
        for _ in range(_TRIES):
            first = self._store.create(name, body)
            if first is None:
                break
            if (winner := self._read(first, kept.key, kept.number)) is not None:
                self._log.info("answer %s was paid for by another process too; its own counts", kept.key[:12])
                return winner
            if self._store.replace(name, body, first.etag) is not None:
                break
        self._gather([kept])
        return kept

    def _gather(self, answers: Sequence[Kept]) -> None:
        if self._segments is not None:
            for kept in answers:
                self._segments.add(encode(kept))

    def _is_mine(self, payer: str) -> bool:
        """payer: a shard's name, of now or of when the job was cut otherwise. Exactly one shard of now says yes."""
        return int(payer.partition("/")[0]) % self._shard.size == self._shard.index

    def _read(self, found: Found, key: str, number: int) -> Kept | None:
        """None, and a line in the log, if it is damaged: then it is as good as absent."""
        with suppress(Damaged):
            kept = decode(found.body)
            if (kept.key, kept.number) == (key, number):
                return kept
        self._log.warning("answer %s is damaged in S3 and is treated as absent", key[:12])
        return None


def _next(some: Iterator[list[T]]) -> list[T]:
    """[] after the last one."""
    return next(some, [])
