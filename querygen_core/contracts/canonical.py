"""Canonical JSON and its hashes: equal values give equal keys in every process and version."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import PurePath
from typing import Any


def canonical_json(value: object) -> str:
    """JSON with sorted keys and no spaces, non-ASCII characters unescaped.

    Raises:
        ValueError: the value holds NaN or an infinity. TypeError: it holds something without a JSON form.
    """
    return json.dumps(plain(value), ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest(value: object) -> str:
    """SHA-256 of the canonical JSON, as 64 lower-case hex digits."""
    # Feeds contain lone surrogates; a product with one must get a key like any other.
    return hashlib.sha256(canonical_json(value).encode("utf-8", "surrogatepass")).hexdigest()


def digest_of_texts(texts: Sequence[str]) -> str:
    """SHA-256 of texts in their order, as 64 lower-case hex digits. Many times as fast as `digest` of the list."""
    joined, form = "\0".join(texts), str(len(texts))
    # A NUL within a text would make two different lists look alike, so such a list is hashed as JSON.
    if joined.count("\0") >= max(1, len(texts)):
        joined, form = canonical_json(texts), "json"
    return hashlib.sha256(f"{form}\n{joined}".encode("utf-8", "surrogatepass")).hexdigest()


# Nearly all values are of exactly one of these types, and looking that up is faster than `isinstance`.
_ATOMS = frozenset({str, int, float, bool, type(None)})


def plain(value: Any) -> Any:
    """A copy of `value` made of dict, list, str, int, float, bool and None only."""
    if type(value) in _ATOMS or isinstance(value, str | int | float):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, set | frozenset):
        return sorted(plain(item) for item in value)
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [plain(item) for item in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Decimal | PurePath):
        return str(value)
    if isinstance(value, date | datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no canonical JSON form")
