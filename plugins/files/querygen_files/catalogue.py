"""A catalogue file, here or in a storage, or all that are under a URL, as products."""

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
_NO_DATA = re.compile(r"/$|/[_.][^/]*$")  # what stands for a folder; marks like _SUCCESS, hidden files


class Catalogue:
    """Reads in constant memory. Records that cannot be read or are no products become rejects."""

    def __init__(self, options: CatalogueOptions, context: Context) -> None:
        self._options = options
        self._context = context
        self._raw: Stream | None = None
        self._size: int | None = None
        self._files, self._done = 1, 0

    def read(self) -> Iterator[Product | Reject]:
        names = self._names()
        self._files = len(names)
        for self._done, name in enumerate(names):
            yield from self._read(name)

    def _names(self) -> list[str]:
        """The file; or, of a URL that ends with a slash, all that are under it, in the order of their names."""
        path = self._options.path
        if not (_URL.match(path) and path.endswith("/")):
            return [path]
        found = [name for name in self._context.storage(path).list(path) if not _NO_DATA.search(name)]
        if not found:
            raise MissingInput(f"{path}: there is no file under it; check the path")
        self._context.log.info("%s: %d files are read, from %s on", path, len(found), found[0])
        return found

    def _read(self, name: str) -> Iterator[Product | Reject]:
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
        """How much has been taken, from 0 to 1, all files counting alike; None if nobody knows a file's size."""
        if not (self._raw and self._size):
            return None
        return (self._done + min(1.0, self._raw.count / self._size)) / self._files

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
