"""Rewrites the errors of pydantic in the terms of a config."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from querygen_core.config.options import keys_at
from querygen_core.secrets.secret import Secret
from querygen_core.strict_yaml.diagnostics import KeyPath, has_item, quoted
from querygen_core.strict_yaml.suggest import asking, closest, did_you_mean

NO_SECRET = "cannot be a secret; only text options of components accept ${secret:…}"  # noqa: S105 - a message

MISSING = "is required but missing"

_TEXT, _WHOLE, _NUMBER, _LIST = "text", "a whole number", "a number", "a list"
_MAPPING = "a mapping (`key: value`)"
_EXPECTED = {
    "string_type": _TEXT,
    "string_sub_type": _TEXT,
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_from_float": _WHOLE,
    "int_parsing_size": "a smaller number",
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "decimal_type": _NUMBER,
    "decimal_parsing": _NUMBER,
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "list_type": _LIST,
    "tuple_type": _LIST,
    "set_type": _LIST,
    "frozen_set_type": _LIST,
    "iterable_type": _LIST,
    "dict_type": _MAPPING,
    "mapping_type": _MAPPING,
    "model_type": _MAPPING,
    "model_attributes_type": _MAPPING,
    "dataclass_type": _MAPPING,
    "none_required": "empty",
    "path_type": "a path",
    "literal_error": "{expected}",
    "enum": "{expected}",
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    "multiple_of": "a multiple of {multiple_of}",
    "string_pattern_mismatch": "text that matches {pattern}",
}
_MESSAGES = {
    "missing": MISSING,
    "string_too_short": "should have at least {min_length} characters, not {length}",
    "string_too_long": "should have at most {max_length} characters, not {length}",
    "too_short": "should have at least {min_length} items, not {actual_length}",
    "too_long": "should have at most {max_length} items, not {actual_length}",
    "union_tag_not_found": "should have the key {discriminator}",
    "union_tag_invalid": "{discriminator} should be {expected_tags}",
    "value_error": "{error}",
    "assertion_error": "{error}",
}


@dataclass(frozen=True, slots=True)
class Flag:
    """`true` or `false` where a number is expected; pydantic would accept it as 1 or 0."""

    value: bool
    """The boolean as written."""

    def __str__(self) -> str:
        return str(self.value).lower()


@dataclass(frozen=True, slots=True)
class _Finding:
    """One error of pydantic."""

    path: KeyPath
    """Where in the data."""
    expected: str
    """What the value should be; empty if `message` is set."""
    message: str
    """A complete message; empty if `expected` is set."""
    value: Any
    """The value that is wrong."""
    in_union: bool
    """Whether the error comes from one alternative of a union."""
    meant: str | None = None
    """For an unknown key: the known key that was probably meant."""


def explain(
    error: ValidationError,
    data: Any,
    model: type[BaseModel],
    beside: frozenset[str],
    describe: Callable[[KeyPath, Any], str],
) -> Iterator[tuple[KeyPath, str, str | None]]:
    """Path, message, and the key that was probably meant if one is misspelt; one message for each path.

    beside: keys that are allowed beside those of `model`. describe: shows a value in a message without leaking secrets.
    """
    findings = [_finding(details, data, model, beside) for details in error.errors(include_url=False)]
    by_path: dict[KeyPath, list[_Finding]] = {}
    for finding in findings:
        if not (finding.in_union and _is_inside(finding.path, findings)):
            by_path.setdefault(finding.path, []).append(finding)
    for path, of_path in by_path.items():
        yield path, _message(of_path, describe), of_path[0].meant


def _finding(error: Mapping[str, Any], data: Any, model: type[BaseModel], beside: frozenset[str]) -> _Finding:
    kind, value, context = error["type"], error["input"], error.get("ctx", {})
    path = _path_in(data, error["loc"])
    in_union = len(path) < len(error["loc"])
    meant = None
    expected, message = _EXPECTED.get(kind, "").format(**context), ""
    if isinstance(value, Secret):
        expected, message = "", NO_SECRET
    elif kind == "missing":
        path, message = (*path, str(error["loc"][-1])), _MESSAGES[kind]
    elif kind == "extra_forbidden":
        key = str(path[-1])
        meant = closest(key, keys_at(model, path[:-1]) | (beside if len(path) == 1 else set()))
        message = f"unknown key {quoted(key)}{asking(meant) or '; remove it'}"
    elif kind in {"string_too_short", "too_short"} and context["min_length"] == 1:
        message = "should not be empty"
    elif kind in _MESSAGES:
        length = len(value) if isinstance(value, str) else 0
        message = _MESSAGES[kind].format(**{"length": length, **context})
    elif not expected:
        message = error["msg"].replace("Input should", "should", 1)
    return _Finding(path, expected, message, value, in_union, meant)


def _path_in(data: Any, loc: tuple[str | int, ...]) -> KeyPath:
    """The steps of `loc` that exist in `data`; the others are pydantic's names for the alternatives of a union."""
    path: KeyPath = ()
    for step in loc:
        if has_item(data, step):
            data = data[step]
            path = (*path, step)
    return path


def _is_inside(path: KeyPath, findings: list[_Finding]) -> bool:
    """Whether an error of another alternative lies deeper: that alternative is the one that was meant."""
    return any(len(other.path) > len(path) and other.path[: len(path)] == path for other in findings)


def _message(findings: list[_Finding], describe: Callable[[KeyPath, Any], str]) -> str:
    messages = list(dict.fromkeys(finding.message for finding in findings if finding.message))
    if messages:
        return "; ".join(messages)
    expected = list(dict.fromkeys(finding.expected for finding in findings))
    value = findings[0].value
    alternatives = f"{', '.join(expected[:-1])} or {expected[-1]}" if len(expected) > 1 else expected[0]
    if value is None:
        return f"should be {alternatives}, but is empty"
    message = f"should be {alternatives}, not {describe(findings[0].path, value)}"
    if _TEXT in expected and isinstance(value, Flag | bool | int | float):
        return f"{message}; put it in quotes if it is text"
    choices = [choice for text in expected for choice in text.split("'")[1::2]]
    return message + (did_you_mean(value, choices) if isinstance(value, str) and choices else "")
