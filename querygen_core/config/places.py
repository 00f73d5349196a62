"""Where things stand in a config, for what is found out about them after it was loaded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from querygen_core.secrets.store import Reference
from querygen_core.strict_yaml.diagnostics import KeyPath, Problem, show
from querygen_core.strict_yaml.source import Source


@dataclass(frozen=True, slots=True)
class Places:
    """The places of one config's values."""

    source: Source
    """The config as it was written, with what `--set` has changed."""
    references: Sequence[tuple[KeyPath, Reference]] = ()
    """All references to secrets, with the paths of the values that hold them."""
    origin: str = ""
    """The path or URL by which the user named the config; "": the source's own name."""
    _paths: dict[str, KeyPath] = field(default_factory=dict)

    def problem(self, path: KeyPath, message: str) -> Problem:
        """What is wrong with the value at `path`."""
        problem = self.source.problem(path, message)
        if not self.origin or problem.location.file != self.source.name:
            return problem
        return replace(problem, location=replace(problem.location, file=self.origin))

    def path_of(self, component: str) -> KeyPath:
        """The path of a component, of which `component` is the text: `sinks[0]`."""
        if not self._paths:
            self._paths.update((show(path), path) for path in self.source.locations)
        return self._paths.get(component, (component,))
