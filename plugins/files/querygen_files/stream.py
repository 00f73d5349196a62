"""Bytes from anywhere, decompressed and counted."""

from __future__ import annotations

import gzip
import io
import os
import zlib
from collections.abc import Callable
from typing import BinaryIO

from querygen_files.formats.rows import Unreadable

HEAD = 64 * 1024
_GZIP = b"\x1f\x8b"
_BOMB_RATIO = 200
_BOMB_START = 64 * 1024 * 1024  # tiny files may compress absurdly well without being a danger


class Stream(io.RawIOBase):
    """Reads `source` once, from its start, and lets the first bytes be looked at before.

    count: bytes taken from the source so far.
    """

    def __init__(self, source: BinaryIO | gzip.GzipFile, check: Callable[[int], None] | None = None) -> None:
        self._source = source
        self._check = check
        self._ahead = b""
        self.count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data, self._ahead = self._ahead[: len(buffer)], self._ahead[len(buffer) :]
        data = data or self._take(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def head(self) -> bytes:
        """The first 64 KiB, or all if there is less. They are read again afterwards."""
        parts = [self._ahead]
        while sum(map(len, parts)) < HEAD:
            part = self._take(HEAD)
            if not part:
                break
            parts.append(part)
        self._ahead = b"".join(parts)
        return self._ahead[:HEAD]

    def close(self) -> None:
        self._source.close()
        super().close()

    def _take(self, size: int) -> bytes:
        try:
            data = self._source.read(size) or b""
        except (EOFError, gzip.BadGzipFile, zlib.error) as exc:
            raise Unreadable(f"the compressed data is damaged or cut off ({exc}); copy the file again") from None
        except OSError as exc:
            raise Unreadable(f"reading fails: {exc.strerror or exc}") from None
        self.count += len(data)
        if self._check is not None:
            self._check(self.count)
        return data


def decompress(raw: Stream) -> Stream:
    """`raw` itself or, if it holds gzip, what that holds.

    Raises, when read:
        Unreadable: it grows more than two hundredfold, as no catalogue does.
    """
    if not raw.head().startswith(_GZIP):
        return raw

    def check(written: int) -> None:
        if written > _BOMB_START and written > _BOMB_RATIO * raw.count:
            raise Unreadable(f"the compressed file grows more than {_BOMB_RATIO}-fold; decompress it to use it")

    return Stream(gzip.GzipFile(fileobj=raw), check)


def size_of(source: BinaryIO) -> int | None:
    """In bytes, if the source is a file."""
    try:
        return os.fstat(source.fileno()).st_size
    except (OSError, AttributeError):
        return None
