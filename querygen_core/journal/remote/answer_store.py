"""The answers of all jobs in an object store: an object each, found by its key; the first one that is put counts."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection
from contextlib import suppress
from datetime import datetime
from itertools import islice

from querygen_core.api import JournalError, StoredObject, ThreadPool
from querygen_core.contracts.journal import AnswerRecord
from querygen_core.journal.remote.answer_codec import DamagedAnswer, decode, encode, object_name
from querygen_core.journal.remote.folder import RemoteFolder

log = logging.getLogger("querygen.journal")

_PUT_TIMEOUT = 20.0  # seconds per answer: a drain has little more, and an answer given up is kept on disk
_PAGE_SIZE = 1000  # answers looked at and deleted at once
_MAX_ATTEMPTS = 5  # at an object that other processes keep replacing


class AnswerStore:
    """An answer is durable when `put` returns, and any process of any job that asks later finds it."""

    def __init__(self, folder: RemoteFolder, pool: ThreadPool) -> None:
        self._folder = folder.below("answers")
        self._pool = pool
        self.down = False  # whether the last `put` failed

    async def put(self, record: AnswerRecord) -> AnswerRecord:
        """Store an answer and return the one that counts: another process may have stored its own first.

        Raises:
            JournalError: it is unknown whether the answer is in the store.
        """
        try:
            async with asyncio.timeout(_PUT_TIMEOUT):
                winner = await self._pool.run(self._put, record)
        except TimeoutError:
            self.down = True
            message = f"{self._folder.url}: did not accept an answer within {_PUT_TIMEOUT:g} s; run again"
            raise JournalError(message) from None
        except JournalError:
            self.down = True
            raise
        self.down = False
        return winner

    async def find(self, key: str, known: Collection[int]) -> list[AnswerRecord]:
        """The answers to a request besides those with the tries `known`, up to the first try that there is not."""
        found: list[AnswerRecord] = []
        number = 0
        while True:
            if number not in known:
                record = await self._pool.run(self._get, key, number)
                if record is None:
                    return found
                found.append(record)
                if record.usable:  # the lowest usable one counts
                    return found
            number += 1

    async def prune(self, before: datetime) -> int:
        """Delete the answers that were written before a time in UTC; return how many. The only method that lists."""
        deleted = 0
        entries = self._folder.entries()
        while page := await self._pool.run(lambda: list(islice(entries, _PAGE_SIZE))):
            old = [name for name, written in page if written < before]
            await asyncio.gather(*(self._pool.run(self._folder.delete, name) for name in old))
            deleted += len(old)
        return deleted

    def _get(self, key: str, number: int) -> AnswerRecord | None:
        stored = self._folder.get(object_name(key, number))
        return _read(stored, key, number) if stored else None

    def _put(self, record: AnswerRecord) -> AnswerRecord:
        name, body = object_name(record.key, record.number), encode(record)
        for _ in range(_MAX_ATTEMPTS):
            first = self._folder.create(name, body)
            if first is None:
                break
            if (winner := _read(first, record.key, record.number)) is not None:
                log.info("answer %s was also paid for by another process, whose answer is used", record.key[:12])
                return winner
            if self._folder.replace(name, body, first.etag) is not None:
                break
        return record


def _read(stored: StoredObject, key: str, number: int) -> AnswerRecord | None:
    """Decode an answer; None, with a warning in the log, if it is damaged."""
    with suppress(DamagedAnswer):
        record = decode(stored.body)
        if (record.key, record.number) == (key, number):
            return record
    log.warning("answer %s is damaged in the store and is treated as absent", key[:12])
    return None
