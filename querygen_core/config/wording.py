"""What pydantic found wrong, in the words of somebody who writes a config."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from querygen_core.config.options import keys_at
from querygen_core.problems import Trail, leads_on, quoted
from querygen_core.secrets import Secret
from querygen_core.suggest import asking, closest, hint

NO_SECRET = "cannot be a secret; only options that are made for secrets can"  # noqa: S105 - a message

MISSING = "is missing"

_TEXT, _WHOLE, _NUMBER, _LIST = "text", "a whole number", "a number", "a list"
_KEYS = "keys and values (`key: value`)"
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
    "dict_type": _KEYS,
    "mapping_type": _KEYS,
    "model_type": _KEYS,
    "model_attributes_type": _KEYS,
    "dataclass_type": _KEYS,
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
_SAID = {
    "missing": MISSING,
    "string_too_short": "should have at least {min_length} characters, not {length}",
    "string_too_long": "should have at most {max_length} characters, not {length}",
    "too_short": "should have at least {min_length} items, not {actual_length}",
    "too_long": "should have at most {max_length} items, not {actual_length}",
    "union_tag_not_found": "should say its {discriminator}",
    "union_tag_invalid": "{discriminator} should be {expected_tags}",
    "value_error": "{error}",
    "assertion_error": "{error}",
}


@dataclass(frozen=True, slots=True)
class Flag:
    """`true` or `false` where a number belongs: pydantic would take it for 1 or 0."""

    value: bool

    def __str__(self) -> str:
        return str(self.value).lower()


@dataclass(frozen=True, slots=True)
class _Finding:
    """expected: what should be there instead. said: a whole message. in_union: of one alternative among several.
    meant: the key that this one was probably meant to be.
    """

    trail: Trail
    expected: str
    said: str
    given: Any
    in_union: bool
    meant: str | None = None


def explain(
    error: ValidationError,
    data: Any,
    model: type[BaseModel],
    beside: frozenset[str],
    describe: Callable[[Trail, Any], str],
) -> Iterator[tuple[Trail, str, str | None]]:
    """Where in `data`, what, and the key that was meant if one is misspelt; one message a place.

    beside: keys that are allowed beside those of `model`. describe: a value at a place, as a message may show it.
    """
    findings = [_finding(found, data, model, beside) for found in error.errors(include_url=False)]
    by_trail: dict[Trail, list[_Finding]] = {}
    for finding in findings:
        if not (finding.in_union and _is_inside(finding.trail, findings)):
            by_trail.setdefault(finding.trail, []).append(finding)
    for trail, found in by_trail.items():
        yield trail, _message(found, describe), found[0].meant


def _finding(error: Mapping[str, Any], data: Any, model: type[BaseModel], beside: frozenset[str]) -> _Finding:
    kind, given, context = error["type"], error["input"], error.get("ctx", {})
    trail = _trail_in(data, error["loc"])
    in_union = len(trail) < len(error["loc"])
    meant = None
    expected, said = _EXPECTED.get(kind, "").format(**context), ""
    if isinstance(given, Secret):
        expected, said = "", NO_SECRET
    elif kind == "missing":
        trail, said = (*trail, str(error["loc"][-1])), _SAID[kind]
    elif kind == "extra_forbidden":
        key = str(trail[-1])
        meant = closest(key, keys_at(model, trail[:-1]) | (beside if len(trail) == 1 else set()))
        said = f"unknown key {quoted(key)}{asking(meant)}"
    elif kind in {"string_too_short", "too_short"} and context["min_length"] == 1:
        said = "should not be empty"
    elif kind in _SAID:
        length = len(given) if isinstance(given, str) else 0
        said = _SAID[kind].format(**{"length": length, **context})
    elif not expected:
        said = error["msg"].replace("Input should", "should", 1)
    return _Finding(trail, expected, said, given, in_union, meant)


def _trail_in(data: Any, loc: tuple[str | int, ...]) -> Trail:
    """The steps of `loc` that lead through `data`; the others name alternatives of a union."""
    trail: Trail = ()
    for step in loc:
        if leads_on(data, step):
            data = data[step]
            trail = (*trail, step)
    return trail


def _is_inside(trail: Trail, findings: list[_Finding]) -> bool:
    """Whether another alternative got deeper, so that it is the one that was meant."""
    return any(len(other.trail) > len(trail) and other.trail[: len(trail)] == trail for other in findings)


def _message(found: list[_Finding], describe: Callable[[Trail, Any], str]) -> str:
    said = list(dict.fromkeys(finding.said for finding in found if finding.said))
    if said:
        return "; ".join(said)
    expected = list(dict.fromkeys(finding.expected for finding in found))
    given = found[0].given
    alternatives = f"{', '.join(expected[:-1])} or {expected[-1]}" if len(expected) > 1 else expected[0]
    if given is None:
        return f"should be {alternatives}, but is empty"
    message = f"should be {alternatives}, not {describe(found[0].trail, given)}"
    if _TEXT in expected and isinstance(given, Flag | bool | int | float):
        return f"{message}; put it in quotes if it is text"
    choices = [choice for text in expected for choice in text.split("'")[1::2]]
    return message + (hint(given, choices) if isinstance(given, str) and choices else "")
