"""YAML: a list of products, a list under one key, or one product a document.

The text is cut into items by indentation and each item parsed alone, so that memory stays flat and a broken item costs
only itself. Plain scalars stay text (`007`, `1.10`, `NO`, `22:22` are what the shop wrote); only null and truth values
are read as such. Aliases and tags are refused: no catalogue needs them, and both are ways to attack a reader.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml

from querygen_files.formats.arrays import LISTS
from querygen_files.formats.rows import LONGEST_RECORD, TOO_LONG, Broken, Row
from querygen_files.text import Text

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_ITEM = re.compile(r"( *)-(?:\s|$)")
_KEY = re.compile(r"""["']?([^\s#"'\[\]{},:-][^#"':]*+)["']?\s*+:(?:\s|$)""")
_LIST_KEY = re.compile(r"""["']?([\w@ -]++)["']?\s*+:\s*+(?:#.*)?$""")
_IGNORED = re.compile(r"\s*(?:#|$)|%YAML|%TAG")
_DEEPEST = 40
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_TRUTHS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_TEXT_TAG = "tag:yaml.org,2002:str"


class _Refused(Exception):
    pass


def read_sequence(text: Text) -> Iterator[Row]:
    for line, chunk in _cut(text):
        yield line, Broken("too_long", TOO_LONG, chunk) if len(chunk) >= LONGEST_RECORD else _parse(chunk, line)


class _Chunk:
    """Lines of one item, as many as an item may have."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._size = 0
        self._start = 0

    def __len__(self) -> int:
        return len(self._lines)

    def add(self, line: str, number: int) -> None:
        self._start = self._start if self._lines else number
        if self._size < LONGEST_RECORD:
            self._lines.append(line)
            self._size += len(line)

    def take(self) -> Iterator[tuple[int, str]]:
        if self._lines:
            yield self._start, "".join(self._lines)
        self.clear()

    def clear(self) -> None:
        self._lines, self._size = [], 0


def _cut(text: Text) -> Iterator[tuple[int, str]]:
    """(line, text) of each item of a list, or of each document that is none."""
    chunk = _Chunk()
    indent: str | None = None  # of the list's dashes, once we are in a list
    is_wrapped = False
    last = ""
    for line in text.lines():
        item = _ITEM.match(line)
        if line.startswith(("---", "...")):
            yield from chunk.take()
            indent, is_wrapped = None, False
        elif is_wrapped and _KEY.match(line):
            break  # the list under the key is over
        elif item and indent is None and (not chunk or _opens_list(last, is_first=len(chunk) == 1)):
            indent, is_wrapped = item[1], bool(chunk)
            chunk.clear()  # what stands before a list under a key is no product
            chunk.add(line, text.line)
        elif item and item[1] == indent:
            yield from chunk.take()
            chunk.add(line, text.line)
        elif chunk or not _IGNORED.match(line):
            chunk.add(line, text.line)
        last = last if _IGNORED.match(line) else line
    yield from chunk.take()


def _opens_list(line: str, *, is_first: bool) -> bool:
    key = _LIST_KEY.match(line)
    return key is not None and (is_first or re.sub(r"[\W_]+", "", key[1]).casefold() in LISTS)


def _parse(chunk: str, line: int) -> dict[str, Any] | Broken:
    try:
        events = yaml.parse(chunk, Loader=_Loader)
        value = _read_value(next(event for event in events if isinstance(event, yaml.NodeEvent)), events, _DEEPEST)
        for _ in events:  # what follows may be broken
            pass
    except _Refused as exc:
        return Broken("bad_yaml", str(exc), chunk)
    except yaml.YAMLError as exc:
        return Broken("bad_yaml", _explain(exc, line), chunk)
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, dict):
        return value
    return Broken("not_an_object", "this is no product; each item should be a mapping, as `- title: …`", chunk)


def _explain(exc: yaml.YAMLError, line: int) -> str:
    mark = getattr(exc, "problem_mark", None)
    where = f" at line {line + mark.line}" if mark else ""
    return f"no valid YAML: {getattr(exc, 'problem', None) or 'a character that is not allowed'}{where}"


def _read_value(event: Any, events: Iterator[Any], depth: int) -> Any:
    if isinstance(event, yaml.AliasEvent) or event.anchor:
        raise _Refused("anchors and aliases (`&`, `*`) are not read; write the value out, or in quotes")
    if depth == 0:
        raise _Refused("the record is nested too deep to be a product")
    if event.tag is not None and event.tag not in ("!", _TEXT_TAG):
        raise _Refused(f"the tag {event.tag[:60]!r} is not read; remove it, or write the value in quotes")
    if isinstance(event, yaml.SequenceStartEvent):
        return list(_members(events, depth))
    if isinstance(event, yaml.MappingStartEvent):
        return _read_mapping(events, depth)
    if event.style or event.tag is not None:
        return event.value
    return None if event.value in _NULLS else _TRUTHS.get(event.value, event.value)


def _members(events: Iterator[Any], depth: int) -> Iterator[Any]:
    while not isinstance(event := next(events), yaml.CollectionEndEvent):
        yield _read_value(event, events, depth - 1)


def _read_mapping(events: Iterator[Any], depth: int) -> dict[str, Any]:
    members = _members(events, depth)
    mapping: dict[str, Any] = {}
    for key in members:
        name = key if isinstance(key, str) else str(key)
        if name in mapping:
            raise _Refused(f"the key {name[:80]!r} comes twice; remove the one that is wrong")
        mapping[name] = next(members)
    return mapping
