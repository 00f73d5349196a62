"""From plain values to DynamoDB's, whatever text or number is in them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from querygen_core.api import mask

_DEEPEST = 20  # DynamoDB allows 32 levels
_DIGITS = 38
_SMALLEST, _LARGEST = Decimal("1E-130"), Decimal("9.9E125")
_NAMES = 500  # more in one map are cut as a whole
_LONGEST_NAME = 1000  # bytes


def attribute(value: Any, depth: int = 0) -> dict[str, Any]:
    """As DynamoDB's API has it. What it cannot hold is kept as text: NaN, infinities, huge numbers, deep nesting."""
    if value is None:
        return {"NULL": True}
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, int | float | Decimal):
        number = _number(value)
        return {"S": str(value)} if number is None else {"N": number}
    if isinstance(value, str):
        return {"S": storable(value)}
    if depth >= _DEEPEST:
        return {"S": storable(_json(value))}
    if isinstance(value, Mapping):
        return {"M": {storable(str(key)) or "(empty)": attribute(item, depth + 1) for key, item in value.items()}}
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return {"L": [attribute(item, depth + 1) for item in value]}
    return {"S": storable(str(value))}


def storable(text: str) -> str:
    """Masked, and lone surrogates, which UTF-8 does not have, written out."""
    return mask(text).encode("utf-8", "backslashreplace").decode()


def within(details: Mapping[str, Any], most: int) -> Mapping[str, Any]:
    """`details`, or what is left of them in `most` bytes of JSON, with a note under `cut`."""
    sizes = {key: _size(value) + _size(key) for key, value in details.items()}
    whole = sum(sizes.values())
    if whole <= most:
        return details
    note = f"the details were {whole} bytes and had to be cut"
    if len(sizes) > _NAMES or any(_size(key) > _LONGEST_NAME for key in details):
        return {"cut": note, "beginning": _beginning(details, most)}
    share = most // len(sizes) - _LONGEST_NAME // 4
    kept = {key: value if sizes[key] <= share else _beginning(value, share) for key, value in details.items()}
    return {**kept, "cut": note}


def _number(value: float | Decimal) -> str | None:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    exact = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    if not exact.is_finite() or len(exact.as_tuple().digits) > _DIGITS:
        return None
    return str(exact) if not exact or _SMALLEST <= abs(exact) <= _LARGEST else None


def _beginning(value: Any, most: int) -> str:
    text = storable(value if isinstance(value, str) else _json(value))
    return text.encode()[:most].decode("utf-8", "ignore") + "…"


def _size(value: Any) -> int:
    return len(storable(value if isinstance(value, str) else _json(value)).encode()) + 6


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
