"""Ids and codes are text, always: `007` is not 7, and no spreadsheet may round them."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from querygen_core.products.text import clean_line
from querygen_core.products.values import LONGEST_INT, as_text

_ROUNDED = re.compile(r"[0-9]+(?:[.,][0-9]+)?[eE]\+[0-9]+")
_GTIN = re.compile(r"[0-9]{8,14}|[0-9]{9}[0-9Xx]")
_LONGEST_ID = 500
_AUTO_DIGITS = 16


class BadId(Exception):
    pass


def read_id(value: Any) -> str:
    """The id as text, or "" if there is none.

    Raises:
        BadId: it is not an id, or no longer the one it was; the message says what to do.
    """
    if isinstance(value, bool):
        raise BadId(f"the product id is {str(value).lower()}; it should be text or a whole number")
    if isinstance(value, float) and value == value:  # noqa: PLR0124 - NaN means that there is none
        raise BadId(f"the product id {value!r} is a number with a fraction; write ids as text, in quotes")
    if isinstance(value, int) and (value < 0 or value.bit_length() > LONGEST_INT):
        raise BadId(
            f"the product id is {'negative' if value < 0 else 'a number with too many digits'}; write it as text"
        )
    if (isinstance(value, dict) and "$oid" not in value) or isinstance(value, (list, tuple)):
        raise BadId("the product id is an object or a list; it should be text or a whole number")
    text = clean_code(value)
    if _ROUNDED.fullmatch(text):
        raise BadId(f"the product id {text} was rounded by a spreadsheet; export the column as text")
    if len(text) > _LONGEST_ID:
        raise BadId(f"the product id has {len(text)} characters; at most {_LONGEST_ID} can be a key")
    return text


def clean_code(value: Any) -> str:
    """A cleaned id, SKU or part number, without the apostrophe that spreadsheets put in front of digits."""
    text = clean_line(as_text(value))
    return text[1:].lstrip() if text[:1] in ("'", "’") and len(text) > 1 else text


def read_gtin(value: Any) -> str:
    """The first code of `value` that can be a GTIN or ISBN, digits as given, leading zeros kept; else ""."""
    values = value if isinstance(value, (list, tuple)) else [value]
    for each in values:
        digits = re.sub(r"[\s-]", "", clean_code(each))
        if _GTIN.fullmatch(digits) and digits.strip("0"):
            return digits.upper()
    return ""


def auto_id(brand: str, title: str, mpn: str, gtin: str) -> str:
    """A stable id for a record without one: the same product has the same in every export."""
    text = f"{brand}|{title}|{mpn}|{gtin}".encode("utf-8", "surrogatepass")
    return f"auto-{hashlib.sha256(text).hexdigest()[:_AUTO_DIGITS]}"
