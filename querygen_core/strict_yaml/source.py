"""Reads a strict subset of YAML as plain data, with the location of each value.

Refused, because they can mean something else than they seem to or exhaust memory: duplicate keys, anchors and aliases,
merge keys, tags, second documents, deep nesting, large files, encodings other than UTF-8.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import yaml

from querygen_core.contracts.errors import ConfigError
from querygen_core.strict_yaml.diagnostics import KeyPath, Location, Problem, lines, quoted
from querygen_core.strict_yaml.encoding import check_characters, decode, forbidden
from querygen_core.strict_yaml.scalars import resolve
from querygen_core.strict_yaml.suggest import did_you_mean
from querygen_core.strict_yaml.syntax_errors import explain

MOST_BYTES = 1 << 20
DEEPEST = 40

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Source:
    """The contents of one file."""

    name: str
    """Name of the file for messages."""
    data: dict[str, Any]
    """The top-level mapping."""
    locations: dict[KeyPath, Location]
    """Where each key and each list item is written."""
    problems: tuple[Problem, ...] = ()
    """What is wrong, if reading could continue."""
    unusable: frozenset[KeyPath] = frozenset()
    """Paths of values that could not be read and are None in `data`."""
    written: Mapping[KeyPath, str] = field(default_factory=dict)
    """The text of each value that is not text, such as the `1.10` of the number 1.1."""

    def location(self, path: KeyPath) -> Location:
        """Where `path` is written: its key or list item, or the nearest one around it that exists."""
        while path and path not in self.locations:
            path = path[:-1]
        return self.locations.get(path, Location(self.name))

    def problem(self, path: KeyPath, message: str) -> Problem:
        return Problem(self.location(path), message, path)


def read(path: Path) -> Source:
    """The mapping in a YAML file.

    Raises:
        ConfigError: the file cannot be read at all; other problems are in the result.
    """
    name = str(path)
    return parse(decode(_bytes_of(path), name), name)


def parse(text: str, name: str, first_line: int = 1) -> Source:
    """Like `read`, for a text that starts at line `first_line` of the file `name`."""
    check_characters(text, name, first_line)
    builder = _Builder(text, name, first_line)
    try:
        data = builder.document()
    except _Stop:
        raise ConfigError(lines(builder.problems)) from None
    if not isinstance(data, dict):
        problems = builder.problems if () in builder.unusable else [Problem(builder.start, _no_mapping(data))]
        raise ConfigError(lines(problems))
    return Source(name, data, builder.locations, tuple(builder.problems), frozenset(builder.unusable), builder.written)


def parse_value(text: str) -> Any:
    """One value in the same subset of YAML, such as that of `--set`.

    Raises:
        ValueError: it has problems; the message lists all of them.
    """
    if problem := forbidden(text):
        raise ValueError(problem[1])
    builder = _Builder(text, "", 1)
    try:
        value = builder.document()
    except _Stop:
        value = None
    if builder.problems:
        raise ValueError("; ".join(problem.message for problem in builder.problems))
    return value


def _no_mapping(data: Any) -> str:
    if data is None:
        return "the file is empty; it should contain a mapping (`key: value`)"
    kind = "a list" if isinstance(data, list) else quoted(str(data))
    return f"the top level should be a mapping (`key: value`), not {kind}"


def _bytes_of(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise ConfigError(lines([Problem(Location(str(path)), f"there is no such file{_near(path)}")])) from None
    except IsADirectoryError:
        raise ConfigError(lines([Problem(Location(str(path)), "is a directory, not a file")])) from None
    except (OSError, ValueError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else str(exc)
        raise ConfigError(lines([Problem(Location(str(path)), f"cannot be read: {reason}")])) from None
    if len(content) > MOST_BYTES:
        raise ConfigError(lines([Problem(Location(str(path)), "is larger than 1 MiB; is it really a config?")]))
    return content


def _near(path: Path) -> str:
    siblings = path.parent.glob("*.y*ml") if path.parent.is_dir() else ()
    return did_you_mean(path.name, (sibling.name for sibling in siblings))


class _Stop(Exception):
    """The rest of the text cannot be read."""


class _Builder:
    """Turns the parser's events into data, continuing after a problem where the rest is still readable."""

    def __init__(self, text: str, name: str, first_line: int) -> None:
        self.problems: list[Problem] = []
        self.locations: dict[KeyPath, Location] = {}
        self.unusable: set[KeyPath] = set()
        self.written: dict[KeyPath, str] = {}
        self.start = Location(name, first_line, 1)
        self._text = text
        self._name = name
        self._first_line = first_line
        self._events: Iterator[Any] = yaml.parse(text, Loader=_Loader)

    def document(self) -> Any:
        """The only value of the text; None if the text is empty.

        Raises:
            _Stop: the rest cannot be read; `problems` says why.
        """
        try:
            return self._document()
        except yaml.MarkedYAMLError as exc:
            mark, message = explain(exc, self._text, self._first_line)
            self._stop(mark, message)
        except yaml.YAMLError as exc:
            self._stop(None, f"cannot be read as YAML: {exc}")

    def _document(self) -> Any:
        next(self._events)  # the start of the stream
        event = next(self._events)  # the start of a document, if there is one
        if isinstance(event, yaml.StreamEndEvent):
            return None
        event = next(self._events)
        self.start = self._at(event.start_mark)
        value = self._value(event, ())
        next(self._events)  # the end of the document
        event = next(self._events)
        if not isinstance(event, yaml.StreamEndEvent):
            self._stop(event.start_mark, "a second document ('---') is not allowed; use one file for each config")
        return value

    def _value(self, event: Any, path: KeyPath) -> Any:
        self.locations.setdefault(path, self._at(event.start_mark))
        if isinstance(event, yaml.AliasEvent):
            self._refuse(event, path, f"an alias (*{event.anchor}) is not allowed; write the value out")
            return None
        if event.anchor is not None:
            self._add(event, path, f"an anchor (&{event.anchor}) is not allowed; write the value out where it is used")
        if event.tag is not None:
            self._refuse(event, path, f"a tag ({event.tag}) is not allowed; quote the value if it is text")
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, path)
        if len(path) >= DEEPEST:
            self._stop(event.start_mark, f"is nested more than {DEEPEST} levels deep")
        return self._list(path) if isinstance(event, yaml.SequenceStartEvent) else self._mapping(path)

    def _scalar(self, event: Any, path: KeyPath) -> Any:
        if not event.implicit[0]:
            return event.value
        try:
            value = resolve(event.value)
        except ValueError as exc:
            self._refuse(event, path, str(exc))
            return None
        if not isinstance(value, str):
            self.written[path] = event.value
        return value

    def _list(self, path: KeyPath) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._value(event, (*path, len(items))))
        return items

    def _mapping(self, path: KeyPath) -> dict[str, Any]:
        items: dict[str, Any] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._key(event, path)
            if key is None:
                self._skip(path)
            elif key in items:
                first = self.locations[*path, key].line
                self._add(
                    event, (*path, key), f"duplicate key {quoted(key)}, first used in line {first}; remove one of them"
                )
                self._value(next(self._events), (*path, key))
            else:
                self.locations[*path, key] = self._at(event.start_mark)
                items[key] = self._value(next(self._events), (*path, key))
        return items

    def _key(self, event: Any, path: KeyPath) -> str | None:
        """The text of a key as written; None if it cannot be used."""
        if not isinstance(event, yaml.ScalarEvent) or event.anchor or event.tag:
            self._add(event, path, "a key should be plain or quoted text, without anchor, alias or tag")
            if isinstance(event, yaml.CollectionStartEvent):
                self._skip(path, event)
            return None
        if event.value == "<<" and event.implicit[0]:
            self._add(event, path, "a merge key (<<) is not allowed; write the keys out")
            return None
        if not event.value:
            self._add(event, path, "a key is missing before ':'")
            return None
        return str(event.value)

    def _skip(self, path: KeyPath, event: Any = None) -> None:
        """Skip the value of an unusable key, without reporting problems inside it."""
        known = len(self.problems)
        self._value(event or next(self._events), (*path, ""))
        del self.problems[known:]

    def _refuse(self, event: Any, path: KeyPath, message: str) -> None:
        self._add(event, path, message)
        self.unusable.add(path)

    def _add(self, event: Any, path: KeyPath, message: str) -> None:
        self.problems.append(Problem(self._at(event.start_mark), message, path))

    def _stop(self, mark: Any, message: str) -> NoReturn:
        self.problems.append(Problem(self._at(mark) if mark else Location(self._name), message))
        raise _Stop

    def _at(self, mark: Any) -> Location:
        return Location(self._name, mark.line + self._first_line, mark.column + 1)
