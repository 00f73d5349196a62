"""What goes wrong in a command, collected, so that all of it is reported at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from typing import TypeVar

from querygen_core.contracts.errors import ConfigError, ErrorKind, QuerygenError
from querygen_core.strict_yaml.diagnostics import Problem, one_line

T = TypeVar("T")


class ProblemCollector:
    """Makes calls to plugins and collects what goes wrong, to report all of it at the end."""

    def __init__(self) -> None:
        self.problems: list[tuple[str, ErrorKind]] = []

    async def attempt(
        self, where: str, guard: AbstractContextManager[None], call: Callable[[], Awaitable[T]]
    ) -> T | None:
        """The result of a plugin's `call`; None if it fails in any way. where: what the problem is named after."""
        try:
            with guard:
                return await call()
        except QuerygenError as exc:
            self.add(f"{where}: {exc}", exc.kind)
        return None

    def add(self, problem: str, kind: ErrorKind) -> None:
        self.problems.append((problem, kind))

    def add_placed(self, problems: list[tuple[Problem, ErrorKind]]) -> None:
        """Add problems of the config's own values, in the order of the file."""
        for problem, kind in sorted(problems, key=lambda one: one[0].order):
            self.add(one_line(str(problem)), kind)

    def raise_all(self) -> None:
        """Raise one ConfigError with all problems and the kind of the first; do nothing if there are none."""
        if self.problems:
            error = ConfigError([text for text, _ in self.problems])
            error.kind = self.problems[0][1]
            raise error
