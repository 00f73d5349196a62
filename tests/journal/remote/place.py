"""A remote journal between tests' hands: opened for a run, on one disk or another, and looked at from outside."""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from querygen_core.api import Entry, JournalError, KeepsObjects, Response, StoredObject, Usage
from querygen_core.contracts.journal import Journal, Recorded
from querygen_core.journal.remote.journal import RemoteJournal
from querygen_core.journal.sqlite import SqliteJournal
from querygen_core.registry import Registry
from querygen_core.testing import context, response

R = TypeVar("R")
KEY = "ab" * 32
OTHER = "cd" * 32
SHORT_LEASE = 3.0
"""Seconds: for tests that wait for its end. A holder that is held up for two of them loses it."""


@dataclass
class Fault:
    """What happens to calls of an operation for names that `name` is found in. first: only so many times."""

    operation: str
    name: str
    first: int | None = None
    lost: bool = False
    """The store does it, and its answer gets lost."""
    delay: float = 0.0
    """Seconds before the store is asked; the call does not fail."""
    hits: int = 0

    def applies(self, operation: str, url: str) -> bool:
        if not re.fullmatch(self.operation, operation) or not re.search(self.name, url):
            return False
        if self.first is not None and self.hits >= self.first:
            return False
        self.hits += 1
        return True


class FaultyStore:
    """A real store on its bad days."""

    def __init__(self, store: KeepsObjects) -> None:
        self._store = store
        self.faults: list[Fault] = []
        self.calls: list[tuple[str, str]] = []

    def on(self, operation: str, name: str = "", **more: Any) -> Fault:
        self.faults.append(Fault(operation, name, **more))
        return self.faults[-1]

    def count(self, operation: str, name: str = "") -> int:
        """Calls for names that `name` is found in."""
        return sum(asked == operation and re.search(name, url) is not None for asked, url in self.calls)

    def _call(self, operation: str, url: str, *more: Any) -> Any:
        self.calls.append((operation, url))
        call = getattr(self._store, operation)
        for fault in self.faults:
            if fault.applies(operation, url):
                if fault.delay:
                    time.sleep(fault.delay)
                    break
                if fault.lost:
                    call(url, *more)
                raise JournalError(f"{url}: cannot be reached")
        return call(url, *more)

    def get(self, url: str) -> StoredObject | None:
        found: StoredObject | None = self._call("get", url)
        return found

    def create(self, url: str, body: bytes) -> StoredObject | None:
        found: StoredObject | None = self._call("create", url, body)
        return found

    def replace(self, url: str, body: bytes, etag: str) -> str | None:
        found: str | None = self._call("replace", url, body, etag)
        return found

    def delete(self, url: str) -> None:
        self._call("delete", url)

    def entries(self, url: str) -> Iterator[Entry]:
        yield from self._call("entries", url)

    def now(self, url: str) -> datetime:
        now: datetime = self._call("now", url)
        return now


@dataclass
class Place:
    """A folder of a store, at `url`, where the journals of a test are. environ: how the store is reached."""

    url: str
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    lease: float = 60
    """Seconds; so many that it is not lost on a busy machine."""
    store: FaultyStore = field(init=False)

    def __post_init__(self) -> None:
        self.store = FaultyStore(Registry(self.environ).object_store(self.url))

    def journal(self, disk: Path, **changes: Any) -> RemoteJournal:
        """changes: of the context."""
        return RemoteJournal(self.store, self.url, self.lease, context(disk, **changes))

    def opened(self, disk: Path, work: Callable[[RemoteJournal], Awaitable[R]], **changes: Any) -> R:
        """`work` in a run of its own."""

        async def main() -> R:
            journal = self.journal(disk, **changes)
            try:
                await journal.begin({})
                return await work(journal)
            finally:
                await journal.aclose()

        return asyncio.run(main())

    def abandon(self, disk: Path, work: Callable[[RemoteJournal], Awaitable[R]] | None = None, **changes: Any) -> None:
        """A run whose process is killed: nobody renews its lease any more, and nobody gives it back.

        Its lease and all later ones are short.
        """
        self.lease = SHORT_LEASE

        async def main() -> None:
            journal = self.journal(disk, **changes)
            await journal.begin({})
            if work is not None:
                await work(journal)
            journal._lease.close()
            journal._pool.close()
            await SqliteJournal.aclose(journal)

        asyncio.run(main())

    @property
    def _objects(self) -> KeepsObjects:
        """The store without its faults."""
        return self.store._store

    def at(self, name: str) -> str:
        """The URL of an object: of all jobs (`answers/`, `spent/`), else of the test's job."""
        return f"{self.url}{name}" if name.startswith(("answers/", "spent/2")) else f"{self.url}jobs/test-job/{name}"

    def names(self, folder: str) -> list[str]:
        below = self.at(folder)
        return sorted(folder + entry.url.removeprefix(below) for entry in self._objects.entries(below))

    def body(self, name: str) -> bytes:
        stored = self._objects.get(self.at(name))
        assert stored is not None, name
        return stored.body

    def put(self, name: str, body: bytes) -> None:
        self._objects.delete(self.at(name))
        self._objects.create(self.at(name), body)

    def delete(self, name: str) -> None:
        """An object, or all of a folder."""
        for each in self.names(name) if name.endswith("/") else [name]:
            self._objects.delete(self.at(each))


def answer(text: str) -> Response:
    return response(text, usage=Usage(input=10, output=2))


async def pay(
    journal: Journal, text: str, key: str = KEY, number: int = 0, *, usable: bool = True, product_key: str = ""
) -> Recorded:
    """A whole call that cost 0.25."""
    call = await journal.begin_call(key, number)
    assert isinstance(call, int), call
    given = answer(text)
    return await journal.record(call, key, number, given, usable=usable, cost=0.25, product_key=product_key)


async def texts(journal: Journal, key: str = KEY, product_key: str = "") -> list[str]:
    return [stored.response.text for stored in await journal.answers(key, product_key)]


async def nothing(journal: Journal) -> None:
    """A run that is begun, and ended."""
