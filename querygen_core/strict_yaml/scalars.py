"""Resolves unquoted YAML scalars by the core schema of YAML 1.2.

YAML 1.1, which PyYAML follows, turns `NO` into false, `22:22` into 1342, `1e3` into text and dates into objects.
"""

from __future__ import annotations

import math
import re

Scalar = str | int | float | bool | None

_CONSTANTS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_DECIMAL = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_LONGEST_NUMBER = 100


def resolve(text: str) -> Scalar:
    """The value of an unquoted scalar.

    Raises:
        ValueError: it is a number that is too large or not finite; the message says so.
    """
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _NOT_FINITE.fullmatch(text):
        raise ValueError(f"{text} is not a finite number; quote it if it is text")
    whole = _DECIMAL.fullmatch(text)
    if whole or _BASED.fullmatch(text) or _FLOAT.fullmatch(text):
        if len(text) > _LONGEST_NUMBER:
            raise ValueError(f"a number of {len(text)} digits is too long; quote it if it is text")
        number = int(text) if whole else _fraction(text)
        if not math.isfinite(number):
            raise ValueError(f"{text} is too large; quote it if it is text")
        return number
    return text


def _fraction(text: str) -> int | float:
    return int(text, 0) if text[:2] in {"0o", "0x"} else float(text)
