"""Prepares data for a prompt: hidden characters are removed, sizes limited, and blocks of data delimited safely."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import islice
from json.encoder import encode_basestring as quote
from typing import Any

from querygen_core.contracts.characters import HiddenCharacters
from querygen_core.prompts.rendering import Rendering, current

MAX_STRING = 8_000
MAX_ITEMS = 1_000
MAX_DEPTH = 10
DEEPEST = 20
CUT = "…"

_UNREADABLE = HiddenCharacters(
    HiddenCharacters.CONTROLS_BUT_SPACE
    + HiddenCharacters.RARE_BREAKS
    + HiddenCharacters.NOT_CHARACTERS
    + HiddenCharacters.PRIVATE_USE
    + "\r\ufffc"  # U+FFFC stands for an object that is not in the text
)
"""Tabs and newlines stay: the text is shown as JSON, which escapes them."""

_LISTS = (list, tuple, Iterator)
_encode_scalar = json.JSONEncoder(allow_nan=False, default=str).encode
_TAG = re.compile(r"[a-z][a-z0-9_]{0,39}")
_LIKE_A_TAG = re.compile(r"<(?=[^\s\d=<])")


def clean(value: Any, depth: int = 0) -> Any:
    """Copy plain data without hidden characters, with texts, lists and nesting cut to the limits."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, dict):
        pairs = islice(value.items(), MAX_ITEMS if depth < MAX_DEPTH else 0)
        return {clean_text(str(name)): clean(item, depth + 1) for name, item in pairs}
    if isinstance(value, list | tuple):
        return [clean(item, depth + 1) for item in value[: MAX_ITEMS if depth < MAX_DEPTH else 0]]
    return value


def clean_text(text: str) -> str:
    """`text` without hidden characters, cut after `MAX_STRING`."""
    if len(text) > MAX_STRING:
        text = text[:MAX_STRING] + CUT
    if text.isascii() and text.replace("\n", "").isprintable():
        return text
    return _UNREADABLE.removed(text)


def untrusted(value: Any, tag: str = "data") -> str:
    """`value` as JSON between `<tag-mark>` and `</tag-mark>`; the mark is taken from the product's content.

    Nothing in the data can look like the end of the block: each `<` with which a tag could begin is escaped. All else
    is as people write it. Empty fields are left out.
    """
    if not _TAG.fullmatch(tag):
        raise ValueError(f"{tag!r} is not a valid tag name: use lower-case letters, digits and _")
    name = f"{tag}-{current.get().mark()}"
    return f"<{name}>\n{encode(value)}\n</{name}>"


def encode(value: Any, *, lines: bool = True) -> str:
    """JSON in which no tag can begin. lines: whether each value has a line of its own."""
    return _LIKE_A_TAG.sub(r"\\u003c", _json(value, "\n" if lines else "", current.get()))


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
