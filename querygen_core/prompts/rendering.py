"""Limits on the work of one render. Templates are trusted not to be hostile, but not to be free of mistakes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

MAX_STEPS = 100_000
SIZED = (list, tuple, dict)
MAX_TEXT = 4 * 1024 * 1024
_COMPARED_AT_ONCE = 64  # characters


class LimitExceeded(Exception):
    """The render does more work than any real prompt needs."""


@dataclass(slots=True)
class Rendering:
    """One render in progress, and the work that it may still do."""

    mark: Callable[[], str]
    """Returns the product's mark for the delimiters of untrusted data: 8 hex digits of its content hash."""
    steps: int = MAX_STEPS
    """Steps that are left: loop iterations, calls, filters and the items that they go through."""
    text: int = MAX_TEXT
    """Characters of intermediate text that it may still build."""

    def step(self, count: int = 1) -> None:
        self.steps -= count
        if self.steps < 0:
            raise LimitExceeded(f"the template takes more than {MAX_STEPS} steps (loop iterations, calls, list items)")

    def write(self, length: int) -> None:
        self.text -= length
        if self.text < 0:
            raise LimitExceeded(f"the template builds more than {MAX_TEXT} characters of text")

    def charge(self, value: object) -> None:
        """Count the work of reading `value` once, with all that is nested in it."""
        if isinstance(value, str):
            self.write(len(value))
        waiting = [value] if isinstance(value, SIZED) else []
        while waiting:
            container = waiting.pop()
            self.step(len(container))
            items = container.values() if isinstance(container, dict) else container
            waiting += [item for item in items if isinstance(item, SIZED)]

    def compare(self, value: object) -> None:
        """Count the work of comparing or hashing `value` once, which a text takes at many times the pace."""
        if isinstance(value, str):
            self.write(len(value) // _COMPARED_AT_ONCE)
        else:
            self.charge(value)

    def each(self, items: Iterable[Any]) -> Iterator[Any]:
        """Yield `items`, counting a step for each."""
        for item in items:
            self.step()
            yield item


current: ContextVar[Rendering] = ContextVar("rendering")
"""Set while a prompt renders. Jinja also calls filters on constants as it compiles; they fail there, and run later."""
