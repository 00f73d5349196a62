"""What is on its way to S3: on disk, without a name, gone with the process."""

from __future__ import annotations

import base64
import hashlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

_BLOCK = 1 << 20


class Body:
    """The bytes of one object, hashed as they are written. lines and products: how many it holds."""

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
        """The same as S3 wants it."""
        return base64.b64encode(self._hash.digest()).decode()

    def file(self) -> IO[bytes]:
        """To be read from its beginning."""
        self._file.seek(0)
        return self._file

    def blocks(self) -> Iterator[bytes]:
        file = self.file()
        while block := file.read(_BLOCK):
            yield block

    def close(self) -> None:
        self._file.close()


class Spool:
    """Pieces of text in the order they come, to be had again partition by partition, sorted by product key.

    The text is in a file and its order in a temporary database, so neither is in memory.
    """

    def __init__(self, folder: Path) -> None:
        self._file: IO[bytes] = TemporaryFile(dir=folder)  # noqa: SIM115 - closed by `close`
        self._size = 0
        self._order = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._order.executescript(
            "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; CREATE TABLE piece "
            "(part INTEGER, product BLOB, at INTEGER, size INTEGER, lines INTEGER, PRIMARY KEY (part, product, at)) "
            "WITHOUT ROWID; BEGIN"
        )

    def add(self, part: int, product_key: str, data: bytes, lines: int) -> None:
        self._file.write(data)
        row = (part, product_key.encode("utf-8", "surrogatepass"), self._size, len(data), lines)
        self._order.execute("INSERT INTO piece VALUES (?, ?, ?, ?, ?)", row)
        self._size += len(data)

    def lines(self) -> Iterator[bytes]:
        """All of it, in the order it came."""
        self._file.seek(0)
        yield from self._file

    def write(self, part: int, body: Body) -> None:
        """Add a partition's pieces to `body`."""
        rows = self._order.execute("SELECT at, size, lines FROM piece WHERE part = ? ORDER BY product, at", (part,))
        for at, size, lines in rows:
            self._file.seek(at)
            body.write(self._file.read(size), lines=lines, products=1)

    def close(self) -> None:
        self._file.close()
        self._order.close()
