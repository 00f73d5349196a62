"""A folder of an object store, by names relative to it."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from hashlib import sha256
from threading import Lock
from typing import Any

from querygen_core.api import JournalError, KeepsObjects, StoredObject

log = logging.getLogger("querygen.journal")

_MAX_ATTEMPTS = 8


class Writes:
    """Counts the objects that were written to a store, by the folder of the store, or of a job, that they are in."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._counts: Counter[str] = Counter()
        self._lock = Lock()

    def add(self, url: str) -> None:
        kind, *below = url.removeprefix(self._url).split("/")
        if kind == "jobs" and len(below) > 2:
            kind = below[1]
        with self._lock:
            self._counts[kind] += 1

    @property
    def counts(self) -> dict[str, int]:
        with self._lock:
            return dict(sorted(self._counts.items()))


class RemoteFolder:
    """Every method blocks, so call it in a thread. url: of the folder; a slash at its end may be missing.

    Raises, from every method:
        JournalError: see `KeepsObjects`.
    """

    def __init__(self, store: KeepsObjects, url: str, writes: Writes | None = None) -> None:
        self._store = store
        self.url = url if url.endswith("/") else f"{url}/"
        self.writes = writes or Writes(self.url)

    def below(self, name: str) -> RemoteFolder:
        """A folder in this one, whose writes count here."""
        return RemoteFolder(self._store, f"{self.url}{name}/", self.writes)

    def check(self) -> None:
        """Verify that objects may be read and written, and that conditions are kept. Leaves nothing behind.

        Raises:
            JournalError: they may not, or the store writes what it should not.
        """
        self.now()  # which in S3 needs the right to list
        self.get("check")
        if self.replace("check", b"", '"none"') is not None:
            self.delete("check")
            message = "it ignores If-Match, so that machines would overwrite each other; use a store that keeps it"
            raise JournalError(f"{self.url}: {message}", kind="config")

    def get(self, name: str) -> StoredObject | None:
        return self._store.get(f"{self.url}{name}")

    def create(self, name: str, body: bytes) -> StoredObject | None:
        """Write an object that must not exist. None: it is ours; else the one that is there."""
        existing = self._store.create(f"{self.url}{name}", body)
        if existing is None:
            self.writes.add(f"{self.url}{name}")
        return existing

    def replace(self, name: str, body: bytes, etag: str) -> str | None:
        """Replace the version with `etag` and return the new etag; None if it is another version by now, or gone."""
        written = self._store.replace(f"{self.url}{name}", body, etag)
        if written is not None:
            self.writes.add(f"{self.url}{name}")
        return written

    def put(self, name: str, body: bytes) -> None:
        """Write an object, whatever is there."""
        for _ in range(_MAX_ATTEMPTS):
            existing = self.create(name, body)
            if existing is None or self.replace(name, body, existing.etag) is not None:
                return
        raise JournalError(f"{self.url}{name}: other processes keep writing it; run again")

    def delete(self, name: str) -> None:
        self._store.delete(f"{self.url}{name}")

    def entries(self, folder: str = "") -> Iterator[tuple[str, datetime]]:
        """Yield what is below a folder of this one: the name within it, and the time of the last write."""
        below = f"{self.url}{folder}"
        return ((entry.url.removeprefix(below), entry.written) for entry in self._store.entries(below))

    def now(self) -> datetime:
        """The store's clock, in UTC."""
        return self._store.now(self.url)


def dump_json(value: object) -> bytes:
    """ASCII, because lone surrogates cannot be encoded as UTF-8."""
    return json.dumps(value, default=str).encode()


def dump_checked(value: Mapping[str, object]) -> bytes:
    """JSON with a checksum, so that nobody takes what was damaged, or what somebody else wrote, for the value."""
    return dump_json({"sha256": _digest(value), **value})


def parse_checked(stored: StoredObject | None, name: str) -> dict[str, Any]:
    """Return what `dump_checked` was given; {} if there is no object, or, with a warning in the log, a damaged one."""
    if stored is None:
        return {}
    with suppress(ValueError, RecursionError):
        body = json.loads(stored.body)
        if isinstance(body, dict) and body.pop("sha256", None) == _digest(body):
            return body
    log.warning("%s is damaged in the store and is treated as absent", name)
    return {}


def _digest(value: Mapping[str, object]) -> str:
    return sha256(dump_json(value)).hexdigest()
