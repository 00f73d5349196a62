"""Validates a config's values and collects all problems instead of stopping at the first."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from decimal import Decimal
from functools import partial
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from querygen_core.config.interpolation import Interpolated, pieces
from querygen_core.config.options import leaves, number_fields, secret_fields
from querygen_core.config.validation_messages import MISSING, NO_SECRET, Flag, explain
from querygen_core.contracts.errors import ConfigError, PluginError
from querygen_core.registry import Kind, Registered, Registry
from querygen_core.registry.guard import cause_of
from querygen_core.secrets.masking import MASK, mask, register_passwords
from querygen_core.secrets.secret import Secret
from querygen_core.strict_yaml.diagnostics import KeyPath, Problem, has_item, lines, quoted
from querygen_core.strict_yaml.source import Source

M = TypeVar("M", bound=BaseModel)

STORED = "the config stored with the job"
"""Name of a source that is not a file."""

_NOT_STORED = "was in plain text when the job ran, and so was not stored; use ${secret:env:NAME} and run again"
_ABSENT = object()
_log = logging.getLogger("querygen.config")


class ConfigReader:
    """Validates values of a config and collects the problems. Follow-up errors of a reported problem are suppressed.

    meant: paths of keys that are missing only because they are misspelt; that they are missing is not reported.
    """

    def __init__(self, source: Source, interpolated: Interpolated, registry: Registry) -> None:
        self.meant: set[KeyPath] = set()
        self.data = interpolated.data
        self._source = source
        self._problems: list[Problem] = [*source.problems, *interpolated.problems]
        self._original = interpolated.original
        self._registry = registry
        self._unusable = source.unusable | {problem.path for problem in interpolated.problems}
        # Finds misspelt resolvers before the run; no secret is fetched.
        for path, reference in interpolated.references:
            self.component("secret", reference.use, path)

    @property
    def problems(self) -> list[Problem]:
        return [item for item in self._problems if item.path not in self.meant or item.message != MISSING]

    def add(self, path: KeyPath, message: str) -> None:
        if not any(path[:length] in self._unusable for length in range(len(path) + 1)):
            self._problems.append(self._source.problem(path, message))

    def mapping(self, section: str) -> dict[str, Any]:
        """The section, or an empty mapping if it is missing or not a mapping."""
        value = self.data.get(section)
        return value if isinstance(value, dict) else {}

    def original_at(self, path: KeyPath) -> Any:
        """The value in the file before interpolation, or None."""
        value = _value_at(self._source.data, path)
        return None if value is _ABSENT else value

    def component(self, kind: Kind, use: str, path: KeyPath) -> Registered | None:
        """The component that `use` names; None and a problem at `path` if there is none of this kind."""
        try:
            return self._registry.component(kind, use)
        except PluginError as exc:
            self.add(path, str(exc))
            return None

    def scheme(self, scheme: str, path: KeyPath) -> None:
        """Add a problem at `path` if no plugin has the URLs of this scheme."""
        try:
            self._registry.storage_of(scheme)
        except ConfigError as exc:
            self.add(path, str(exc))

    def validate(
        self, model: type[M], data: Mapping[str, Any], path: KeyPath, beside: frozenset[str] = frozenset()
    ) -> M | None:
        """Validate `data` as `model`; None and problems if it is wrong. beside: keys allowed beside the model's."""
        try:
            return model.model_validate(data)
        except ValidationError as exc:
            for inner, message, meant in explain(exc, data, model, beside, partial(self._describe, path)):
                self.add((*path, *inner), message)
                if meant:
                    self.meant.add((*path, *inner[:-1], meant))
        except Exception as exc:  # noqa: BLE001 - a plugin's own validator
            self.add(path, f"could not be validated: {cause_of(exc)}")
        return None

    def validate_strictly(
        self,
        model: type[M],
        data: Mapping[str, Any],
        path: KeyPath,
        beside: frozenset[str] = frozenset(),
        late: frozenset[str] = frozenset(),
    ) -> M | None:
        """Like `validate`, and strict where pydantic is not: booleans, infinities and misplaced secrets are refused.

        late: keys of the texts in which secrets may stand.
        """
        # Booleans are wrapped, so that pydantic refuses them as numbers and the message shows what was written.
        numbers = number_fields(model)
        data = {key: _flagged(value) if key in numbers else value for key, value in data.items()}
        validated = self.validate(model, data, path, beside)
        if validated is None:
            return None
        problems_before = len(self._problems)
        # Checked on the validated values, because only they tell which member of a union was chosen.
        for inner, value in leaves(validated):
            written = _value_at(data, inner)
            full_path = (*path, *inner)
            if isinstance(value, Secret):
                allowed = inner[0] in late or inner[0] in secret_fields(model)
                self._check_secret(value, written, full_path, allowed=allowed)
            elif isinstance(written, bool) and isinstance(value, int | float | Decimal) and not isinstance(value, bool):
                self.add(full_path, f"should be a number, not {self._describe(path, inner, written)}")
            elif written is not _ABSENT and isinstance(value, float) and not math.isfinite(value):
                self.add(full_path, f"should be a finite number, not {self._describe(path, inner, written)}")
        return validated if len(self._problems) == problems_before else None

    def _check_secret(self, secret: Secret, written: object, path: KeyPath, *, allowed: bool) -> None:
        if not allowed:
            self.add(path, NO_SECRET)
        elif path in self._original and not _holds_secret(self._original[path]):
            secret.reference = self._original[path]
        elif written == MASK:
            self.add(path, _NOT_STORED)
        elif written is not _ABSENT:
            secret.reference = MASK
            self._warn_of_plain_text(path)

    def plain_passwords(self, options: BaseModel, path: KeyPath) -> dict[KeyPath, str]:
        """Options that hold a password in plain text, such as an address `http://name:password@host`: their paths below
        `path`, and what is kept in their place. The passwords are masked from now on.
        """
        kept = {}
        for inner, value in leaves(options):
            full_path = (*path, *inner)
            if value == MASK and self._source.name == STORED:
                self.add(full_path, _NOT_STORED)
            elif isinstance(value, str) and mask(value) != value:
                register_passwords(value)
                original = self._original.get(full_path)
                if original is not None and not _holds_secret(original):
                    kept[inner] = original
                else:
                    kept[inner] = MASK
                    self._warn_of_plain_text(full_path)
        return kept

    def _warn_of_plain_text(self, path: KeyPath) -> None:
        message = "this secret is in plain text; use ${secret:env:NAME} and set the variable"
        _log.warning("%s", *lines([self._source.problem(path, message)]))

    def _describe(self, around: KeyPath, inner: KeyPath, value: object) -> str:
        """A value for a message: as written in the file, never a value from the environment."""
        path = (*around, *inner)
        if path in self._original:
            return f"the value of {quoted(self._original[path])}"
        if path in self._source.written:
            return self._source.written[path]
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, list | dict):
            return "a list" if isinstance(value, list) else "a mapping"
        return quoted(value) if isinstance(value, str) else str(value)


def _holds_secret(text: str) -> bool:
    """Whether the literal pieces of a text look like a password or key."""
    literal = "".join(piece for piece in pieces(text) if isinstance(piece, str))
    return mask(literal) != literal


def _flagged(value: Any) -> Any:
    if isinstance(value, list):
        return [_flagged(item) for item in value]
    if isinstance(value, dict):
        return {key: _flagged(item) for key, item in value.items()}
    return Flag(value) if isinstance(value, bool) else value


def _value_at(data: Any, path: KeyPath) -> Any:
    for step in path:
        if not has_item(data, step):
            return _ABSENT
        data = data[step]
    return data
