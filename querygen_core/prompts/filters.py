"""Filters and tests for templates: those of Jinja that are harmless, with their work counted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import wraps
from typing import Any

from jinja2.filters import FILTERS
from jinja2.tests import TESTS

from querygen_core.prompts.rendering import current
from querygen_core.prompts.untrusted import encode, untrusted

_FILTERS = (
    "abs",
    "count",
    "d",
    "default",
    "dictsort",
    "first",
    "float",
    "int",
    "items",
    "last",
    "length",
    "list",
    "lower",
    "map",
    "reject",
    "rejectattr",
    "select",
    "selectattr",
    "sort",
    "title",
    "trim",
    "truncate",
    "unique",
    "upper",
)
_TESTS = (
    "==",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
    "eq",
    "equalto",
    "ne",
    "lt",
    "lessthan",
    "le",
    "gt",
    "greaterthan",
    "ge",
    "in",
    "boolean",
    "defined",
    "divisibleby",
    "even",
    "false",
    "float",
    "integer",
    "iterable",
    "lower",
    "mapping",
    "none",
    "number",
    "odd",
    "sequence",
    "string",
    "true",
    "undefined",
    "upper",
)
_JINJA: Mapping[str, Callable[..., Any]] = FILTERS
_JINJA_TESTS: Mapping[str, Callable[..., Any]] = TESTS  # type: ignore[assignment]  # it says `function`
_PRINTED = (str, int, float)
_NOT_PRINTED = (list, tuple, dict, Iterator)
_WIDEST = 100  # columns of `indent`, items of `batch`: their argument sets how much text they make
_MOST_DIGITS = 15  # a float has no more


def metered(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make `function` a filter whose argument and result count as work."""
    value_index = 1 if hasattr(function, "jinja_pass_arg") else 0

    @wraps(function)
    def run(*args: Any, **options: Any) -> Any:
        rendering = current.get()
        rendering.step()
        rendering.charge(args[value_index])
        result = function(*args, **options)
        if not isinstance(result, str) and isinstance(result, Iterator):
            return rendering.each(result)
        rendering.charge(result)
        return result

    return run


def metered_test(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make `function` a test whose arguments count as work: it may compare or hash them."""

    @wraps(function)
    def run(*args: Any) -> Any:
        current.get().step()
        for value in args:
            current.get().compare(value)
        return function(*args)

    return run


def read(value: Any) -> Any:
    """Count the work of comparing a value."""
    current.get().compare(value)
    return value


def printable(value: object) -> object:
    """Return what `{{ … }}` prints: text and numbers unchanged, nothing for None.

    Raises:
        TypeError: a list or mapping, which Python would print in its own notation.
    """
    if value is None:
        return ""
    if not isinstance(value, _PRINTED) and isinstance(value, _NOT_PRINTED):
        raise TypeError(f"a {type(value).__name__} cannot be printed as it is: use join, tojson or untrusted")
    return value


def concat(parts: Iterable[str]) -> str:
    """Join the buffered output of a macro or `set` block."""
    texts = list(parts)
    current.get().write(sum(map(len, texts)))
    return "".join(texts)


def join(value: Iterable[Any], separator: str = "") -> str:
    texts = [str(printable(item)) for item in current.get().each(value)]
    current.get().write(sum(map(len, texts)) + len(separator) * len(texts))
    return separator.join(texts)


def replace(value: str, old: str, new: str, count: int = -1) -> str:
    occurrences = value.count(old)
    current.get().write(len(value) + occurrences * len(new))
    return value.replace(old, new, count)


def indent(value: str, width: int = 4, first: bool = False, blank: bool = False) -> str:
    return str(FILTERS["indent"](value, _at_most(width, _WIDEST, "indent"), first, blank))


def batch(value: Iterable[Any], size: int, fill_with: Any = None) -> Iterator[list[Any]]:
    return FILTERS["batch"](value, _at_most(size, _WIDEST, "batch"), fill_with)  # type: ignore[no-any-return]


def round_number(value: float, digits: int = 0, method: str = "common") -> float:
    return float(FILTERS["round"](value, _at_most(digits, _MOST_DIGITS, "round"), method))


def total(value: Iterable[float]) -> float:
    return sum(value)


def string(value: Any) -> str:
    return str(printable(value))


def tojson(value: Any) -> str:
    return encode(value, lines=False)


def limited_range(*bounds: int) -> range:
    numbers = range(*bounds)
    current.get().step(len(numbers))
    return numbers


def _at_most(number: int, limit: int, name: str) -> int:
    if abs(number) > limit:
        raise ValueError(f"{name}: {number!r} is more than {limit}")
    return number


FILTER_TABLE: dict[str, Callable[..., Any]] = {
    **{name: metered(_JINJA[name]) for name in _FILTERS},
    "batch": metered(batch),
    "indent": metered(indent),
    "join": metered(join),
    "replace": metered(replace),
    "round": metered(round_number),
    "string": metered(string),
    "sum": metered(total),
    "tojson": metered(tojson),
    "untrusted": metered(untrusted),
}
TEST_TABLE: dict[str, Callable[..., Any]] = {name: metered_test(_JINJA_TESTS[name]) for name in _TESTS}
