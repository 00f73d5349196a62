"""YAML: a list of products, a list under one key, or one product a document.

The text is cut into items by indentation and each item is parsed by itself, so that memory stays flat and an invalid
item costs only itself. Plain scalars stay text: `007`, `1.10`, `NO`, `22:22` are what the shop wrote. Only null and
truth values are converted. Aliases and tags are refused: no catalogue needs them, and both can be used for attacks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml

from querygen_files.formats.json_array import LIST_NAMES
from querygen_files.formats.records import MAX_RECORD, TOO_LONG, InvalidRecord, Record
from querygen_files.text_reader import TextReader

# The loader of libyaml is much faster, but not every build of PyYAML has it.
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# A dash with its indentation; a key at the left margin; a key without a value.
_ITEM = re.compile(r"( *)-(?:\s|$)")
_KEY = re.compile(r"""["']?([^\s#"'\[\]{},:-][^#"':]*+)["']?\s*+:(?:\s|$)""")
_LIST_KEY = re.compile(r"""["']?([\w@ -]++)["']?\s*+:\s*+(?:#.*)?$""")
_BLANK_OR_COMMENT = re.compile(r"\s*(?:#|$)|%YAML|%TAG")
_MAX_DEPTH = 40
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_TRUTH_VALUES = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_TEXT_TAG = "tag:yaml.org,2002:str"


class _UnsupportedYaml(Exception):
    pass


def read_yaml(text: TextReader) -> Iterator[Record]:
    for line, item in _split(text):
        yield line, InvalidRecord("too_long", TOO_LONG, item) if len(item) >= MAX_RECORD else _parse(item, line)


class _Item:
    """The lines of one item, up to the length that a record may have."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._size = 0
        self._first_line = 0

    def __len__(self) -> int:
        return len(self._lines)

    def add(self, line: str, number: int) -> None:
        self._first_line = self._first_line if self._lines else number
        if self._size < MAX_RECORD:
            self._lines.append(line)
            self._size += len(line)

    def take(self) -> Iterator[tuple[int, str]]:
        """The first line's number and the text, if there is any; then the item is empty."""
        if self._lines:
            yield self._first_line, "".join(self._lines)
        self.clear()

    def clear(self) -> None:
        self._lines, self._size = [], 0


def _split(text: TextReader) -> Iterator[tuple[int, str]]:
    """(line, text) of each item of a list, or of each document that is not a list."""
    current = _Item()
    indent: str | None = None  # before the list's dashes, once a list has begun
    is_under_key = False
    last_line = ""  # that is neither blank nor a comment
    for line in text.lines():
        dash = _ITEM.match(line)
        if line.startswith(("---", "...")):
            yield from current.take()
            indent, is_under_key = None, False
        elif is_under_key and _KEY.match(line):
            break  # the next key: the list is over
        elif dash and indent is None and (not current or _opens_list(last_line, is_first=len(current) == 1)):
            indent, is_under_key = dash[1], bool(current)
            current.clear()  # the keys before the list are not a product
            current.add(line, text.line)
        elif dash and dash[1] == indent:
            yield from current.take()
            current.add(line, text.line)
        elif current or not _BLANK_OR_COMMENT.match(line):
            current.add(line, text.line)
        last_line = last_line if _BLANK_OR_COMMENT.match(line) else line
    yield from current.take()


def _opens_list(line: str, *, is_first: bool) -> bool:
    """Whether the line is the key of a list of products: a known key, or any key on the document's first line."""
    key = _LIST_KEY.match(line)
    return key is not None and (is_first or re.sub(r"[\W_]+", "", key[1]).casefold() in LIST_NAMES)


def _parse(item: str, line: int) -> dict[str, Any] | InvalidRecord:
    try:
        events = yaml.parse(item, Loader=_Loader)
        value = _read_value(next(event for event in events if isinstance(event, yaml.NodeEvent)), events, _MAX_DEPTH)
        for _ in events:  # raises if the rest of the item is invalid
            pass
    except _UnsupportedYaml as exc:
        return InvalidRecord("bad_yaml", str(exc), item)
    except yaml.YAMLError as exc:
        return InvalidRecord("bad_yaml", _explain(exc, line), item)
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, dict):
        return value
    message = "the item is not a product; it should be a mapping such as `- title: …`"
    return InvalidRecord("not_an_object", message, item)


def _explain(exc: yaml.YAMLError, line: int) -> str:
    mark = getattr(exc, "problem_mark", None)
    place = f" at line {line + mark.line}" if mark else ""
    return f"not valid YAML: {getattr(exc, 'problem', None) or 'a character that is not allowed'}{place}"


def _read_value(event: Any, events: Iterator[Any], depth: int) -> Any:
    """The value that begins with `event`; the rest of its events are taken from `events`."""
    if isinstance(event, yaml.AliasEvent) or event.anchor:
        raise _UnsupportedYaml("anchors and aliases (`&`, `*`) are not supported; write the value out, or in quotes")
    if depth == 0:
        raise _UnsupportedYaml("the record is nested too deeply for a product")
    if event.tag is not None and event.tag not in ("!", _TEXT_TAG):
        raise _UnsupportedYaml(f"the tag {event.tag[:60]!r} is not supported; remove it, or write the value in quotes")
    if isinstance(event, yaml.SequenceStartEvent):
        return list(_read_members(events, depth))
    if isinstance(event, yaml.MappingStartEvent):
        return _read_mapping(events, depth)
    if event.style or event.tag is not None:
        return event.value
    return None if event.value in _NULLS else _TRUTH_VALUES.get(event.value, event.value)


def _read_members(events: Iterator[Any], depth: int) -> Iterator[Any]:
    while not isinstance(event := next(events), yaml.CollectionEndEvent):
        yield _read_value(event, events, depth - 1)


def _read_mapping(events: Iterator[Any], depth: int) -> dict[str, Any]:
    members = _read_members(events, depth)  # keys and values in turn
    mapping: dict[str, Any] = {}
    for key in members:
        name = key if isinstance(key, str) else str(key)
        if name in mapping:
            raise _UnsupportedYaml(f"the key {name[:80]!r} is given twice; remove one of the two")
        mapping[name] = next(members)
    return mapping
