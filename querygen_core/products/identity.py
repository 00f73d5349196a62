"""Ids and codes of products. They are always text: `007` is not 7, and a number could have been rounded."""

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
    """An id that cannot be used; the message says why and what to do."""


def read_id(value: Any) -> str:
    """The id as text, or "" if there is none.

    Raises:
        BadId: it cannot be an id, or a spreadsheet has rounded it.
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
    """The first code that can be a GTIN or ISBN, with its leading zeros; "" if there is none."""
    values = value if isinstance(value, (list, tuple)) else [value]
    for code in values:
        digits = re.sub(r"[\s-]", "", clean_code(code))
        if _GTIN.fullmatch(digits) and digits.strip("0"):
            return digits.upper()
    return ""


def auto_id(brand: str, title: str, mpn: str, gtin: str) -> str:
    """An id for a record without one: equal for the same product in every export, as long as these four texts are."""
    text = f"{brand}|{title}|{mpn}|{gtin}".encode("utf-8", "surrogatepass")
    return f"auto-{hashlib.sha256(text).hexdigest()[:_AUTO_DIGITS]}"
