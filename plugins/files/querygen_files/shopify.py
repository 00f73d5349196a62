"""Shopify's product export has a row for every variant and every picture: rows of one handle are one product."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from querygen_files.formats.rows import Broken, Row

_HANDLES = frozenset({"handle", "url handle"})
_SIGNS = re.compile(r"(?:option1 (?:name|value)|variant (?:sku|price)|body \(html\)|title)$", re.IGNORECASE)
_OPTION = re.compile(r"option([1-3]) (name|value|linked to)$", re.IGNORECASE)
_IMAGES = frozenset({"image src", "product image url"})
_LEFT_OUT = re.compile(r"included / |option[1-3] ", re.IGNORECASE)
_MOST_IMAGES = 20
_MOST_VALUES = 200


def is_shopify(header: Mapping[str, Any]) -> bool:
    names = [name.strip() for name in header]
    return not _HANDLES.isdisjoint(name.casefold() for name in names) and sum(map(bool, map(_SIGNS.match, names))) > 1


def merge_rows(rows: Iterator[Row]) -> Iterator[Row]:
    """One record for the rows that follow each other with the same handle, at the line of the first.

    The first row has the product; the others add values of options, pictures, and what the first left empty.
    """
    group: _Group | None = None
    for line, record in rows:
        if isinstance(record, Broken):
            yield line, record
            continue
        handle = next((record[name] for name in record if name.casefold() in _HANDLES), "")
        if group is not None and handle and handle == group.handle:
            group.add(record)
            continue
        if group is not None:
            yield group.line, group.merged()
        group = _Group(line, handle, record)
    if group is not None:
        yield group.line, group.merged()


class _Group:
    def __init__(self, line: int, handle: str, record: dict[str, Any]) -> None:
        self.line = line
        self.handle = handle
        self._product: dict[str, Any] = {}
        self._names: dict[str, str] = {}
        self._values: dict[str, dict[str, None]] = {}
        self._images: dict[str, None] = {}
        self._image_column = next((name for name in record if name.casefold() in _IMAGES), "")
        self.add(record)

    def add(self, record: dict[str, Any]) -> None:
        for column, cell in record.items():
            if not cell:
                continue
            option = _OPTION.match(column)
            if option:
                self._add_option(option[1], option[2].casefold(), cell)
            elif column == self._image_column:
                if len(self._images) < _MOST_IMAGES:
                    self._images[cell] = None
            elif not _LEFT_OUT.match(column):
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
            if len(values) < _MOST_VALUES:
                values[cell] = None
