"""The front matter of a prompt file: YAML between two lines of `---` at its top."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from querygen_core.contracts.records import VOLATILE
from querygen_core.prompts.json_schema import schema_problems
from querygen_core.strict_yaml.diagnostics import Problem, quoted
from querygen_core.strict_yaml.source import Source, parse
from querygen_core.strict_yaml.suggest import did_you_mean

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
"""JSON Schema of the answer, where a prompt has no `output`. Part of the keys of such prompts' requests."""

PLAN = "plan"
"""`output: plan`: one array of questions per sub_type of the plan."""

_KEYS = ("name", "description", "inputs", "volatile", "plan", "output", "labels", "examples", "model")
_NO_LABELS = frozenset({"text", "sub_type"})
_RESERVED = ("questions", "short")  # of the answer itself; labels are named beside `text`
_INPUT_KEYS = ("description", "default")
_OPENING = re.compile(r"---[ \t]*\n")
_FRONT_MATTER = re.compile(r"---[ \t]*\n(.*?)^---[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class FrontMatter:
    name: str = ""
    """Name of the prompt; "" for the file's own."""
    description: str = ""
    """For people."""
    inputs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Input → its `description` and `default`; without a default the config must set it."""
    volatile: frozenset[str] = frozenset()
    """Fields that change while the product stays the same (price, stock) and that the prompt wants to see."""
    plan: Mapping[str, float] = field(default_factory=dict)
    """Sub-type → weight: how the wanted number of questions is divided."""
    output: Mapping[str, Any] = field(default_factory=lambda: QUESTIONS)
    """JSON Schema of the answer."""
    examples: tuple[str, ...] = ()
    """Names that only the prompt's style examples have; a question that contains one is not about the product."""
    model: Mapping[str, Any] = field(default_factory=dict)
    """Parameters that suit the prompt, such as `temperature`; the config's own win."""


def plan_schema(sub_types: Sequence[str], labels: Sequence[str] = ()) -> dict[str, Any]:
    """JSON Schema with one array of questions per sub_type, as texts, or as objects with labels if there are any.

    It names no numbers, so that the schema is the same in every round. `short`: why there are fewer than asked for.
    """
    question: dict[str, Any] = {"type": "string"}
    if labels:
        properties = {name: {"type": "string"} for name in ("text", *labels)}
        question = {
            "type": "object",
            "properties": properties,
            "required": list(properties),
            "additionalProperties": False,
        }
    return {
        "type": "object",
        "properties": {
            **{name: {"type": "array", "items": question} for name in sub_types},
            "short": {"type": "string"},
        },
        "required": list(sub_types),
        "additionalProperties": False,
    }


def split(text: str) -> tuple[str, str]:
    """Front matter and body. A comment as long as the front matter stands in front of the body, so line numbers stay.

    Raises:
        ValueError: the front matter has no end.
    """
    front_matter = _FRONT_MATTER.match(text)
    if not front_matter and _OPENING.match(text):
        raise ValueError("the front matter is not closed: a line `---` should end it")
    if not front_matter:
        return "", text
    padding = "\n" * (front_matter[0].count("\n") - 1)
    return front_matter[1], "{#" + padding + "#}\n" + text[front_matter.end() :]


def read_front_matter(text: str, file: str) -> tuple[FrontMatter, list[Problem]]:
    """The front matter, and every problem in it; what has a problem has its default.

    Raises:
        ConfigError: it is not YAML.
    """
    if not text.strip():
        return FrontMatter(), []
    source = parse(text, file, first_line=2)
    reader = _Reader(source)
    return reader.front_matter(), [*source.problems, *reader.problems]


class _Reader:
    """Reads key by key; a wrong value becomes a problem, and its default is used."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.problems: list[Problem] = []

    def front_matter(self) -> FrontMatter:
        self._check_keys((), self._source.data, _KEYS)
        return FrontMatter(
            name=self._get("name", str, "", "text"),
            description=self._get("description", str, "", "text"),
            inputs=self._inputs(),
            volatile=self._volatile(),
            plan=self._plan(),
            output=self._output(),
            examples=tuple(self._names("examples", "names in the prompt's style examples")),
            model=self._model(),
        )

    def _inputs(self) -> Mapping[str, Mapping[str, Any]]:
        inputs = self._get("inputs", dict, {}, "input names with their `description` and `default`")
        for name, declared in inputs.items():
            if not name.isidentifier():
                self._wrong(("inputs", name), f"{quoted(name)} is not a name that a template can use")
            if isinstance(declared, dict):
                self._check_keys(("inputs", name), declared, _INPUT_KEYS)
            else:
                self._wrong(("inputs", name), "should have a `description`, and a `default` unless it is required")
        return {name: declared for name, declared in inputs.items() if isinstance(declared, dict)}

    def _volatile(self) -> frozenset[str]:
        names = self._get("volatile", list, [], "a list of product fields")
        for index, name in enumerate(names):
            if name not in VOLATILE:
                known = ", ".join(VOLATILE)
                near = did_you_mean(str(name), VOLATILE)
                self._wrong(("volatile", index), f"{name!r} is not a volatile field ({known}){near}")
        return frozenset(VOLATILE).intersection(str(name) for name in names)

    def _plan(self) -> Mapping[str, float]:
        plan = self._get("plan", dict, {}, "sub-types with their weights")
        valid = {name: weight for name, weight in plan.items() if _is_number(weight) and weight > 0}
        for name in plan.keys() - valid.keys():
            self._wrong(("plan", name), f"its weight should be a number above 0, not {plan[name]!r}")
        return valid

    def _output(self) -> Mapping[str, Any]:
        labels = list(self._names("labels", "names of labels"))
        for name in _NO_LABELS & set(labels):
            self._wrong(("labels", labels.index(name)), f"{name!r} cannot be a label: every question has it anyway")
        if self._source.data.get("output") != PLAN:
            if labels:
                self._wrong(("labels",), "are for `output: plan`; in a JSON Schema of your own they are properties")
            return self._own_schema()
        plan = self._source.data.get("plan")
        names = [name for name in plan if isinstance(name, str)] if isinstance(plan, dict) else []
        if not names:
            self._wrong(("output",), "`plan` needs sub-types with their weights under `plan:`")
        for name in names:
            if name in _RESERVED:
                self._wrong(("plan", name), f"{name!r} cannot be a sub-type: answers use this name")
        return plan_schema(names, labels)

    def _own_schema(self) -> Mapping[str, Any]:
        schema: Mapping[str, Any] = self._get("output", dict, QUESTIONS, "a JSON Schema, or `plan`")
        if schema is not QUESTIONS:
            for path, message in schema_problems(schema):
                self._wrong(("output", *path), f"is no valid JSON Schema: {message}")
        return schema

    def _names(self, key: str, what: str) -> Iterator[str]:
        for index, name in enumerate(self._get(key, list, [], f"a list of {what}")):
            if isinstance(name, str) and name.strip():
                yield name
            else:
                self._wrong((key, index), "should be a name")

    def _model(self) -> Mapping[str, Any]:
        hints = self._get("model", dict, {}, "hints for the model, such as `temperature`")
        valid = {name: value for name, value in hints.items() if isinstance(value, str | int | float)}
        for name in hints.keys() - valid.keys():
            self._wrong(("model", name), "should be one word or number")
        return valid

    def _get(self, key: str, kind: type, default: Any, expected: str) -> Any:
        value = self._source.data.get(key, default)
        if isinstance(value, kind):
            return value
        if (key,) not in self._source.unusable:
            self._wrong((key,), f"should be {expected}, not {'nothing' if value is None else quoted(str(value))}")
        return default

    def _check_keys(self, path: tuple[str, ...], mapping: Mapping[str, Any], known: Collection[str]) -> None:
        for key in mapping:
            if key not in known:
                near = did_you_mean(key, known) or f" (known: {', '.join(known)})"
                self._wrong((*path, key), f"unknown key {quoted(key)}{near}")

    def _wrong(self, path: tuple[str | int, ...], message: str) -> None:
        self.problems.append(self._source.problem(path, message))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
