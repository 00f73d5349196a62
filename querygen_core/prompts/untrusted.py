"""Texts of others on their way into a prompt: made visible, cut to size, and fenced in where they cannot get out."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import islice
from json.encoder import encode_basestring as quote
from typing import Any

from querygen_core.prompts.rendering import Rendering, current

MAX_STRING = 8_000
MAX_ITEMS = 1_000
MAX_DEPTH = 10
DEEPEST = 20
CUT = "…"

_INVISIBLE = re.compile(
    "["
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # controls, but for newline and tab
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\uffa0"  # soft hyphen, fillers, an Arabic mark
    "\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff"  # zero width, direction, separators
    "\ufff0-\ufffc\ufffe\uffff"  # annotations, no characters
    "\ud800-\udfff\ue000-\uf8ff\U000f0000-\U0010ffff"  # lone surrogates, private use
    "\U000e0000-\U000e0fff"  # tags and variation selectors, which can carry hidden text
    "]+"
    # A joiner is spelling between two letters of Persian or Hindi, and glue between two emoji; elsewhere it hides.
    r"|(?<![^\x00-\x7f\s\u200c\u200d])[\u200c\u200d]|[\u200c\u200d](?![^\x00-\x7f\s\u200c\u200d])"
)
_LISTS = (list, tuple, Iterator)
_encode_scalar = json.JSONEncoder(allow_nan=False, default=str).encode
_TAG = re.compile(r"[a-z][a-z0-9_]{0,39}")


def clean(value: Any, depth: int = 0) -> Any:
    """A copy of plain data without invisible characters, its texts, lists and nesting cut to the limits."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, dict):
        pairs = islice(value.items(), MAX_ITEMS if depth < MAX_DEPTH else 0)
        return {clean_text(str(name)): clean(item, depth + 1) for name, item in pairs}
    if isinstance(value, list | tuple):
        return [clean(item, depth + 1) for item in value[: MAX_ITEMS if depth < MAX_DEPTH else 0]]
    return value


def clean_text(text: str) -> str:
    """`text` without characters that do not show, at most `MAX_STRING` long."""
    if len(text) > MAX_STRING:
        text = text[:MAX_STRING] + CUT
    if text.isascii() and text.replace("\n", "").isprintable():
        return text
    while (cleaned := _INVISIBLE.sub("", text)) != text:  # what is left may have come to stand beside a joiner
        text = cleaned
    return cleaned


def untrusted(value: Any, tag: str = "data") -> str:
    """`value` as JSON between `<tag-mark>` and `</tag-mark>`; the mark is taken from the product's content.

    Nothing in the data can look like the end of the block: `<`, `>` and `&` are escaped. Empty fields are left out.
    """
    if not _TAG.fullmatch(tag):
        raise ValueError(f"{tag!r} is no name for a tag: use lower-case letters, digits and _")
    name = f"{tag}-{current.get().mark()}"
    return f"<{name}>\n{encode(value)}\n</{name}>"


def encode(value: Any, *, lines: bool = True) -> str:
    """JSON, one value a line or all in one, letters of all scripts as they are, without `<`, `>` and `&`."""
    text = _json(value, "\n" if lines else "", current.get())
    return text.replace("&", r"\u0026").replace("<", r"\u003c").replace(">", r"\u003e")


def _json(value: Any, newline: str, rendering: Rendering, depth: int = 0) -> str:
    if isinstance(value, str):
        rendering.write(len(value))
        return quote(value)
    if type(value) is int:
        return str(value)
    if depth > DEEPEST:
        raise ValueError(f"the data is nested more than {DEEPEST} levels deep")
    inner = newline and newline + " "
    if isinstance(value, dict):
        rendering.step(len(value))
        items = [
            f"{quote(str(name))}: {_json(item, inner, rendering, depth + 1)}"
            for name, item in value.items()
            if item or item == 0
        ]
        return _wrap("{}", items, inner, newline)
    if isinstance(value, _LISTS):
        items = [_json(item, inner, rendering, depth + 1) for item in rendering.each(value)]
        return _wrap("[]", items, inner, newline)
    return _encode_scalar(value)


def _wrap(ends: str, items: list[str], inner: str, newline: str) -> str:
    if not items:
        return ends
    return ends[0] + inner + f",{inner or ' '}".join(items) + newline + ends[1]
