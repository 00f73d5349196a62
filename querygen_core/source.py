"""A strict YAML file as plain data that remembers where each value stands.

Refused, because each of them means something else than it seems to or costs more than it should: duplicate keys,
anchors and aliases, merge keys, tags, second documents, deep nesting, big files, anything but UTF-8.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import yaml

from querygen_core.encoding import check_characters, decode, forbidden
from querygen_core.errors import ConfigError
from querygen_core.problems import Place, Problem, Trail, lines, quoted
from querygen_core.scalars import resolve
from querygen_core.suggest import hint
from querygen_core.syntax import explain

MOST_BYTES = 1 << 20
DEEPEST = 40

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Source:
    """problems: found while reading. unusable: where a value could not be taken over and is None instead.

    written: the text of each value that is not text, such as the `1.10` of a number 1.1.
    """

    name: str
    data: dict[str, Any]
    places: dict[Trail, Place]
    problems: tuple[Problem, ...] = ()
    unusable: frozenset[Trail] = frozenset()
    written: Mapping[Trail, str] = field(default_factory=dict)

    def place(self, trail: Trail) -> Place:
        """Where `trail` stands: its key, its list item, or the nearest thing around it that is there."""
        while trail and trail not in self.places:
            trail = trail[:-1]
        return self.places.get(trail, Place(self.name))

    def problem(self, trail: Trail, message: str) -> Problem:
        return Problem(self.place(trail), message, trail)


def read(path: Path) -> Source:
    """The mapping in a YAML file.

    Raises:
        ConfigError: there is no way to go on; lesser problems are in the result.
    """
    name = str(path)
    return parse(decode(_bytes_of(path), name), name)


def parse(text: str, name: str, first_line: int = 1) -> Source:
    """Like `read`, of text that starts at `first_line` of the file `name`."""
    check_characters(text, name, first_line)
    builder = _Builder(text, name, first_line)
    try:
        data = builder.document()
    except _Stop:
        raise ConfigError(lines(builder.problems)) from None
    if not isinstance(data, dict):
        problems = builder.problems if () in builder.unusable else [Problem(builder.start, _no_mapping(data))]
        raise ConfigError(lines(problems))
    return Source(name, data, builder.places, tuple(builder.problems), frozenset(builder.unusable), builder.written)


def parse_value(text: str) -> Any:
    """One value in the same strict YAML, from elsewhere than a file.

    Raises:
        ValueError: everything that is wrong with it.
    """
    if found := forbidden(text):
        raise ValueError(found[1])
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
        return "is empty; it should hold keys and values"
    found = "a list" if isinstance(data, list) else quoted(str(data))
    return f"should hold keys and values at the top level (`key: value`), not {found}"


def _bytes_of(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise ConfigError(lines([Problem(Place(str(path)), f"there is no such file{_near(path)}")])) from None
    except IsADirectoryError:
        raise ConfigError(lines([Problem(Place(str(path)), "is a folder, not a file")])) from None
    except (OSError, ValueError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else str(exc)
        raise ConfigError(lines([Problem(Place(str(path)), f"cannot be read: {reason}")])) from None
    if len(content) > MOST_BYTES:
        raise ConfigError(lines([Problem(Place(str(path)), "is larger than 1 MiB; is it really a config?")]))
    return content


def _near(path: Path) -> str:
    siblings = path.parent.glob("*.y*ml") if path.parent.is_dir() else ()
    return hint(path.name, (sibling.name for sibling in siblings))


class _Stop(Exception):
    """Nothing behind this place can be read."""


class _Builder:
    """Turns the parser's events into data; goes on after a problem wherever that makes sense."""

    def __init__(self, text: str, name: str, first_line: int) -> None:
        self.problems: list[Problem] = []
        self.places: dict[Trail, Place] = {}
        self.unusable: set[Trail] = set()
        self.written: dict[Trail, str] = {}
        self.start = Place(name, first_line, 1)
        self._text = text
        self._name = name
        self._first_line = first_line
        self._events: Iterator[Any] = yaml.parse(text, Loader=_Loader)

    def document(self) -> Any:
        """The one value of the text; None if there is none.

        Raises:
            _Stop: see `problems`.
        """
        try:
            return self._document()
        except yaml.MarkedYAMLError as exc:
            mark, message = explain(exc, self._text, self._first_line)
            self._stop(mark, message)
        except yaml.YAMLError as exc:
            self._stop(None, f"cannot be read as YAML: {exc}")

    def _document(self) -> Any:
        next(self._events)
        event = next(self._events)
        if isinstance(event, yaml.StreamEndEvent):
            return None
        event = next(self._events)
        self.start = self._at(event.start_mark)
        value = self._value(event, ())
        next(self._events)
        event = next(self._events)
        if not isinstance(event, yaml.StreamEndEvent):
            self._stop(event.start_mark, "a second document ('---') is not allowed; use one file for each config")
        return value

    def _value(self, event: Any, trail: Trail) -> Any:
        self.places.setdefault(trail, self._at(event.start_mark))
        if isinstance(event, yaml.AliasEvent):
            self._refuse(event, trail, f"an alias (*{event.anchor}) is not allowed; write the value out")
            return None
        if event.anchor is not None:
            self._add(event, trail, f"an anchor (&{event.anchor}) is not allowed; write the value out where it is used")
        if event.tag is not None:
            self._refuse(event, trail, f"a tag ({event.tag}) is not allowed; quote the value if it is text")
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, trail)
        if len(trail) >= DEEPEST:
            self._stop(event.start_mark, f"is nested more than {DEEPEST} levels deep")
        return self._list(trail) if isinstance(event, yaml.SequenceStartEvent) else self._mapping(trail)

    def _scalar(self, event: Any, trail: Trail) -> Any:
        if not event.implicit[0]:
            return event.value
        try:
            value = resolve(event.value)
        except ValueError as exc:
            self._refuse(event, trail, str(exc))
            return None
        if not isinstance(value, str):
            self.written[trail] = event.value
        return value

    def _list(self, trail: Trail) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._value(event, (*trail, len(items))))
        return items

    def _mapping(self, trail: Trail) -> dict[str, Any]:
        items: dict[str, Any] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._key(event, trail)
            if key is None:
                self._skip(trail)
            elif key in items:
                first = self.places[*trail, key].line
                self._add(event, (*trail, key), f"duplicate key {quoted(key)}, first in line {first}")
                self._value(next(self._events), (*trail, key))
            else:
                self.places[*trail, key] = self._at(event.start_mark)
                items[key] = self._value(next(self._events), (*trail, key))
        return items

    def _key(self, event: Any, trail: Trail) -> str | None:
        """The text of a key, exactly as written; None if it cannot be used."""
        if not isinstance(event, yaml.ScalarEvent) or event.anchor or event.tag:
            self._add(event, trail, "a key should be one word or a quoted text, without anchor, alias or tag")
            if isinstance(event, yaml.CollectionStartEvent):
                self._skip(trail, event)
            return None
        if event.value == "<<" and event.implicit[0]:
            self._add(event, trail, "a merge key (<<) is not allowed; write the keys out")
            return None
        if not event.value:
            self._add(event, trail, "a key is missing before ':'")
            return None
        return str(event.value)

    def _skip(self, trail: Trail, event: Any = None) -> None:
        """Pass over a value that belongs to nothing; what is wrong inside is not worth a line."""
        known = len(self.problems)
        self._value(event or next(self._events), (*trail, ""))
        del self.problems[known:]

    def _refuse(self, event: Any, trail: Trail, message: str) -> None:
        self._add(event, trail, message)
        self.unusable.add(trail)

    def _add(self, event: Any, trail: Trail, message: str) -> None:
        self.problems.append(Problem(self._at(event.start_mark), message, trail))

    def _stop(self, mark: Any, message: str) -> NoReturn:
        self.problems.append(Problem(self._at(mark) if mark else Place(self._name), message))
        raise _Stop

    def _at(self, mark: Any) -> Place:
        return Place(self._name, mark.line + self._first_line, mark.column + 1)
