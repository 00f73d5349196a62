"""What is wrong with a config, and where: collected first, then shown all at once."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from querygen_core.masking import mask

Trail = tuple[str | int, ...]
"""The way from the top of a config to a value: `("generators", 0, "count")`."""

_MOST_SHOWN = 100
_SIMPLE_KEY = re.compile(r"[\w/#-]+")


@dataclass(frozen=True, slots=True)
class Place:
    """A line and column of a file, both from 1; line 0 if only a name is known (`--set a.b=c`)."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class Problem:
    place: Place
    message: str
    trail: Trail = ()

    def __str__(self) -> str:
        path = show(self.trail)
        return f"{self.place}: {path}: {self.message}" if path else f"{self.place}: {self.message}"

    @property
    def order(self) -> tuple[bool, int, int, str]:
        return (not self.place.line, self.place.line, self.place.column, str(self))


def show(trail: Trail) -> str:
    """`generators[0].count`; keys that would be misread are quoted: `inputs['a b']`."""
    shown = ""
    for step in trail:
        if isinstance(step, str) and _SIMPLE_KEY.fullmatch(step):
            shown += f".{step}" if shown else step
        else:
            shown += f"[{quoted(step) if isinstance(step, str) else step}]"
    return shown


def leads_on(data: object, step: str | int) -> bool:
    """Whether there is something at `step` of a mapping or list."""
    if isinstance(data, list):
        return isinstance(step, int) and step < len(data)
    return isinstance(data, dict) and step in data


def lines(problems: Iterable[Problem]) -> tuple[str, ...]:
    """One line each, in the order of the file, secrets masked, whatever the file holds."""
    ordered = sorted(set(problems), key=lambda problem: problem.order)
    shown = [one_line(str(problem)) for problem in ordered[:_MOST_SHOWN]]
    if len(ordered) > _MOST_SHOWN:
        shown.append(f"... and {len(ordered) - _MOST_SHOWN} more problems")
    return tuple(shown)


def one_line(text: str) -> str:
    """`text` with secrets masked and everything that does not print as itself escaped."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in mask(text))


def quoted(text: str) -> str:
    """`text` as a message shows it: in quotes, cut where it gets long."""
    return repr(text) if len(text) <= 60 else f"{text[:57]!r}..."
