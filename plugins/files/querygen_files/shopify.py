"""Merges the rows of a Shopify export, which has one for every variant and every picture of a product."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from querygen_files.formats.records import InvalidRecord, Record

_HANDLE_COLUMNS = frozenset({"handle", "url handle"})
# Names of old and new exports; one of them alone may be a coincidence.
_TYPICAL_COLUMN = re.compile(r"(?:option1 (?:name|value)|variant (?:sku|price)|body \(html\)|title)$", re.IGNORECASE)
_OPTION_COLUMN = re.compile(r"option([1-3]) (name|value|linked to)$", re.IGNORECASE)
_IMAGE_COLUMNS = frozenset({"image src", "product image url"})
# Markets of the shop ("Included / Germany"), and options, which are read by number.
_IGNORED_COLUMN = re.compile(r"included / |option[1-3] ", re.IGNORECASE)
_MAX_IMAGES = 20
_MAX_VALUES = 200


def is_shopify(header: Mapping[str, Any]) -> bool:
    """Whether the columns are those of a Shopify export: a handle and at least two other typical ones."""
    names = [name.strip() for name in header]
    return (
        not _HANDLE_COLUMNS.isdisjoint(name.casefold() for name in names)
        and sum(map(bool, map(_TYPICAL_COLUMN.match, names))) > 1
    )


def merge_rows(rows: Iterator[Record]) -> Iterator[Record]:
    """One record, at the line of the first, for all consecutive rows with the same handle.

    The first row holds the product; the others add values of options, pictures, and what the first left empty.
    """
    group: _HandleGroup | None = None
    for line, record in rows:
        if isinstance(record, InvalidRecord):
            yield line, record
            continue
        handle = next((record[name] for name in record if name.casefold() in _HANDLE_COLUMNS), "")
        if group is not None and handle and handle == group.handle:
            group.add(record)
            continue
        if group is not None:
            yield group.line, group.merged()
        group = _HandleGroup(line, handle, record)
    if group is not None:
        yield group.line, group.merged()


class _HandleGroup:
    """The rows of one product, merged as they come."""

    def __init__(self, line: int, handle: str, record: dict[str, Any]) -> None:
        self.line = line
        self.handle = handle
        self._product: dict[str, Any] = {}
        self._names: dict[str, str] = {}
        self._values: dict[str, dict[str, None]] = {}
        self._images: dict[str, None] = {}
        self._image_column = next((name for name in record if name.casefold() in _IMAGE_COLUMNS), "")
        self.add(record)

    def add(self, record: dict[str, Any]) -> None:
        for column, cell in record.items():
            if not cell:
                continue
            option = _OPTION_COLUMN.match(column)
            if option:
                self._add_option(option[1], option[2].casefold(), cell)
            elif column == self._image_column:
                if len(self._images) < _MAX_IMAGES:
                    self._images[cell] = None
            elif not _IGNORED_COLUMN.match(column):
                self._product.setdefault(column, cell)

    def merged(self) -> dict[str, Any]:
        options = {self._names.get(number, f"Option {number}"): [*values] for number, values in self._values.items()}
        images = {self._image_column: [*self._images]} if self._images else {}
        return self._product | images | ({"variant_options": options} if options else {})

    def _add_option(self, number: str, part: str, cell: str) -> None:
        if part == "name":
            self._names.setdefault(number, cell)
        elif part == "value":
            values = self._values.setdefault(number, {})
            if len(values) < _MAX_VALUES:
                values[cell] = None
