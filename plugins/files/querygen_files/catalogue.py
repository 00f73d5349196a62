"""A catalogue file, here or in a storage, as products."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import BinaryIO, cast

from querygen_core.api import Context, InputError, MissingInput, Product, Reject
from querygen_files.formats.rows import Unreadable
from querygen_files.options import CatalogueOptions
from querygen_files.reader import Reader
from querygen_files.sniff import refuse_binary
from querygen_files.stream import Stream, decompress, size_of
from querygen_files.text import Text

_URL = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)


class Catalogue:
    """Reads one file in constant memory. Records that cannot be read or are no products become rejects."""

    def __init__(self, options: CatalogueOptions, context: Context) -> None:
        self._options = options
        self._context = context
        self._raw: Stream | None = None
        self._size: int | None = None

    def read(self) -> Iterator[Product | Reject]:
        name = self._options.path
        source = self._open(name)
        with closing(Stream(source)) as raw:
            self._raw, self._size = raw, size_of(source)
            try:
                stream = decompress(raw)
                refuse_binary(stream.head())
                text = Text(stream, self._options.encoding, name, self._context.log)
            except Unreadable as exc:
                raise InputError(f"{name}: {exc}") from None
            reader = Reader(self._options, self._context.log)
            yield from reader.read_text(name, text, self._options.format, self._options.separator)

    def fraction(self) -> float | None:
        """How much of the file's bytes has been taken, from 0 to 1; None if nobody knows its size."""
        return min(1.0, self._raw.count / self._size) if self._raw and self._size else None

    def _open(self, name: str) -> BinaryIO:
        if _URL.match(name):
            return self._context.storage(name).open(name)
        try:
            return cast("BinaryIO", self._context.find(name).open("rb", buffering=0))
        except FileNotFoundError:
            raise MissingInput(
                f"{name}: there is no such file in {Path.cwd()} or in {self._context.config_dir}; check the path"
            ) from None
        except IsADirectoryError:
            raise InputError(f"{name}: this is a folder; name a file in it") from None
        except (OSError, ValueError, RuntimeError) as exc:
            raise InputError(f"{name}: the file cannot be opened: {getattr(exc, 'strerror', None) or exc}") from None
