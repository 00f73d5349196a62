"""Rows of any format as products and rejects, with the name of the file and the line."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from logging import Logger
from typing import Any

from querygen_core.api import InputError, Product, Reject, read_product
from querygen_files.formats.arrays import read_array
from querygen_files.formats.feeds import read_feed
from querygen_files.formats.lines import read_lines
from querygen_files.formats.rows import LONGEST_RAW, Broken, Row, Unreadable
from querygen_files.formats.sequences import read_sequence
from querygen_files.formats.tables import read_table
from querygen_files.options import InputOptions
from querygen_files.shopify import is_shopify, merge_rows
from querygen_files.sniff import sniff_format
from querygen_files.text import Text

_READERS: Mapping[str, Callable[[Text], Iterator[Row]]] = {
    "json": read_array,
    "jsonl": read_lines,
    "yaml": read_sequence,
    "xml": read_feed,
}


class Reader:
    """Makes products of rows, as one input's options say."""

    def __init__(self, options: InputOptions, log: Logger) -> None:
        self._options = options
        self._log = log

    def read_text(self, name: str, text: Text, form: str, separator: str) -> Iterator[Product | Reject]:
        """The products of a file. form, separator: "auto" to find them out.

        Raises:
            InputError: not one record can be read, or none any more from some line on.
        """
        return self.read_rows(name, self._rows(name, text, form, separator))

    def read_rows(self, name: str, rows: Iterator[Row]) -> Iterator[Product | Reject]:
        first_broken: Reject | None = None
        products = rejects = unnamed = others = 0
        try:
            for line, record in rows:
                result = self._read(record, name, line)
                if isinstance(result, Product):
                    products += 1
                    unnamed += result.product_id.startswith("auto-")
                elif result.reason == "not_a_product":
                    others += 1
                    continue
                else:
                    rejects += 1
                    first_broken = first_broken or (result if isinstance(record, Broken) else None)
                yield result
        except Unreadable as exc:
            raise InputError(f"{name}:{exc.line}: {exc}" if exc.line else f"{name}: {exc}") from None
        self._tell(name, unnamed, others)
        if first_broken is not None and not products:
            where = f"{name}:{first_broken.line}"
            raise InputError(f"{where}: none of {rejects} records can be read; this one: {first_broken.message}")
        if not products and not rejects:
            raise InputError(f"{name}: there is no product in it")

    def _read(self, record: dict[str, Any] | Broken, name: str, line: int) -> Product | Reject:
        if isinstance(record, Broken):
            raw = record.raw[:LONGEST_RAW].encode("utf-8", "replace").decode()
            return Reject(reason=record.reason, message=record.message, file=name, line=line, raw=raw)
        options = self._options
        return read_product(
            record, source=options.source, locale=options.locale, fields=options.fields, file=name, line=line
        )

    def _rows(self, name: str, text: Text, form: str, separator: str) -> Iterator[Row]:
        if form == "auto":
            form = sniff_format(text.head, name)
            self._log.info("%s is read as %s, %s", name, form, text.encoding)
        if form in _READERS:
            yield from _READERS[form](text)
            return
        separator = "\t" if form == "tsv" and separator == "auto" else separator.removeprefix("auto")
        rows = read_table(text, separator, self._is_titled)
        first = next(rows, None)
        all_rows = rows if first is None else chain((first,), rows)
        is_export = first is not None and not isinstance(first[1], Broken) and is_shopify(first[1])
        yield from merge_rows(all_rows) if is_export else all_rows

    def _is_titled(self, header: Sequence[str]) -> bool:
        """Would a row of these columns have a title? Asks the one who knows: a row that holds its own header."""
        mapped = self._options.fields.get("title", "")
        if "." in mapped and mapped not in header:
            return mapped.partition(".")[0] in header
        fields = {"title": mapped} if mapped else {}
        result = read_product({name: f"a {name}" for name in header if name}, fields=fields)
        return not (isinstance(result, Reject) and result.reason == "no_title")

    def _tell(self, name: str, unnamed: int, others: int) -> None:
        if unnamed:
            self._log.warning("%s: %d products have no id; theirs is made of brand, title, mpn and gtin", name, unnamed)
        if others:
            self._log.info("%s: %d records are no products (schema.org says so) and are left out", name, others)
