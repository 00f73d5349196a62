"""Problems of a config with their locations: collected first, then printed all at once."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from querygen_core.secrets.masking import mask, printable

KeyPath = tuple[str | int, ...]
"""The keys and list indices from the top of a config to a value: `("generators", 0, "count")`."""

_MOST_SHOWN = 100
_SIMPLE_KEY = re.compile(r"[\w/#-]+")


@dataclass(frozen=True, slots=True)
class Location:
    """Where a value was written."""

    file: str
    """Path of the file as the user gave it, or another source: `--set a.b=c`."""
    line: int = 0
    """Counted from 1; 0 if the source has no lines."""
    column: int = 0
    """Counted from 1; 0 if the source has no lines."""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong."""

    location: Location
    """Where it is written."""
    message: str
    """What is wrong and what to do, without the location."""
    path: KeyPath = ()
    """The value that is wrong; empty if it is the file as a whole."""

    def __str__(self) -> str:
        shown = show(self.path)
        return f"{self.location}: {shown}: {self.message}" if shown else f"{self.location}: {self.message}"

    @property
    def order(self) -> tuple[bool, int, int, str]:
        return (not self.location.line, self.location.line, self.location.column, str(self))


def show(path: KeyPath) -> str:
    """A path as text, `generators[0].count`; keys that are not plain words are quoted: `inputs['a b']`."""
    shown = ""
    for step in path:
        if isinstance(step, str) and _SIMPLE_KEY.fullmatch(step):
            shown += f".{step}" if shown else step
        else:
            shown += f"[{quoted(step) if isinstance(step, str) else step}]"
    return shown


def has_item(data: object, step: str | int) -> bool:
    """Whether `data` is a mapping with the key `step`, or a list with that index."""
    if isinstance(data, list):
        return isinstance(step, int) and step < len(data)
    return isinstance(data, dict) and step in data


def lines(problems: Iterable[Problem]) -> tuple[str, ...]:
    """One line for each problem, in the order of the file, secrets masked."""
    ordered = sorted(set(problems), key=lambda problem: problem.order)
    shown = [one_line(str(problem)) for problem in ordered[:_MOST_SHOWN]]
    if len(ordered) > _MOST_SHOWN:
        shown.append(f"... and {len(ordered) - _MOST_SHOWN} more problems")
    return tuple(shown)


def one_line(text: str) -> str:
    """`text` with secrets masked and unprintable characters escaped."""
    shown = printable(mask(text))
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in shown)


def quoted(text: str) -> str:
    """`text` in quotes for a message, shortened to 60 characters."""
    return repr(text) if len(text) <= 60 else f"{text[:57]!r}..."
