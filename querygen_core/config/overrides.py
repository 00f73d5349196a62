"""`--set a.b=c`: a value of the command line in the place of one of the file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from querygen_core.problems import Place, Problem, Trail, quoted
from querygen_core.source import Source, parse_value
from querygen_core.suggest import hint

_LONGEST_SHOWN = 80


def override(source: Source, sets: Sequence[str]) -> Source:
    """`source` with each `path=value` put in. A step of a path is a key, or an item of a list by index or name.

    Problems are in the result, with `--set path=value` as their place.
    """
    for given in sets:
        label = f"--set {given}"
        place = Place(label if len(label) <= _LONGEST_SHOWN else f"{label[: _LONGEST_SHOWN - 3]}...")
        try:
            steps, value = _parse(given)
            source = put(source, steps, value, place)
        except ValueError as exc:
            source = replace(source, problems=(*source.problems, Problem(place, str(exc))))
    return source


def put(source: Source, steps: Sequence[str], value: Any, place: Place) -> Source:
    """`source` with `value` at `steps`, said to come from `place`.

    Raises:
        ValueError: there is no way through lists and values to that place.
    """
    data, trail = _replaced(source.data, steps, value)
    places = {known: at for known, at in source.places.items() if known[: len(trail)] != trail}
    for length in range(1, len(trail)):
        places.setdefault(trail[:length], place)
    return replace(
        source,
        data=data,
        places={**places, trail: place},
        unusable=frozenset(known for known in source.unusable if known[: len(trail)] != trail),
        written={known: text for known, text in source.written.items() if known[: len(trail)] != trail},
    )


def _parse(given: str) -> tuple[list[str], Any]:
    path, equals, text = given.partition("=")
    steps = path.strip().split(".")
    if not equals or not all(steps):
        raise ValueError("should be path=value, such as runtime.concurrency=8")
    if not text.strip():
        raise ValueError("the value is missing; '' is empty text, null is nothing")
    return steps, parse_value(text)


def _replaced(data: Any, steps: Sequence[str], value: Any, done: Trail = ()) -> tuple[Any, Trail]:
    """A copy of `data` with `value` at `steps`, and the trail that `steps` turned out to be.

    Raises:
        ValueError: there is no such place.
    """
    if not steps:
        return value, done
    step, rest = steps[0], steps[1:]
    if isinstance(data, list):
        index = _index_of(data, step)
        item, trail = _replaced(data[index], rest, value, (*done, index))
        return [*data[:index], item, *data[index + 1 :]], trail
    if data is not None and not isinstance(data, dict):
        raise ValueError(f"there is nothing at {quoted(step)}: what stands before it is a single value")
    known = data or {}
    item, trail = _replaced(known.get(step), rest, value, (*done, step))
    return {**known, step: item}, trail


def _index_of(items: list[Any], step: str) -> int:
    if step.isascii() and step.isdigit():
        if int(step[:9]) < len(items):
            return int(step[:9])
        raise ValueError(f"there is no item {step}: the list has {len(items)}, counted from 0")
    names = [_name_of(item) for item in items]
    if names.count(step) == 1:
        return names.index(step)
    several = "several items are" if step in names else "no item is"
    raise ValueError(f"{several} called {quoted(step)}{hint(step, filter(None, names)) if step not in names else ''}")


def _name_of(item: Any) -> str | None:
    if not isinstance(item, dict):
        return None
    name = item.get("name", item.get("use"))
    return name if isinstance(name, str) else None
