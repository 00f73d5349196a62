"""Temporary storage of objects before they are uploaded: unnamed files, which the kernel removes with the process."""

from __future__ import annotations

import base64
import hashlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

_BLOCK_SIZE = 1 << 20


class Body:
    """The bytes of one object, hashed as they are written.

    content_type: MIME type of the object; size: bytes; lines, products: number of queries and of products in it.
    """

    def __init__(self, folder: Path, content_type: str) -> None:
        self.content_type = content_type
        self.size = 0
        self.lines = 0
        self.products = 0
        self._hash = hashlib.sha256()
        self._file: IO[bytes] = TemporaryFile(dir=folder)  # noqa: SIM115 - closed by `close`

    def write(self, data: bytes, *, lines: int = 0, products: int = 0) -> None:
        self._hash.update(data)
        self._file.write(data)
        self.size += len(data)
        self.lines += lines
        self.products += products

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    @property
    def checksum(self) -> str:
        """The same hash in Base64, as S3 expects it in `ChecksumSHA256`."""
        return base64.b64encode(self._hash.digest()).decode()

    def file(self) -> IO[bytes]:
        """Return the file, positioned at its beginning."""
        self._file.seek(0)
        return self._file

    def blocks(self) -> Iterator[bytes]:
        file = self.file()
        while block := file.read(_BLOCK_SIZE):
            yield block

    def close(self) -> None:
        self._file.close()


class PartitionBuffer:
    """Collects lines in any order and returns them by partition, sorted by product key.

    The text is in a temporary file and its index in a temporary database, so memory does not grow with the job.
    """

    def __init__(self, folder: Path) -> None:
        self._file: IO[bytes] = TemporaryFile(dir=folder)  # noqa: SIM115 - closed by `close`
        self._size = 0
        self._index = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._index.executescript(
            "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; CREATE TABLE entry "
            "(part INTEGER, product BLOB, start INTEGER, size INTEGER, lines INTEGER, "
            "PRIMARY KEY (part, product, start)) WITHOUT ROWID; BEGIN"
        )

    def add(self, part: int, product_key: str, data: bytes, lines: int) -> None:
        """Add the text of one product. lines: number of lines in `data`."""
        self._file.write(data)
        # Bytes, because SQLite cannot store text with a lone surrogate.
        row = (part, product_key.encode("utf-8", "surrogatepass"), self._size, len(data), lines)
        self._index.execute("INSERT INTO entry VALUES (?, ?, ?, ?, ?)", row)
        self._size += len(data)

    def lines(self) -> Iterator[bytes]:
        """Yield all lines in the order in which they were added."""
        self._file.seek(0)
        yield from self._file

    def write(self, part: int, body: Body) -> None:
        """Append the text of one partition to `body`."""
        query = "SELECT start, size, lines FROM entry WHERE part = ? ORDER BY product, start"
        for start, size, lines in self._index.execute(query, (part,)):
            self._file.seek(start)
            body.write(self._file.read(size), lines=lines, products=1)

    def close(self) -> None:
        self._file.close()
        self._index.close()
