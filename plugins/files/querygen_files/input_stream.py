"""Bytes from any source, decompressed and counted."""

from __future__ import annotations

import gzip
import io
import os
import zlib
from collections.abc import Callable
from typing import BinaryIO

from querygen_files.formats.records import UnreadableFile

HEAD = 64 * 1024
_GZIP_SIGNATURE = b"\x1f\x8b"
_MAX_RATIO = 200
_RATIO_CHECKED_FROM = 64 * 1024 * 1024  # a small file may compress extremely well without being an attack


class InputStream(io.RawIOBase):
    """Reads a source once, from its start, and allows a look at its first bytes before."""

    def __init__(self, source: BinaryIO | gzip.GzipFile, check: Callable[[int], None] | None = None) -> None:
        """check: called with `count` after each read; may raise."""
        self._source = source
        self._check = check
        self._pushed_back = b""
        self.count = 0
        """Bytes read from the source so far."""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data, self._pushed_back = self._pushed_back[: len(buffer)], self._pushed_back[len(buffer) :]
        data = data or self._read_source(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def head(self) -> bytes:
        """The first 64 KiB, or all if there is less. They are read again afterwards."""
        chunks = [self._pushed_back]
        while sum(map(len, chunks)) < HEAD:
            chunk = self._read_source(HEAD)
            if not chunk:
                break
            chunks.append(chunk)
        self._pushed_back = b"".join(chunks)
        return self._pushed_back[:HEAD]

    def close(self) -> None:
        self._source.close()
        super().close()

    def _read_source(self, size: int) -> bytes:
        try:
            data = self._source.read(size) or b""
        except (EOFError, gzip.BadGzipFile, zlib.error) as exc:
            raise UnreadableFile(f"the compressed data is damaged or incomplete ({exc}); copy the file again") from None
        except OSError as exc:
            raise UnreadableFile(f"cannot read the file: {exc.strerror or exc}") from None
        self.count += len(data)
        if self._check is not None:
            self._check(self.count)
        return data


def decompress(raw: InputStream) -> InputStream:
    """The stream itself or, if it holds gzip, its decompressed content.

    Raises, when it is read:
        UnreadableFile: the content is more than 200 times as large as the file, which no catalogue is.
    """
    if not raw.head().startswith(_GZIP_SIGNATURE):
        return raw

    def check(decompressed: int) -> None:
        if decompressed > _RATIO_CHECKED_FROM and decompressed > _MAX_RATIO * raw.count:
            raise UnreadableFile(f"the compressed file grows more than {_MAX_RATIO}-fold; decompress it before use")

    return InputStream(gzip.GzipFile(fileobj=raw), check)


def file_size(source: BinaryIO) -> int | None:
    """Size in bytes; None if the source is not a file."""
    try:
        return os.fstat(source.fileno()).st_size
    except (OSError, AttributeError):
        return None
