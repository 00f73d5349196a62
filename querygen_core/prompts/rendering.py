"""What one render may still do. A template is trusted not to be hostile, but not to be free of mistakes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

MAX_STEPS = 100_000
SIZED = (list, tuple, dict)
MAX_TEXT = 4 * 1024 * 1024


class Overrun(Exception):
    """The render did more than any real prompt needs."""


@dataclass(slots=True)
class Rendering:
    """One render in progress: the mark of its product, and what is left of its allowance.

    steps: loop turns, calls, filters and the items they take. text: characters of text that it may build on the way.
    """

    mark: Callable[[], str]
    steps: int = MAX_STEPS
    text: int = MAX_TEXT

    def step(self, count: int = 1) -> None:
        self.steps -= count
        if self.steps < 0:
            raise Overrun(f"the template takes more than {MAX_STEPS} steps (loop turns, calls, items of lists)")

    def write(self, length: int) -> None:
        self.text -= length
        if self.text < 0:
            raise Overrun(f"the template builds more than {MAX_TEXT} characters of text")

    def charge(self, value: object) -> None:
        """Count the work of going through `value` once."""
        if isinstance(value, str):
            self.write(len(value))
        elif isinstance(value, SIZED):
            self.step(len(value))

    def each(self, items: Iterable[Any]) -> Iterator[Any]:
        """`items`, one step each as they are taken."""
        for item in items:
            self.step()
            yield item


current: ContextVar[Rendering] = ContextVar("rendering")
"""Set while a prompt renders. Jinja also tries filters when it compiles; there they fail and are left for later."""
