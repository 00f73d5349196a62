"""Conversion of JSON-like values to DynamoDB attributes, within DynamoDB's limits."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from querygen_core.api import mask

_MAX_DEPTH = 20  # DynamoDB allows 32 levels, of which the item itself takes some
_MAX_DIGITS = 38
_MIN_NUMBER, _MAX_NUMBER = Decimal("1E-130"), Decimal("9.9E125")
_MAX_KEYS = 500  # a map with more is cut as a whole, since an equal share of the space would hold nothing
_MAX_KEY_BYTES = 1000


def to_attribute(value: Any, depth: int = 0) -> dict[str, Any]:
    """Return `value` in DynamoDB's wire format, such as `{"N": "1"}`.

    What DynamoDB cannot hold becomes text: NaN, infinities, numbers of more than 38 digits, nesting deeper than 20.
    """
    if value is None:
        return {"NULL": True}
    if isinstance(value, bool):  # before numbers, because bool is a subclass of int
        return {"BOOL": value}
    if isinstance(value, int | float | Decimal):
        number = _number(value)
        return {"S": str(value)} if number is None else {"N": number}
    if isinstance(value, str):
        return {"S": sanitise(value)}
    if depth >= _MAX_DEPTH:
        return {"S": sanitise(_json(value))}
    if isinstance(value, Mapping):
        # DynamoDB refuses an empty name in a map.
        return {"M": {sanitise(str(key)) or "(empty)": to_attribute(item, depth + 1) for key, item in value.items()}}
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return {"L": [to_attribute(item, depth + 1) for item in value]}
    return {"S": sanitise(str(value))}


def sanitise(text: str) -> str:
    """Mask secrets in `text`, and escape lone surrogates, which UTF-8 cannot encode."""
    return mask(text).encode("utf-8", "backslashreplace").decode()


def truncate(details: Mapping[str, Any], max_bytes: int) -> Mapping[str, Any]:
    """Return `details` if they fit into `max_bytes` of JSON; otherwise shorten them and say so under `cut`."""
    sizes = {key: _size(value) + _size(key) for key, value in details.items()}
    total = sum(sizes.values())
    if total <= max_bytes:
        return details
    note = f"the details were {total} bytes and had to be cut"
    if len(sizes) > _MAX_KEYS or any(_size(key) > _MAX_KEY_BYTES for key in details):
        return {"cut": note, "beginning": _beginning(details, max_bytes)}
    share = max_bytes // len(sizes) - _MAX_KEY_BYTES // 4
    shortened = {key: value if sizes[key] <= share else _beginning(value, share) for key, value in details.items()}
    return {**shortened, "cut": note}


def _number(value: float | Decimal) -> str | None:
    """Return DynamoDB's text for a number, or None if it is out of range."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    # `repr` gives the shortest decimal; Decimal(0.1) would have 55 digits, more than DynamoDB allows.
    exact = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    if not exact.is_finite() or len(exact.as_tuple().digits) > _MAX_DIGITS:
        return None
    return str(exact) if not exact or _MIN_NUMBER <= abs(exact) <= _MAX_NUMBER else None


def _beginning(value: Any, max_bytes: int) -> str:
    text = sanitise(value if isinstance(value, str) else _json(value))
    return text.encode()[:max_bytes].decode("utf-8", "ignore") + "…"


def _size(value: Any) -> int:
    """Return the bytes of `value` as JSON, with a few more for quotes, colon and comma."""
    return len(sanitise(value if isinstance(value, str) else _json(value)).encode()) + 6


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
