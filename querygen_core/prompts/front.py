"""The front matter of a prompt: what the file says about itself, before its text."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from querygen_core.problems import Problem, quoted
from querygen_core.records import VOLATILE
from querygen_core.source import Source, parse
from querygen_core.suggest import hint

QUESTIONS: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "questions": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"text": {"type": "string"}, "sub_type": {"type": "string"}},
                "required": ["text", "sub_type"],
            },
        }
    },
    "required": ["questions"],
}
"""The answer that a prompt wants if it does not say otherwise."""

_KEYS = ("name", "description", "inputs", "volatile", "plan", "output", "model")
_INPUT_KEYS = ("description", "default")
_OPENED = re.compile(r"---[ \t]*\n")
_FRONT = re.compile(r"---[ \t]*\n(.*?)^---[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Front:
    """inputs: name → default, absent if the input must be given. plan: sub_type → weight. output: a JSON Schema."""

    name: str = ""
    description: str = ""
    inputs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    volatile: frozenset[str] = frozenset()
    plan: Mapping[str, float] = field(default_factory=dict)
    output: Mapping[str, Any] = field(default_factory=lambda: QUESTIONS)
    model: Mapping[str, Any] = field(default_factory=dict)


def split(text: str) -> tuple[str, str]:
    """(front matter, body); the body keeps its line numbers by a comment as long as the front matter.

    Raises:
        ValueError: the front matter has no end.
    """
    found = _FRONT.match(text)
    if not found and _OPENED.match(text):
        raise ValueError("the front matter is not closed: a line `---` should end it")
    if not found:
        return "", text
    return found[1], "{#" + "\n" * (found[0].count("\n") - 1) + "#}\n" + text[found.end() :]


def read_front(text: str, file: str) -> tuple[Front, list[Problem]]:
    """What the front matter says, with every problem in it.

    Raises:
        ConfigError: it is no YAML.
    """
    if not text.strip():
        return Front(), []
    source = parse(text, file, first_line=2)
    reader = _Reader(source)
    return reader.front(), [*source.problems, *reader.problems]


class _Reader:
    """Reads one key after the other; what is wrong becomes a problem and the default."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.problems: list[Problem] = []

    def front(self) -> Front:
        self._check_keys((), self._source.data, _KEYS)
        return Front(
            name=self._get("name", str, "", "text"),
            description=self._get("description", str, "", "text"),
            inputs=self._inputs(),
            volatile=self._volatile(),
            plan=self._plan(),
            output=self._get("output", dict, QUESTIONS, "a JSON Schema"),
            model=self._model(),
        )

    def _inputs(self) -> Mapping[str, Mapping[str, Any]]:
        inputs = self._get("inputs", dict, {}, "input names with their `description` and `default`")
        for name, declared in inputs.items():
            if not name.isidentifier():
                self._wrong(("inputs", name), f"{quoted(name)} is no name that a template can use")
            if isinstance(declared, dict):
                self._check_keys(("inputs", name), declared, _INPUT_KEYS)
            else:
                self._wrong(("inputs", name), "should have a `description`, and a `default` unless it must be given")
        return {name: declared for name, declared in inputs.items() if isinstance(declared, dict)}

    def _volatile(self) -> frozenset[str]:
        names = self._get("volatile", list, [], "a list of product fields")
        for index, name in enumerate(names):
            if name not in VOLATILE:
                known = ", ".join(VOLATILE)
                near = hint(str(name), VOLATILE)
                self._wrong(("volatile", index), f"{name!r} is not a volatile field ({known}){near}")
        return frozenset(VOLATILE).intersection(str(name) for name in names)

    def _plan(self) -> Mapping[str, float]:
        plan = self._get("plan", dict, {}, "sub-types with their weights")
        good = {name: weight for name, weight in plan.items() if _is_number(weight) and weight > 0}
        for name in plan.keys() - good.keys():
            self._wrong(("plan", name), f"its weight should be a number above 0, not {plan[name]!r}")
        return good

    def _model(self) -> Mapping[str, Any]:
        hints = self._get("model", dict, {}, "hints for the model, such as `temperature`")
        good = {name: value for name, value in hints.items() if isinstance(value, str | int | float)}
        for name in hints.keys() - good.keys():
            self._wrong(("model", name), "should be one word or number")
        return good

    def _get(self, key: str, kind: type, default: Any, should: str) -> Any:
        value = self._source.data.get(key, default)
        if isinstance(value, kind):
            return value
        if (key,) not in self._source.unusable:
            self._wrong((key,), f"should be {should}, not {'nothing' if value is None else quoted(str(value))}")
        return default

    def _check_keys(self, trail: tuple[str, ...], found: Mapping[str, Any], known: Collection[str]) -> None:
        for key in found:
            if key not in known:
                near = hint(key, known) or f" (known: {', '.join(known)})"
                self._wrong((*trail, key), f"unknown key {quoted(key)}{near}")

    def _wrong(self, trail: tuple[str | int, ...], message: str) -> None:
        self.problems.append(self._source.problem(trail, message))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
