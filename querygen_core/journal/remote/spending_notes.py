"""What each run has spent, noted where other machines see it: for the job's budget, and for the day's of all jobs."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import astuple, dataclass, field
from datetime import datetime
from typing import Any

from querygen_core.api import JournalError, Shard, ThreadPool
from querygen_core.formats import safe_name
from querygen_core.journal.remote.answer_cache import AnswerCache, RunSpending, UnansweredCalls
from querygen_core.journal.remote.folder import RemoteFolder, dump_checked, parse_checked

log = logging.getLogger("querygen.journal")

_EVERY = 20.0  # seconds


@dataclass(slots=True)
class SpendingNotes:
    """A run's notes: `jobs/<job>/spent/<run>.json` with all its days, `spent/<day>/<job>/<run>.json` with one."""

    root: RemoteFolder
    """The folder of all jobs."""
    job: RemoteFolder
    """The folder of this job."""
    job_id: str
    """The job."""
    shard: Shard
    """The shard of this process."""
    cache: AnswerCache
    """Knows what this run has spent, and is told what others have."""
    pool: ThreadPool
    """For requests to the store."""
    _run: int = 0
    _noted: list[RunSpending] = field(default_factory=list)
    _task: asyncio.Task[None] | None = None
    _seen: dict[str, datetime] = field(default_factory=dict)
    _looked: float = 0.0
    _looking: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def read(self, known: Collection[int]) -> set[str]:
        """Take over the notes of this job's runs but those `known`. Returns the labels of the shards they were of."""
        numbers = await self.pool.run(self._numbers)
        names = [f"spent/{number}.json" for number in sorted(numbers.difference(known))]
        notes = await asyncio.gather(*(self.pool.run(self.job.get, name) for name in names))
        bodies = [body for stored, name in zip(notes, names, strict=True) if (body := parse_checked(stored, name))]
        await self.cache.note([spending for body in bodies for spending in _spending(body)])
        return {str(body.get("shard", "")) for body in bodies}

    def _numbers(self) -> set[int]:
        stems = (name.removesuffix(".json") for name, _ in self.job.entries("spent/"))
        return {int(stem) for stem in stems if stem.isdecimal()}

    async def begin(self, run: int) -> None:
        """Write the run's first note, and a new one every 20 s while it spends."""
        self._run = run
        await self.pool.run(self.job.put, f"spent/{run}.json", self._note([]))
        self._task = asyncio.create_task(self._write_regularly())

    async def write(self) -> None:
        """Note what the run has spent, if there is a run and it has changed.

        Raises:
            JournalError: the store cannot be written.
        """
        days = await self.cache.spent_by_run(self._run) if self._run else []
        changed = [day for day in days if day not in self._noted]
        if not changed:
            return
        await self.pool.run(self.job.put, f"spent/{self._run}.json", self._note(days))
        for day in changed:
            name = f"spent/{day.day}/{safe_name(self.job_id)}/{self._run}.json"
            await self.pool.run(self.root.put, name, self._note([day]))
        self._noted = days

    async def look_at_today(self, day: str) -> None:
        """Take over what other runs of all jobs have spent today, at most every 20 s.

        Raises:
            JournalError: the store cannot be read.
        """
        async with self._looking:
            now = time.monotonic()
            if self._looked and now - self._looked < _EVERY:
                return
            found = await self.pool.run(
                lambda: {f"{day}/{name}": at for name, at in self.root.entries(f"spent/{day}/")}
            )
            changed = [name for name, written in found.items() if self._seen.get(name) != written]
            stored = await asyncio.gather(*(self.pool.run(self.root.get, f"spent/{name}") for name in changed))
            bodies = [parse_checked(one, f"spent/{name}") for one, name in zip(stored, changed, strict=True)]
            await self.cache.note([spending for body in bodies for spending in _spending(body)])
            self._seen, self._looked = found, now

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None

    async def _write_regularly(self) -> None:
        while True:
            await asyncio.sleep(_EVERY)
            try:
                await self.write()
            except JournalError as error:
                log.warning("what the run has spent could not be noted: %s", error)

    def _note(self, days: list[RunSpending]) -> bytes:
        sums = {day.day: [day.calls, day.tokens, day.cost] for day in days}
        unanswered = {day.day: [astuple(calls) for calls in day.unanswered] for day in days if day.unanswered}
        note = {"job": self.job_id, "run": self._run, "shard": self.shard.label, "days": sums}
        return dump_checked({**note, "unanswered": unanswered} if unanswered else note)


def _spending(note: Mapping[str, Any]) -> list[RunSpending]:
    """The days of a note; none if it is not one."""
    try:
        unanswered = note.get("unanswered", {})
        return [
            RunSpending(
                str(note["job"]),
                int(note["run"]),
                str(note["shard"]),
                str(day),
                int(calls),
                int(tokens),
                float(cost),
                tuple(map(_unanswered, unanswered.get(day, ()))),
            )
            for day, (calls, tokens, cost) in note["days"].items()
        ]
    except (KeyError, ValueError, TypeError, AttributeError):
        return []


def _unanswered(numbers: Sequence[Any]) -> UnansweredCalls:
    until, calls, tokens, cost = numbers
    return UnansweredCalls(str(until), int(calls), int(tokens), float(cost))
