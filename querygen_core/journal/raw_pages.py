"""The rows of a database that SQLite refuses to read, from its pages themselves (https://sqlite.org/fileformat2.html).

Every page that looks like a leaf of a table or an index is read, whatever the pages above it say. So rows of deleted
and of overwritten pages come up too: the caller keeps only those that a checksum of their own proves to be whole.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

Value = int | float | str | bytes | None

_TABLE_LEAF, _INDEX_LEAF, _INDEX_INTERIOR = 0x0D, 0x0A, 0x02
_HEADER = 100  # bytes, at the beginning of the first page
_LOG_HEADER, _FRAME_HEADER = 32, 24
_USUAL = 4096  # bytes of a page where the header does not say it
_FIXED = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}  # bytes of an integer by serial type


class _Damaged(Exception):
    """A cell that cannot be read."""


def rows_of(path: Path) -> Iterator[tuple[int | None, tuple[Value, ...]]]:
    """All rows that can be read in the database at `path` and in its write-ahead log, some of them more than once.

    Each with its rowid; None in an index.
    """
    with ExitStack() as open_files:
        database = _mapped(path, open_files)
        log = _mapped(path.with_name(f"{path.name}-wal"), open_files)
        size = _page_size(database, log)
        plain = {number: (database, start) for number, start in enumerate(range(0, len(database), size), 1)}
        frames = {
            struct.unpack_from(">I", log, start)[0]: (log, start + _FRAME_HEADER)
            for start in range(_LOG_HEADER, len(log) - _FRAME_HEADER - size + 1, _FRAME_HEADER + size)
            if log[start + 8 : start + 16] == log[16:24]  # the salt of the log's present use
        }
        yield from _Pages(plain | frames, size).rows()
        if frames:  # pages that the log covers, because its own may be damaged
            yield from _Pages(plain, size).rows()


def _mapped(path: Path, open_files: ExitStack) -> mmap.mmap | bytes:
    if not path.exists() or path.stat().st_size == 0:
        return b""
    file = open_files.enter_context(path.open("rb"))
    return open_files.enter_context(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def _page_size(database: mmap.mmap | bytes, log: mmap.mmap | bytes) -> int:
    said = [int.from_bytes(database[16:18], "big"), int.from_bytes(log[8:12], "big")]
    return next((size for size in said if size in {512 << power for power in range(7)}), _USUAL)


class _Pages:
    """A database as its pages: number → file and offset."""

    def __init__(self, pages: Mapping[int, tuple[mmap.mmap | bytes, int]], size: int) -> None:
        self._pages = pages
        self._size = size

    def rows(self) -> Iterator[tuple[int | None, tuple[Value, ...]]]:
        for number in self._pages:
            page = self._page(number)
            start = _HEADER if number == 1 else 0
            kind = page[start] if len(page) > start else 0
            if kind not in (_TABLE_LEAF, _INDEX_LEAF, _INDEX_INTERIOR):
                continue
            first = start + (12 if kind == _INDEX_INTERIOR else 8)
            count = int.from_bytes(page[start + 3 : start + 5], "big")
            for pointer in range(first, min(first + 2 * count, len(page) - 1), 2):
                try:
                    rowid, payload = self._payload(page, int.from_bytes(page[pointer : pointer + 2], "big"), kind)
                    yield rowid, _record(payload)
                except (_Damaged, IndexError, struct.error, UnicodeDecodeError):
                    continue

    def _page(self, number: int) -> bytes:
        try:
            file, offset = self._pages[number]
        except KeyError:
            raise _Damaged from None
        return file[offset : offset + self._size]

    def _payload(self, page: bytes, cell: int, kind: int) -> tuple[int | None, bytes]:
        at = cell + 4 if kind == _INDEX_INTERIOR else cell  # behind the number of the left child
        rowid = None
        size, at = _varint(page, at)
        if kind == _TABLE_LEAF:
            rowid, at = _varint(page, at)
        if size > len(self._pages) * self._size:
            raise _Damaged
        local = self._local(size, kind)
        payload = page[at : at + local]
        following = int.from_bytes(page[at + local : at + local + 4], "big") if local < size else 0
        while len(payload) < size:
            overflow = self._page(following)
            payload += overflow[4 : 4 + size - len(payload)]
            following = int.from_bytes(overflow[:4], "big")
        return rowid, payload

    def _local(self, size: int, kind: int) -> int:
        """How many bytes of a payload are in the cell itself; the others are in overflow pages."""
        most = self._size - 35 if kind == _TABLE_LEAF else (self._size - 12) * 64 // 255 - 23
        if size <= most:
            return size
        least = (self._size - 12) * 32 // 255 - 23
        filled = least + (size - least) % (self._size - 4)
        return filled if filled <= most else least


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A number of up to nine bytes, and where the next one begins."""
    value = 0
    for place in range(at, at + 8):
        value = value << 7 | data[place] & 0x7F
        if data[place] < 0x80:
            return value, place + 1
    return value << 8 | data[at + 8], at + 9


def _record(payload: bytes) -> tuple[Value, ...]:
    end, at = _varint(payload, 0)
    values: list[Value] = []
    body = end
    while at < end:
        kind, at = _varint(payload, at)
        value, body = _value(payload, body, kind)
        values.append(value)
    return tuple(values)


def _value(payload: bytes, at: int, kind: int) -> tuple[Value, int]:
    """A value of a serial type, and where the next one begins."""
    if kind in (0, 8, 9):
        return (None if kind == 0 else kind - 8), at
    size = _FIXED.get(kind, 8) if kind < 10 else (kind - 12) // 2
    data = payload[at : at + size]
    if kind in (10, 11) or len(data) < size:
        raise _Damaged
    if kind == 7:
        return struct.unpack(">d", data)[0], at + size
    if kind < 10:
        return int.from_bytes(data, "big", signed=True), at + size
    return (data if kind % 2 == 0 else data.decode()), at + size
