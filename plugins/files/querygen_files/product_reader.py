"""Turns the records of any format into products and rejects that name their file and line."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from logging import Logger
from typing import Any

from querygen_core.api import InputError, Product, Reject, read_product
from querygen_files.format_detection import detect_format
from querygen_files.formats.csv_table import read_csv
from querygen_files.formats.json_array import read_json
from querygen_files.formats.jsonl import read_jsonl
from querygen_files.formats.records import MAX_RAW, InvalidRecord, Record, UnreadableFile
from querygen_files.formats.xml_feed import read_xml
from querygen_files.formats.yaml_list import read_yaml
from querygen_files.options import InputOptions
from querygen_files.shopify import is_shopify, merge_rows
from querygen_files.text_reader import TextReader

_READERS: Mapping[str, Callable[[TextReader], Iterator[Record]]] = {
    "json": read_json,
    "jsonl": read_jsonl,
    "yaml": read_yaml,
    "xml": read_xml,
}


class ProductReader:
    """Reads products as the options of one input say."""

    def __init__(self, options: InputOptions, log: Logger) -> None:
        self._options = options
        self._log = log

    def read_text(self, name: str, text: TextReader, file_format: str, separator: str) -> Iterator[Product | Reject]:
        """The products of a file. file_format, separator: "auto" to detect them.

        Raises:
            InputError: no record can be read, or none from some line on.
        """
        return self.read_records(name, self._parse(name, text, file_format, separator))

    def read_records(self, name: str, records: Iterator[Record]) -> Iterator[Product | Reject]:
        """The products in records of a file or argument called `name`. Raises InputError, as `read_text` does."""
        first_invalid: Reject | None = None
        products = rejects = without_id = not_products = 0
        try:
            for line, record in records:
                result = self._to_product(record, name, line)
                if isinstance(result, Product):
                    products += 1
                    without_id += result.product_id.startswith("auto-")
                elif result.reason == "not_a_product":
                    not_products += 1
                    continue
                else:
                    rejects += 1
                    first_invalid = first_invalid or (result if isinstance(record, InvalidRecord) else None)
                yield result
        except UnreadableFile as exc:
            raise InputError(f"{name}:{exc.line}: {exc}" if exc.line else f"{name}: {exc}") from None
        self._log_counts(name, without_id, not_products)
        # A file of which no record parses has the wrong format; valid records without a title do not count here.
        if first_invalid is not None and not products:
            place = f"{name}:{first_invalid.line}"
            raise InputError(f"{place}: none of {rejects} records can be read; the first: {first_invalid.message}")
        if not products and not rejects:
            raise InputError(f"{name}: contains no product")

    def _to_product(self, record: dict[str, Any] | InvalidRecord, name: str, line: int) -> Product | Reject:
        if isinstance(record, InvalidRecord):
            raw = record.raw[:MAX_RAW].encode("utf-8", "replace").decode()
            return Reject(reason=record.reason, message=record.message, file=name, line=line, raw=raw)
        options = self._options
        return read_product(
            record, source=options.source, locale=options.locale, fields=options.fields, file=name, line=line
        )

    def _parse(self, name: str, text: TextReader, file_format: str, separator: str) -> Iterator[Record]:
        if file_format == "auto":
            file_format = detect_format(text.head, name)
            self._log.info("reading %s as %s, %s", name, file_format, text.encoding)
        if file_format in _READERS:
            yield from _READERS[file_format](text)
            return
        separator = "\t" if file_format == "tsv" and separator == "auto" else separator.removeprefix("auto")
        rows = read_csv(text, separator, self._has_title)
        first = next(rows, None)
        all_rows = rows if first is None else chain((first,), rows)
        is_export = first is not None and not isinstance(first[1], InvalidRecord) and is_shopify(first[1])
        yield from merge_rows(all_rows) if is_export else all_rows

    def _has_title(self, header: Sequence[str]) -> bool:
        """Whether a row of these columns has a title. Asks `read_product`, with a row whose cells hold the names."""
        mapped = self._options.fields.get("title", "")
        if "." in mapped and mapped not in header:
            return mapped.partition(".")[0] in header
        fields = {"title": mapped} if mapped else {}
        result = read_product({name: f"a {name}" for name in header if name}, fields=fields)
        return not (isinstance(result, Reject) and result.reason == "no_title")

    def _log_counts(self, name: str, without_id: int, not_products: int) -> None:
        if without_id:
            message = "%s: %d products have no id; one was made from brand, title, mpn and gtin"
            self._log.warning(message, name, without_id)
        if not_products:
            self._log.info("%s: skipped %d records that are not products by their schema.org type", name, not_products)
