"""One pass over a config's values that collects problems instead of stopping at the first."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from decimal import Decimal
from functools import partial
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from querygen_core.config.options import leaves, number_fields, secret_fields
from querygen_core.config.wording import MISSING, NO_SECRET, Flag, explain
from querygen_core.declarations import Kind, Registered, cause_of
from querygen_core.errors import PluginError
from querygen_core.interpolation import Filling, pieces
from querygen_core.masking import MASK, mask
from querygen_core.problems import Problem, Trail, leads_on, lines, quoted
from querygen_core.registry import Registry
from querygen_core.secrets import Secret
from querygen_core.source import Source

M = TypeVar("M", bound=BaseModel)

_ABSENT = object()
_log = logging.getLogger("querygen.config")


class Reading:
    """What is known of a config while it is read. What follows from a problem that is known already is not told.

    meant: where a key is missing only because it is misspelt.
    """

    def __init__(self, source: Source, filling: Filling, registry: Registry) -> None:
        self.meant: set[Trail] = set()
        self.data = filling.data
        self._source = source
        self._problems: list[Problem] = [*source.problems, *filling.problems]
        self._filled = filling.filled
        self._registry = registry
        self._unusable = source.unusable | {problem.trail for problem in filling.problems}
        for trail, reference in filling.references:
            self.find("secret", reference.use, trail)

    @property
    def problems(self) -> list[Problem]:
        return [found for found in self._problems if found.trail not in self.meant or found.message != MISSING]

    def add(self, trail: Trail, message: str) -> None:
        if not any(trail[:length] in self._unusable for length in range(len(trail) + 1)):
            self._problems.append(self._source.problem(trail, message))

    def mapping(self, section: str) -> dict[str, Any]:
        """The section, or nothing if it is not there or something else than a mapping."""
        given = self.data.get(section)
        return given if isinstance(given, dict) else {}

    def text_at(self, trail: Trail) -> Any:
        """What stands there in the file, before anything was filled in."""
        text = _dig(self._source.data, trail)
        return None if text is _ABSENT else text

    def find(self, kind: Kind, use: str, trail: Trail) -> Registered | None:
        try:
            return self._registry.component(kind, use)
        except PluginError as exc:
            self.add(trail, str(exc))
            return None

    def validate(
        self, model: type[M], data: Mapping[str, Any], trail: Trail, beside: frozenset[str] = frozenset()
    ) -> M | None:
        """`data` as a `model`, or None and problems. beside: keys that are allowed there but not the model's."""
        try:
            return model.model_validate(data)
        except ValidationError as exc:
            for inner, message, meant in explain(exc, data, model, beside, partial(self._describe, trail)):
                self.add((*trail, *inner), message)
                if meant:
                    self.meant.add((*trail, *inner[:-1], meant))
        except Exception as exc:  # noqa: BLE001 - a plugin's own validator
            self.add(trail, f"could not be checked: {cause_of(exc)}")
        return None

    def read(
        self, model: type[M], data: Mapping[str, Any], trail: Trail, beside: frozenset[str] = frozenset()
    ) -> M | None:
        """Like `validate`, and strict where pydantic is not: true is no number, a secret goes only where one may."""
        numbers = number_fields(model)
        data = {key: _flagged(value) if key in numbers else value for key, value in data.items()}
        found = self.validate(model, data, trail, beside)
        if found is None:
            return None
        known = len(self._problems)
        for inner, value in leaves(found):
            given = _dig(data, inner)
            at = (*trail, *inner)
            if isinstance(value, Secret):
                self._check_secret(value, given, at, allowed=inner[0] in secret_fields(model))
            elif isinstance(given, bool) and isinstance(value, int | float | Decimal) and not isinstance(value, bool):
                self.add(at, f"should be a number, not {self._describe(trail, inner, given)}")
            elif given is not _ABSENT and isinstance(value, float) and not math.isfinite(value):
                self.add(at, f"should be a finite number, not {self._describe(trail, inner, given)}")
        return found if len(self._problems) == known else None

    def _check_secret(self, secret: Secret, given: object, trail: Trail, *, allowed: bool) -> None:
        if not allowed:
            self.add(trail, NO_SECRET)
        elif trail in self._filled and not _holds_secret(self._filled[trail]):
            secret.reference = self._filled[trail]
        elif given == MASK:
            self.add(trail, "its value is not known: it was written in plain; write ${secret:env:NAME}")
        elif given is not _ABSENT:
            secret.reference = MASK
            message = "a secret is written in plain here; write ${secret:env:NAME} and set the variable"
            _log.warning("%s", *lines([self._source.problem(trail, message)]))

    def _describe(self, around: Trail, inner: Trail, value: object) -> str:
        """A value as a message may show it: never what came from the environment."""
        trail = (*around, *inner)
        if trail in self._filled:
            return f"what {quoted(self._filled[trail])} holds"
        if trail in self._source.written:
            return self._source.written[trail]
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, list | dict):
            return "a list" if isinstance(value, list) else "keys and values"
        return quoted(value) if isinstance(value, str) else str(value)


def _holds_secret(text: str) -> bool:
    """Whether, beside its `${…}`, a text has something that looks like a password or key."""
    literal = "".join(piece for piece in pieces(text) if isinstance(piece, str))
    return mask(literal) != literal


def _flagged(value: Any) -> Any:
    if isinstance(value, list):
        return [_flagged(item) for item in value]
    if isinstance(value, dict):
        return {key: _flagged(item) for key, item in value.items()}
    return Flag(value) if isinstance(value, bool) else value


def _dig(data: Any, trail: Trail) -> Any:
    for step in trail:
        if not leads_on(data, step):
            return _ABSENT
        data = data[step]
    return data
