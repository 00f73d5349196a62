"""`files/catalogue`: reads products from a file, local or in a storage, or from all files under a URL."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import BinaryIO, cast

from querygen_core.api import Context, InputError, MissingInput, Product, QuerygenError, Reject
from querygen_files.format_detection import reject_binary
from querygen_files.formats.records import UnreadableFile
from querygen_files.input_stream import InputStream, decompress, file_size
from querygen_files.options import URL, CatalogueOptions
from querygen_files.product_reader import ProductReader
from querygen_files.text_reader import TextReader

_NOT_DATA = re.compile(r"/$|/[_.][^/]*$")  # folder markers, job markers like _SUCCESS, hidden files


class Catalogue:
    """Reads in constant memory. Records that cannot be read or are not products become rejects."""

    def __init__(self, options: CatalogueOptions, context: Context) -> None:
        self._options = options
        self._context = context
        self._raw: InputStream | None = None
        self._size: int | None = None
        self._file_count, self._files_done = 1, 0

    def read(self) -> Iterator[Product | Reject]:
        names = self._list_files()
        self._file_count = len(names)
        for self._files_done, name in enumerate(names):
            yield from self._read_file(name)

    def check_locally(self) -> Mapping[str, QuerygenError]:
        """A URL is left to `read`: a storage may be anywhere."""
        if URL.match(self._options.path):
            return {}
        try:
            self._open(self._options.path).close()
        except InputError as error:
            return {"path": error}
        return {}

    def fraction(self) -> float | None:
        """The share of the input that has been read, 0 to 1, each file counting alike; None if the size is unknown."""
        if not (self._raw and self._size):
            return None
        return (self._files_done + min(1.0, self._raw.count / self._size)) / self._file_count

    def _list_files(self) -> list[str]:
        """The path itself; for a URL that ends with a slash, all files under it, sorted by name."""
        path = self._options.path
        if not (URL.match(path) and path.endswith("/")):
            return [path]
        names = [name for name in self._context.storage(path).list(path) if not _NOT_DATA.search(name)]
        if not names:
            raise MissingInput(f"{path}: there is no file under this URL; check the path")
        self._context.log.info("%s: reading %d files, beginning with %s", path, len(names), names[0])
        return names

    def _read_file(self, name: str) -> Iterator[Product | Reject]:
        source = self._open(name)
        with closing(InputStream(source)) as raw:
            self._raw, self._size = raw, file_size(source)
            try:
                stream = decompress(raw)
                reject_binary(stream.head())
                text = TextReader(stream, self._options.encoding, name, self._context.log)
            except UnreadableFile as exc:
                raise InputError(f"{name}:{exc.line}: {exc}" if exc.line else f"{name}: {exc}") from None
            reader = ProductReader(self._options, self._context.log)
            yield from reader.read_text(name, text, self._options.format, self._options.separator)

    def _open(self, name: str) -> BinaryIO:
        if URL.match(name):
            return self._context.storage(name).open(name)
        try:
            # Unbuffered: InputStream counts what is read, and TextReader has a buffer of its own.
            return cast("BinaryIO", self._context.find(name).open("rb", buffering=0))
        except FileNotFoundError:
            raise MissingInput(
                f"{name}: there is no such file in {Path.cwd()} or in {self._context.config_dir}; check the path"
            ) from None
        except IsADirectoryError:
            raise InputError(f"{name}: this is a folder; name a file in it") from None
        except (OSError, ValueError, RuntimeError) as exc:
            raise InputError(f"{name}: cannot open the file: {getattr(exc, 'strerror', None) or exc}") from None
