"""What the values of rows without a checksum look like, so that a flipped bit is not taken for money or for a name."""

from __future__ import annotations

import math
import re
import sqlite3
from collections.abc import Callable, Mapping
from typing import Any

from querygen_core.contracts.errors import JournalError
from querygen_core.journal.failures import SALVAGE

_MOST = 1e12
"""No run makes so many calls, reads so many tokens or spends so many USD on a day."""


def _is_count(value: object) -> bool:
    return isinstance(value, int) and 0 <= value < _MOST


def _is_amount(value: object) -> bool:
    return isinstance(value, float) and math.isfinite(value) and 0 <= value < _MOST


def _like(pattern: str) -> Callable[[object], bool]:
    compiled = re.compile(pattern, re.ASCII)
    return lambda value: isinstance(value, str) and compiled.fullmatch(value) is not None


def _is_text(value: object) -> bool:
    return (
        isinstance(value, str) and "\N{REPLACEMENT CHARACTER}" not in value
    )  # what bytes that are no text are read as


_TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"

_CHECKS: Mapping[str, Callable[[object], bool]] = {
    "job": _is_text,
    "key": _is_text,
    "run": _is_count,
    "number": _is_count,
    "calls": _is_count,
    "tokens": _is_count,
    "extra": _is_count,
    "cost": _is_amount,
    "shard": _like(r"\d+/[1-9]\d*"),
    "day": _like(r"\d{4}-\d\d-\d\d"),
    "time": _like(_TIME),
    "until": _like(_TIME),
    "owner": _like(r"\S+ \d+ \d*"),
    "state": _like("open|abandoned|lost|noted"),
}
"""By column, of the tables `calls`, `grants`, `noted`, `noted_calls` and `spent`, and of sums of them."""


def is_sound(row: Mapping[str, Any]) -> bool:
    """Whether each value of a row, or of sums of rows, can have been written as it is."""
    return all(name not in _CHECKS or _CHECKS[name](value) for name, value in row.items())


def sound(row: sqlite3.Row, what: str) -> sqlite3.Row:
    """The row itself. what: it tells, for the message.

    Raises:
        JournalError: it is damaged.
    """
    if not is_sound(dict(row)):
        raise JournalError(f"answers: {what} is damaged; {SALVAGE}", kind="unusable")
    return row
