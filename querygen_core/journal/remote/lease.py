"""A lease by which one process at a time works on a shard. It saves money only: sinks prevent double delivery."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import uuid4

from querygen_core.api import JournalError, StoredObject, ThreadPool
from querygen_core.journal.remote.folder import RemoteFolder, dump_checked, parse_checked

log = logging.getLogger("querygen.journal")

_CLOCK_RESOLUTION = 1  # seconds, of a store's times
_POLLS = 4  # of a lease that is not renewed, until it expires
_MAX_ATTEMPTS = 20  # to write a lease that is free


class Lease:
    """An object that its holder rewrites every third of `seconds`. Its age is measured by the store's clock alone.

    fence: grows with every holder; 0 before `acquire`. A sink that has seen a higher one refuses what this process
    delivers. what: the job, for messages.
    """

    def __init__(self, folder: RemoteFolder, name: str, seconds: float, what: str) -> None:
        self.fence = 0
        self._folder = folder
        self._name = name
        self._seconds = seconds
        self._what = what
        self._holder_id = uuid4().hex
        self._pool = ThreadPool(1, "lease")  # not the shared pool, whose threads may all be waiting
        self._etag = ""
        self._renewals = 0
        self._valid_until = 0.0
        self._new_holder = ""
        self._renewing: asyncio.Task[None] | None = None

    async def acquire(self) -> datetime:
        """Acquire the lease and return the store's time. A killed process cannot release it: watch for a renewal first.

        Raises:
            JournalError: another process holds the lease and renews it.
        """
        now = await self._pool.run(self._folder.now)
        first_seen: StoredObject | None = None
        attempts = 0
        while True:
            began = _clock()
            current = await self._pool.run(self._folder.get, self._name)
            body = parse_checked(current, self._name)
            if current is None or self._is_free(current, body):
                if attempts == _MAX_ATTEMPTS:
                    raise self._cannot_be_written()
                attempts += 1
                # A time, so that it never goes back, even if the store is emptied; and above the last holder's.
                self.fence = max(int(now.timestamp() * 1000), int(body.get("fence", 0)) + 1)
                if etag := await self._pool.run(self._try_acquire, current):
                    break
                await asyncio.sleep(0.01 * attempts)
                continue
            if first_seen is None:
                log.info("%s holds the lease of %s; waiting to see whether it is renewed", _holder(body), self._what)
            elif first_seen.etag != current.etag:
                message = f"{self._what} is being run by {_holder(body)}; run again when it has ended"
                raise JournalError(message, kind="fenced")
            first_seen = first_seen or current
            await asyncio.sleep(self._seconds / _POLLS)
        self._etag, self._valid_until = etag, began + self._seconds
        self._renewing = asyncio.create_task(self._renew())
        return now

    def check(self) -> None:
        """Raise JournalError if this process must not start a call or deliver: another one may be doing the same."""
        if self._new_holder:
            message = f"{self._what} was taken over by {self._new_holder} after our lease expired"
            raise JournalError(message, kind="fenced")
        if _clock() > self._valid_until:
            message = f"{self._what}: its lease could not be renewed for {self._seconds:g} s; run again"
            raise JournalError(message, kind="fenced")

    async def release(self) -> None:
        """Release the lease. Raise JournalError if the store does not answer; the lease then expires by itself."""
        if self._renewing is not None:
            self._renewing.cancel()
            await asyncio.wait([self._renewing])
            self._renewing = None
            await self._pool.run(self._write_released)

    def close(self) -> None:
        self._pool.close()

    def _is_free(self, current: StoredObject, body: dict[str, Any]) -> bool:
        return expired(current, {"seconds": self._seconds, **body})

    def _try_acquire(self, free: StoredObject | None) -> str | None:
        """Write the lease as ours and return its etag; None if another process was faster, or we cannot know."""
        body = self._body(holder=self._holder_id)
        if free is not None and (etag := self._folder.replace(self._name, body, free.etag)):
            return etag
        if free is None:
            self._folder.create(self._name, body)
        # Read again: `create` tells no etag, and a write whose answer was lost looks like that of another process.
        current = self._folder.get(self._name)
        return current.etag if current is not None and current.body == body else None

    def _cannot_be_written(self) -> JournalError:
        message = f"the lease of {self._what} is free and cannot be written in {_MAX_ATTEMPTS} attempts"
        return JournalError(f"{self._folder.url}{self._name}: {message}; does the store keep If-Match?", kind="config")

    def _body(self, *, holder: str | None) -> bytes:
        self._renewals += 1  # so that every renewal changes the etag
        process = {"host": socket.gethostname(), "pid": os.getpid()}
        lease = {"holder": holder, **process, "seconds": self._seconds, "signs": self._renewals, "fence": self.fence}
        return dump_checked(lease)

    async def _renew(self) -> None:
        while not self._new_holder:
            await asyncio.sleep(self._seconds / 3)
            try:
                await self._pool.run(self._renew_once)
            except JournalError as error:
                log.warning("the lease of %s could not be renewed: %s", self._what, error)

    def _renew_once(self) -> None:
        began = _clock()  # before the request, so that our deadline is never later than the store's
        etag = self._folder.replace(self._name, self._body(holder=self._holder_id), self._etag)
        if etag is None:
            current = self._folder.get(self._name)
            body = parse_checked(current, self._name)
            if current is None or body.get("holder") != self._holder_id:
                self._new_holder = _holder(body)
                # Not an error yet: the run logs its end, once, when it comes to check the lease.
                log.warning("%s was taken over by %s; no further call starts", self._what, self._new_holder)
                return
            etag = current.etag  # our write succeeded, but its response was lost
        self._etag, self._valid_until = etag, began + self._seconds

    def _write_released(self) -> None:
        """Write the lease without a holder if it is still ours. A delete could remove that of another process."""
        current = self._folder.get(self._name)
        if current is not None and parse_checked(current, self._name).get("holder") == self._holder_id:
            self._folder.replace(self._name, self._body(holder=None), current.etag)


def expired(lease: StoredObject, body: Mapping[str, Any]) -> bool:
    """Whether no process holds the lease: it was released, or has not been renewed in time. body: the lease's JSON."""
    return not body.get("holder") or lease.age >= float(body.get("seconds", 0)) + _CLOCK_RESOLUTION


def _clock() -> float:
    """Seconds; unlike `time.monotonic` it goes on while the machine is suspended, as the store's clock does."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def _holder(body: dict[str, Any]) -> str:
    return f"another process (pid {body.get('pid', 'unknown')} on {body.get('host', 'an unknown host')})"
