"""Many answers in one object, so that a run on an empty disk asks for thousands of them at once.

A shortcut and no more: each answer has an object of its own, which is what counts.
"""

from __future__ import annotations

import gzip
import io
import logging
import threading
import zlib
from collections.abc import Iterator

from querygen_aws.journal.answers import Damaged, decode
from querygen_aws.journal.store import Store
from querygen_core.api import JournalError, Kept, Shard

FOLDER = "segments/"
_MOST_BYTES = 16_000_000  # compressed; one is in memory as it is written, and as it is read


class Segments:
    """Those that one run writes: `answers` in each, what is left at its end in a last one. For any thread."""

    def __init__(self, store: Store, attempt: int, shard: Shard, answers: int, log: logging.Logger) -> None:
        self._store = store
        self._name = f"{FOLDER}{attempt}-{shard.index}-of-{shard.size}"
        self._answers = answers
        self._log = log
        self._lock = threading.Lock()
        self._put = 0
        self._begin()

    def _begin(self) -> None:
        self._count = 0
        self._bytes = io.BytesIO()
        self._packed = gzip.GzipFile(fileobj=self._bytes, mode="wb", compresslevel=4, mtime=0)

    def add(self, line: bytes) -> None:
        """An answer that has its object, as `answers.encode` made it."""
        with self._lock:
            self._packed.write(line)
            self._count += 1
            full = self._take() if self._count >= self._answers or self._bytes.tell() > _MOST_BYTES else None
        if full:
            self._send(*full)

    def flush(self) -> None:
        with self._lock:
            rest = self._take() if self._count else None
        if rest:
            self._send(*rest)

    def _take(self) -> tuple[str, bytes]:
        self._packed.close()
        taken = f"{self._name}-{self._put}.jsonl.gz", self._bytes.getvalue()
        self._put += 1
        self._begin()
        return taken

    def _send(self, name: str, body: bytes) -> None:
        try:
            self._store.put(name, body)
        except JournalError as error:
            self._log.warning("%s; its answers have objects of their own", error)


def attempt_of(name: str) -> int | None:
    """Which run wrote the segment of this name in `FOLDER`."""
    number = name.partition("-")[0]
    return int(number) if number.isdecimal() else None


def read(body: bytes, batch: int) -> Iterator[list[Kept]]:
    """Its answers, some at a time. One that is damaged is left out; where nothing more can be unpacked, it ends."""
    some: list[Kept] = []
    for line in _lines(body):
        try:
            some.append(decode(line))
        except Damaged:
            continue
        if len(some) == batch:
            yield some
            some = []
    yield some


def _lines(body: bytes) -> Iterator[bytes]:
    try:
        with gzip.open(io.BytesIO(body)) as unpacked:
            yield from unpacked
    except (OSError, EOFError, zlib.error):
        return
