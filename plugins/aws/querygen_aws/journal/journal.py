"""`aws/s3-journal`: answers that outlive the machine."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from querygen_aws.clients import client
from querygen_aws.journal import runs
from querygen_aws.journal.lease import Lease
from querygen_aws.journal.memory import Memory
from querygen_aws.journal.pool import Pool
from querygen_aws.journal.store import Store
from querygen_aws.journal.unsent import Unsent
from querygen_aws.journal_options import S3JournalOptions
from querygen_aws.s3.names import name_of
from querygen_core.api import Context, Fact, JournalError, Kept, Response

_AT_ONCE = 32  # requests: more than Python can make in the time that S3 takes to answer one


class S3Journal:
    """The job's local journal, with every answer in S3 before it is in there. Implements `api.Journal`.

    So the local one is but a cache of the answers; manifest, outcomes, intents, facts and cursors are in it alone.
    """

    def __init__(self, options: S3JournalOptions, context: Context) -> None:
        self._options = options
        self._shard = context.shard
        self._log = context.log
        folder = f"{options.prefix}{name_of(context.job_id)}/"
        self._store = Store(client("s3", context.environ, options.region), options.bucket, folder)
        self._pool = Pool(_AT_ONCE)
        self._memory = Memory(self._store, self._pool, context.shard, context.log)
        self._unsent = Unsent(context.state_dir / "unsent")
        what = f"job {context.job_id!r}" + (f", shard {runs.name_of(context.shard)}" if context.shard.size > 1 else "")
        place = f"leases/{runs.place_of(context.shard)}"
        self._lease = Lease(self._store, place, options.lease_seconds, what, context.log)
        self._attempt = 0

        self._local = local = context.local_journal()
        self.admit, self.settle, self.settled, self.snapshot = local.admit, local.settle, local.settled, local.snapshot
        self.answers, self.tries, self.end, self.spent = local.answers, local.tries, local.end, local.spent
        self.undelivered, self.dead_letters, self.tally = local.undelivered, local.dead_letters, local.tally
        self.tell, self.facts, self.cursor, self.advance = local.tell, local.facts, local.cursor, local.advance
        self.runs = local.runs

    async def check(self) -> None:
        await self._pool.run(self._store.check)

    async def begin(self, config: Mapping[str, Any]) -> int:
        started = await self._lease.take()
        here = {run["attempt"] for run in await self._local.runs()}
        there = await self._pool.run(runs.numbers, self._store)
        self._attempt = await self._pool.run(
            runs.begin, self._store, here | there, self._shard, started.isoformat(), config
        )
        elsewhere = await asyncio.gather(*(self._pool.run(runs.shard_of, self._store, run) for run in there - here))
        await self._local.begin(config, self._attempt, whole=runs.name_of(self._shard) not in elsewhere)
        self._memory.begin(self._attempt, self._options.segment_answers)
        await self._send_unsent()
        await self._local.grant(await self._pool.run(runs.granted, self._store, here))
        restored = await self._memory.restore(self._local, here)
        self._log.info("run %d; %d answers were brought from S3", self._attempt, restored)
        return self._attempt

    async def intend(self, key: str, number: int) -> int:
        self._lease.check()
        return await self._local.intend(key, number)

    async def record(
        self, intent: int, key: str, number: int, response: Response, *, usable: bool, cost: float = 0.0
    ) -> Response:
        name = runs.name_of(self._shard)
        kept = Kept(key=key, number=number, response=response, usable=usable, cost=cost, shard=name)
        try:
            counts = await self._memory.put(kept)
        except JournalError:  # it was paid for: the next run on this disk puts it there
            try:
                await asyncio.to_thread(self._unsent.keep, kept)
            finally:
                await self._local.record(intent, key, number, response, usable=usable, cost=cost)
            raise
        await self._local.record(intent, key, number, counts.response, usable=counts.usable, cost=cost)
        return counts.response

    async def _send_unsent(self) -> None:
        for name in self._unsent.names():
            kept = self._unsent.read(name)
            if kept is not None and (counts := await self._memory.put(kept)) is not kept:
                await self._local.record(
                    0, kept.key, kept.number, counts.response, usable=counts.usable, cost=counts.cost
                )
            self._unsent.forget(name)

    async def grant_retry(self) -> int:
        granted = await self._local.grant_retry()
        if granted:
            await self._pool.run(runs.keep_grants, self._store, self._attempt, await self._local.grants())
        return granted

    async def finish(self, report: Mapping[str, Any], facts: Sequence[Fact] = ()) -> None:
        await self._local.finish(report, facts)
        await self._memory.flush()
        if self._memory.down:  # which is why the run ends; to try again would only hold it up
            self._log.warning("the report of run %d is on this machine alone", self._attempt)
        else:
            await self._pool.run(runs.keep_report, self._store, self._shard, report)

    async def reports(self) -> Sequence[Mapping[str, Any]]:
        """The last report of every shard of the job, those that it is cut into now first. Needs no `begin`.

        Each says its shard: `{"index": 0, "size": 1}`. Shards that were never finished have none.
        """
        return await self._pool.run(runs.reports, self._store)

    async def aclose(self) -> None:
        try:
            await self._memory.flush()
            await self._lease.give_back()
        except JournalError as error:
            self._log.warning("%s; the lease runs out by itself", error)
        finally:
            self._lease.close()
            self._pool.close()
            await self._local.aclose()
