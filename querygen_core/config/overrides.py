"""Applies `--set path=value` to a config."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from querygen_core.secrets.masking import MASK, mask, names_secret
from querygen_core.strict_yaml.diagnostics import KeyPath, Location, Problem, quoted
from querygen_core.strict_yaml.source import Source, parse_value
from querygen_core.strict_yaml.suggest import did_you_mean

_LONGEST_SHOWN = 80
_NAME = re.compile(r"[\w.#/-]*")
_WORD = re.compile(r"\w+")


def apply_overrides(source: Source, sets: Sequence[str]) -> Source:
    """Apply each `path=value` in order. A step of a path is a key, or the index or name of a list item.

    Problems are in the result, with `--set path=value` as their location.
    """
    for text in sets:
        label = f"--set {masked_override(text)}"
        location = Location(label if len(label) <= _LONGEST_SHOWN else f"{label[: _LONGEST_SHOWN - 3]}...")
        try:
            steps, value = _parse(text)
            source = set_value(source, steps, value, location)
        except ValueError as exc:
            source = replace(source, problems=(*source.problems, Problem(location, str(exc))))
    return source


def masked_override(text: str) -> str:
    """`path=value` for printing: the value is masked if a key in it or in the path names a secret, such as `api_key`,
    or if it looks like one, as a DSN with a password. A reference to a secret is none. Of what is no `path=value` or no
    YAML, any word may have been meant as such a key.
    """
    path, equals, value = text.partition("=")
    if not equals:
        head = _NAME.match(text)
        return f"{head[0] if head else ''} {MASK}" if _names_secret(text) else text
    try:
        parsed = parse_value(value)
    except ValueError:
        return f"{path}={MASK}" if _names_secret(text) or mask(value) != value else text
    name = path.rpartition(".")[2].strip()
    return f"{path}={MASK}" if _holds_secret(name, parsed) or mask(value) != value else text


def _names_secret(text: str) -> bool:
    return any(names_secret(word) for word in _WORD.findall(text)) or mask(text) != text


def _holds_secret(name: str, value: object) -> bool:
    match value:
        case dict():
            return any(_holds_secret(str(key), item) for key, item in value.items())
        case list():
            return any(_holds_secret(name, item) for item in value)
        case str():
            return names_secret(name) and "${secret:" not in value
    return isinstance(value, int | float) and not isinstance(value, bool) and names_secret(name)


def set_value(source: Source, steps: Sequence[str], value: Any, location: Location) -> Source:
    """Set `value` at `steps` in a copy of the source, with `location` as its location.

    Raises:
        ValueError: a step does not exist in a list, or leads through a single value.
    """
    data, path = _replaced(source.data, steps, value)
    # What was known of values below `path` went with them.
    locations = {known: earlier for known, earlier in source.locations.items() if known[: len(path)] != path}
    for length in range(1, len(path)):
        locations.setdefault(path[:length], location)
    return replace(
        source,
        data=data,
        locations={**locations, path: location},
        unusable=frozenset(known for known in source.unusable if known[: len(path)] != path),
        written={known: text for known, text in source.written.items() if known[: len(path)] != path},
    )


def _parse(assignment: str) -> tuple[list[str], Any]:
    path, equals, text = assignment.partition("=")
    steps = path.strip().split(".")
    if not equals or not all(steps):
        raise ValueError("should be path=value, such as runtime.concurrency=8")
    if not text.strip():
        raise ValueError("the value is missing; write '' for empty text or null for no value")
    return steps, parse_value(text)


def _replaced(data: Any, steps: Sequence[str], value: Any, done: KeyPath = ()) -> tuple[Any, KeyPath]:
    """A copy of `data` with `value` at `steps`, and the key path that `steps` stand for.

    Raises:
        ValueError: there is no such path.
    """
    if not steps:
        return value, done
    step, rest = steps[0], steps[1:]
    if isinstance(data, list):
        index = _index_of(data, step)
        item, path = _replaced(data[index], rest, value, (*done, index))
        return [*data[:index], item, *data[index + 1 :]], path
    if data is not None and not isinstance(data, dict):
        raise ValueError(f"{quoted(step)} cannot be set: the path leads through a value that is not a mapping or list")
    known = data or {}
    item, path = _replaced(known.get(step), rest, value, (*done, step))
    return {**known, step: item}, path


def _index_of(items: list[Any], step: str) -> int:
    if step.isascii() and step.isdigit():
        # Cut to nine digits, because `int` refuses very long numbers; no list is that long.
        if int(step[:9]) < len(items):
            return int(step[:9])
        raise ValueError(f"no item {step}: the list has {len(items)} items, counted from 0")
    names = [_name_of(item) for item in items]
    if names.count(step) == 1:
        return names.index(step)
    several = "several items are" if step in names else "no item is"
    near = "" if step in names else did_you_mean(step, filter(None, names))
    raise ValueError(f"{several} named {quoted(step)}{near}")


def _name_of(item: Any) -> str | None:
    if not isinstance(item, dict):
        return None
    name = item.get("name", item.get("use"))
    return name if isinstance(name, str) else None
