"""A journal whose answers are in an object store, for jobs that run on machines which come and go."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from typing import Any

from querygen_core.api import Context, Event, JournalError, KeepsObjects, Response, ThreadPool
from querygen_core.contracts.journal import CallRefusal, Recorded, RemovedCount, StoredAnswer
from querygen_core.formats import safe_name
from querygen_core.journal.codec import stored_text
from querygen_core.journal.job_status import RunStatus
from querygen_core.journal.remote import runs
from querygen_core.journal.remote.answer_cache import AnswerCache
from querygen_core.journal.remote.answer_store import AnswerStore
from querygen_core.journal.remote.folder import RemoteFolder, dump_json
from querygen_core.journal.remote.lease import Lease
from querygen_core.journal.remote.products import ProductLists
from querygen_core.journal.remote.segments import Segments
from querygen_core.journal.remote.spending_notes import SpendingNotes
from querygen_core.journal.remote.status import forget_remote, remote_runs
from querygen_core.journal.removed import known_products, remember
from querygen_core.journal.sqlite import SqliteJournal, answers_file

log = logging.getLogger("querygen.journal")

_MAX_REQUESTS = 32  # at once; Python cannot send more in the time that S3 needs to answer one
_BATCH_SIZE = 500  # answers, or dead letters, at once


class RemoteJournal(SqliteJournal):
    """Stores every answer below `url` before it is used. What is on this disk is a cache, except for answers that the
    store did not take.

    Manifest, outcomes, calls under way, events and cursors are only on this disk. lease: seconds after which another
    process may take over a shard whose lease was not renewed.
    """

    def __init__(self, store: KeepsObjects, url: str, lease: float, context: Context) -> None:
        self._root = RemoteFolder(store, url)
        self._cache = AnswerCache(answers_file(context.state_dir.parent, url), context.job_id, context.shard)
        super().__init__(context, self._cache)
        self._job = self._root.below(f"jobs/{safe_name(context.job_id)}")
        self._pool = ThreadPool(_MAX_REQUESTS, "journal")
        self._store = AnswerStore(self._root, self._pool)
        self._segments = Segments(self._job, self._cache, self._pool, context.shard)
        self._products = ProductLists(self._job, self._pool, context.shard)
        self._notes = SpendingNotes(self._root, self._job, context.job_id, context.shard, self._cache, self._pool)
        what = f"job {context.job_id!r}" + (f", shard {context.shard.label}" if context.shard.size > 1 else "")
        self._lease = Lease(self._job, f"leases/{context.shard.name}.json", lease, what)

    @property
    def writes(self) -> Mapping[str, int]:
        return self._root.writes.counts

    @property
    def fence(self) -> int | None:
        return self._lease.fence

    def check_lease(self) -> None:
        self._lease.check()

    async def check(self) -> None:
        """Verify that the store can be used. Leaves nothing behind.

        Raises:
            JournalError: it cannot.
        """
        await self._pool.run(self._root.check)

    async def begin(self, config: Mapping[str, Any], attempt: int | None = None, *, whole: bool = True) -> int:
        await self.check()  # a store that ignores conditions would let two processes pay for the same
        started = await self._lease.acquire()
        local_runs = {run["attempt"] for run in await self.runs()}
        await self._pool.run(runs.keep_partitions, self._job, self._job_id, self._shard.partition_count)
        shards = await self._notes.read(await self._cache.own_runs(local_runs))
        used = local_runs | await self._pool.run(runs.numbers, self._job)
        attempt = await self._pool.run(runs.begin, self._job, used, self._shard, started.isoformat(), config)
        await super().begin(config, attempt, whole=whole and self._shard.label not in shards)
        await self._cache.begin_run(attempt)
        await self._notes.begin(attempt)
        await self._send_unsent()
        await super().grant(await self._pool.run(runs.granted, self._job, local_runs))
        restored = await self._segments.restore(attempt)
        log.info("run %d: %d answers restored from segments below %s", attempt, restored, self._job.url)
        return attempt

    async def answers(self, key: str, product_key: str = "") -> Sequence[StoredAnswer]:
        found, new = await self._cache.look(key)
        if not any(answer.usable for answer in found):
            fetched = await self._store.find(key, {answer.number for answer in found})
            if fetched:
                await self._cache.restore(fetched)
                found = sorted([*found, *fetched], key=lambda answer: answer.number)
                new += fetched
        await self._segments.add(new, product_key)
        job = stored_text(self._job_id)
        return [
            StoredAnswer(number=answer.number, response=answer.response, ours=stored_text(answer.job) == job)
            for answer in found
        ]

    async def begin_call(
        self,
        key: str,
        number: int,
        *,
        cost: float = 0.0,
        tokens: int = 0,
        seconds: float = 3600.0,
        day_budget: float | None = None,
    ) -> int | CallRefusal:
        self._lease.check()
        if day_budget is not None:
            await self._notes.look_at_today(f"{datetime.now(UTC):%Y-%m-%d}")
        return await super().begin_call(key, number, cost=cost, tokens=tokens, seconds=seconds, day_budget=day_budget)

    async def record(
        self,
        call: int,
        key: str,
        number: int,
        response: Response,
        *,
        usable: bool,
        cost: float = 0.0,
        product_key: str = "",
    ) -> Recorded:
        answer = self._cache.paid(key, number, response, usable=usable, cost=cost)
        try:
            winner = await self._store.put(answer)
        except JournalError:  # the answer is paid for: the next run on this disk sends it
            await self._cache.add(call, answer, sent=False)
            raise
        if winner is not answer:
            await self._cache.restore([winner])
        recorded = await self._cache.add(call, answer, sent=True)
        await self._segments.add([winner], product_key)
        return recorded

    async def _send_unsent(self) -> None:
        while answers := await self._cache.unsent(_BATCH_SIZE):
            for winner in await asyncio.gather(*map(self._store.put, answers)):
                await self._cache.keep_winner(winner)

    async def grant(self, tries: Mapping[str, int]) -> None:
        await super().grant(tries)
        await self._pool.run(runs.keep_grants, self._job, self._attempt, await self.grants())

    async def grant_retry(self) -> int:
        granted = await super().grant_retry()
        if granted:
            await self._pool.run(runs.keep_grants, self._job, self._attempt, await self.grants())
        return granted

    async def finish(self, report: Mapping[str, Any], events: Sequence[Event] = ()) -> None:
        await super().finish(report, events)
        if self._store.down:  # which ended the run, so another attempt would only delay its end
            log.warning("the report of run %d is stored only on this machine", self._attempt)
            return
        await self._segments.flush()
        await self._notes.write()
        try:
            self._lease.check()
        except JournalError as error:  # report and dead letters in the store are those of another run by now
            log.warning("the report of run %d is stored only on this machine: %s", self._attempt, error)
            return
        await self._pool.run(runs.keep_dead_letters, self._job, self._shard, await self._dead_letter_lines())
        await self._pool.run(runs.keep_report, self._job, self._shard, report)

    async def _dead_letter_lines(self) -> list[bytes]:
        lines: list[bytes] = []
        position = -1
        while letters := await self.dead_letters(position, _BATCH_SIZE):
            lines += [dump_json(asdict(letter)) + b"\n" for _, letter in letters]
            position = letters[-1][0]
        return lines

    async def reports(self) -> Sequence[Mapping[str, Any]]:
        """Return the last report of every shard, those of the latest number of shards first. Needs no `begin`.

        Each names its shard: `{"index": 0, "size": 1}`. Shards that have never finished have none.
        """
        return await self._pool.run(runs.reports, self._job)

    async def prune(self, before: datetime) -> int:
        """Delete the answers of all jobs that were paid for before a time in UTC, and the copies that segments hold of
        them; return the number of answers. Needs no `begin`.
        """
        await self._cache.prune(before)
        segments = self._root.below("jobs").entries()
        while page := await self._pool.run(lambda: list(islice(segments, _BATCH_SIZE))):
            old = [f"jobs/{name}" for name, written in page if "/segments/" in name and written < before]
            await asyncio.gather(*(self._pool.run(self._root.delete, name) for name in old))
        return await self._store.prune(before)

    async def removed(self) -> RemovedCount:
        async for products in self._products.read():
            await self._write(partial(remember, run=self._attempt, products=products))
        return await super().removed()

    async def retire_removed(self, first: int) -> None:
        await super().retire_removed(first)
        after = -1
        while page := await self._read(partial(known_products, run=self._attempt, after=after)):
            self._products.add(product for _, product in page)
            after = page[-1][0]
        await self._products.write()

    async def last_config(self) -> Mapping[str, Any] | None:
        """The config of the job's last run on any machine, as `begin` got it; None if there is none."""
        return await self._pool.run(runs.last_config, self._job)

    async def statuses(self) -> Sequence[RunStatus]:
        """The newest run of each shard of every job of the store. Needs no `begin`."""
        return await self._pool.run(lambda: list(remote_runs(self._root)))

    async def forget(self) -> None:
        """Delete what the store has of the job, answers excepted. Needs no `begin`."""
        await self._pool.run(forget_remote, self._root, self._job_id)

    async def aclose(self) -> None:
        try:
            await self._notes.stop()
            if not self._store.down:
                await self._segments.flush()
                await self._notes.write()
            await self._lease.release()
        except JournalError as error:
            log.warning("%s; the lease expires by itself", error)
        finally:
            self._lease.close()
            self._pool.close()
            await super().aclose()
