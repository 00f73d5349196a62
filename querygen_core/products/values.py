"""Reads JSON values as the text or list that a shop means by them."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

_WHOLE = 1e15  # floats beyond it are not exact
LONGEST_INT = 256  # bits; printing a huge one takes quadratic time, or is refused
_DEEPEST = 8  # levels of nesting; deeper values are ignored
_TEXT_KEYS = (
    "@value",
    "#text",
    "value",
    "name",
    "text",
    "content",
    "title",
    "label",
    "stringValue",
    "$oid",
    "audienceType",
    "displayName",
    "values",
)
_UNIT_CODES = {
    "KGM": "kg",
    "GRM": "g",
    "MGM": "mg",
    "LBR": "lb",
    "ONZ": "oz",
    "MTR": "m",
    "CMT": "cm",
    "MMT": "mm",
    "INH": "in",
    "FOT": "ft",
    "LTR": "l",
    "MLT": "ml",
    "WTT": "W",
    "VLT": "V",
    "HUR": "h",
    "MIN": "min",
    "CEL": "°C",
}
"""Unit codes of UN/CEFACT, which schema.org uses."""

UNIT_KEYS = ("unit", "unitText", "unit_text", "unitCode", "unit_code", "units", "uom")


def as_text(value: Any, locale: str = "en", depth: int = 0) -> str:
    """The text of a string, a number, `{"name": …}`, `{"value": 4, "unit": "in"}`, `{"en": …, "de": …}`.

    Of a list, the first text. "" for everything else, truth values included. locale: which of several languages.
    """
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, bool | bytes) or depth > _DEEPEST:
        return ""
    if isinstance(value, int | float):
        return _number_text(value)
    if isinstance(value, dict):
        return _mapping_text(value, locale, depth)
    if isinstance(value, (list, tuple)):
        return next(filter(None, (as_text(item, locale, depth + 1) for item in value)), "")
    return str(value)  # dates, decimals, UUIDs of a database row


def as_list(value: Any, locale: str = "en") -> list[Any]:
    """The members of a list, of `{"itemListElement": […]}` or of a string that holds a JSON list; else the value."""
    value = parsed(value)
    if isinstance(value, dict) and isinstance(value.get("itemListElement"), list):
        value = value["itemListElement"]
    if isinstance(value, dict) and not as_text(value, locale):
        return list(value.values())
    return list(value) if isinstance(value, (list, tuple)) else [value]


def as_texts(value: Any, separators: str, locale: str = "en") -> Iterator[str]:
    """The texts of a list; a string is split at the first of `separators` that it holds."""
    for item in as_list(value, locale):
        text = as_text(item, locale)
        if text[:1] == '"' and '","' in text:  # as Merchant feeds write lists
            yield from text.strip('"').split('","')
            continue
        separator = next((char for char in separators if char in text), None)
        yield from text.split(separator) if separator else (text,)


def parsed(value: Any) -> Any:
    """The value of a cell that holds JSON (or a Ruby hash, which scraped catalogues have); else `value` itself."""
    if not isinstance(value, str) or value[:1] not in ("[", "{") or value[-1:] not in ("]", "}"):
        return value
    try:
        return json.loads(re.sub(r'"\s*=>\s*', '": ', value) if "=>" in value else value, strict=False)
    except (ValueError, RecursionError):
        return value


def _number_text(value: float) -> str:
    """`32.0` → `32`, which is what the shop means; "" for NaN, infinities and integers beyond `LONGEST_INT`."""
    if isinstance(value, int):
        return str(value) if value.bit_length() <= LONGEST_INT else ""
    if not math.isfinite(value):
        return ""
    return str(int(value)) if value.is_integer() and abs(value) < _WHOLE else repr(value)


def _mapping_text(value: Mapping[Any, Any], locale: str, depth: int) -> str:
    for key in (*_TEXT_KEYS, locale, locale.partition("-")[0], "en"):
        text = as_text(value.get(key), locale, depth + 1)
        if text:
            unit = next((as_text(value[key], locale, _DEEPEST) for key in UNIT_KEYS if key in value), "")
            return f"{text} {_UNIT_CODES.get(unit, unit)}" if unit else text
    return ""
