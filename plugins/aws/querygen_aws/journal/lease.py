"""One process at a time works on a shard. That saves money; that nothing is delivered twice is the sinks' work."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
import time
from datetime import datetime
from typing import Any
from uuid import uuid4

from querygen_aws.journal.pool import Pool
from querygen_aws.journal.store import Found, Store
from querygen_core.api import JournalError

_COARSE = 1  # seconds: both of S3's times are whole ones
_LOOKS = 4  # at a silent holder's lease, in the time that it lasts


class Lease:
    """An object that its holder writes anew every third of `seconds`. Only S3's clock says how old it is.

    what: the job, for messages.
    """

    def __init__(self, store: Store, name: str, seconds: int, what: str, log: logging.Logger) -> None:
        self._store = store
        self._name = name
        self._seconds = seconds
        self._what = what
        self._log = log
        self._me = uuid4().hex
        self._pool = Pool(1)  # of its own: the others may all be waiting for S3
        self._etag = ""
        self._signs = 0
        self._until = 0.0
        self._taken_by = ""
        self._renewing: asyncio.Task[None] | None = None

    async def take(self) -> datetime:
        """S3's time. Whoever was killed cannot give a lease back, so a holder is first watched for a sign of life.

        Raises:
            JournalError: another process holds it and is alive.
        """
        seen: Found | None = None
        began = time.monotonic()
        await self._pool.run(self._grab, None)
        while True:
            found = await self._pool.run(self._store.get, self._name)
            body = _read(found)
            if found is not None and body.get("holder") == self._me:
                break
            if found is None or self._is_free(found, body):
                began = time.monotonic()
                await self._pool.run(self._grab, found)
                continue
            if seen is None:
                self._log.info("%s has the lease of %s; waiting for a sign of life", _who(body), self._what)
            elif seen.etag != found.etag:
                raise JournalError(f"{self._what} is being run by {_who(body)}; try again when it has ended")
            seen = seen or found
            await asyncio.sleep(self._seconds / _LOOKS)
        self._etag, self._until = found.etag, began + self._seconds
        self._renewing = asyncio.create_task(self._renew())
        return found.asked

    def check(self) -> None:
        """Raises JournalError if this process must not start a call: another one may be about to start the same."""
        if self._taken_by:
            raise JournalError(f"{self._what} was taken over by {self._taken_by}, which took this process for dead")
        if time.monotonic() > self._until:
            raise JournalError(f"{self._what}: its lease could not be renewed for {self._seconds} s; run again")

    async def give_back(self) -> None:
        """Raises JournalError if S3 does not take it; then it runs out by itself."""
        if self._renewing is not None:
            self._renewing.cancel()
            await asyncio.wait([self._renewing])
            self._renewing = None
            await self._pool.run(self._release)

    def close(self) -> None:
        self._pool.close()

    def _is_free(self, found: Found, body: dict[str, Any]) -> bool:
        lasts = int(body.get("seconds", self._seconds)) + _COARSE
        return not body.get("holder") or (found.asked - found.written).total_seconds() >= lasts

    def _grab(self, free: Found | None) -> None:
        """Perhaps: another may be first. What is there then says so.

        Also the first thing that is tried: where a policy allows to list a prefix only, S3 does not say of an object
        that it is not there.
        """
        if free is None:
            self._store.create(self._name, self._body(holder=self._me))
        else:
            self._store.replace(self._name, self._body(holder=self._me), free.etag)

    def _body(self, *, holder: str | None) -> bytes:
        self._signs += 1  # so that each sign of life has an etag of its own
        where = {"host": socket.gethostname(), "pid": os.getpid()}
        return json.dumps({"holder": holder, **where, "seconds": self._seconds, "signs": self._signs}).encode()

    async def _renew(self) -> None:
        while not self._taken_by:
            await asyncio.sleep(self._seconds / 3)
            try:
                await self._pool.run(self._renew_once)
            except JournalError as error:
                self._log.warning("the lease of %s could not be renewed: %s", self._what, error)

    def _renew_once(self) -> None:
        began = time.monotonic()
        etag = self._store.replace(self._name, self._body(holder=self._me), self._etag)
        if etag is None:
            found = self._store.get(self._name)
            body = _read(found)
            if found is None or body.get("holder") != self._me:
                self._taken_by = _who(body)
                self._log.error("%s was taken over by %s; no further call starts", self._what, self._taken_by)
                return
            etag = found.etag  # of a put whose answer got lost
        self._etag, self._until = etag, began + self._seconds

    def _release(self) -> None:
        """No delete, which could meet another's: written as nobody's, if it is still ours."""
        found = self._store.get(self._name)
        if found is not None and _read(found).get("holder") == self._me:
            self._store.replace(self._name, self._body(holder=None), found.etag)


def _read(found: Found | None) -> dict[str, Any]:
    """{} for what is no lease."""
    try:
        body = json.loads(found.body) if found else {}
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _who(body: dict[str, Any]) -> str:
    return f"another process (pid {body.get('pid', 'unknown')} on {body.get('host', 'an unknown host')})"
