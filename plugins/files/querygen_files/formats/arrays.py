"""JSON documents of any length: an array of products, an object that holds one, or one product."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from querygen_files.formats.objects import DECODER, check_object, parse_object
from querygen_files.formats.rows import LONGEST_RECORD, TOO_LONG, Broken, Row, Unreadable
from querygen_files.formats.window import Pieces, Window


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


LISTS = _words(
    "catalog catalogue data docs documents edges entries entry graph hits item itemlistelement items listings "
    "nodes product productlist products records result results rows value"
)
_HOLDERS = LISTS | _words("body channel content feed mainentity payload response shop store")
_CUT_OFF = "the file ends in the middle of {}: it was cut off; copy it again"

_TOKEN = re.compile(r'"(?:[^"\\\n]++|\\[^\n])*+["\\]?|[{}\[\]]')
"""A string, as far as the end of its line if it is not closed, or a bracket."""

_OPENERS = {"}": "{", "]": "["}
_OBJECT = re.compile(r"\{")
_VISIBLE = re.compile(r"\S")
_NEXT = re.compile(r"[,\]{}\n]")


def read_array(text: Pieces) -> Iterator[Row]:
    window = Window(text)
    first = window.peek()
    if first == "{":
        yield from _read_holder(window)
        return
    if first != "[":
        raise Unreadable("a JSON file should hold an array of products, or an object that holds one", window.line)
    window.at += 1
    yield from _read_items(window)
    if window.peek():
        yield window.line, _read_rest(window)


def _read_rest(window: Window) -> Broken:
    """What stands behind the array is one broken record, unless there may be products in it."""
    if window.find(_OBJECT, 0, LONGEST_RECORD):
        raise Unreadable(
            "the array ends here, and more follows that is not read; is the bracket one too many?", window.line
        )
    return Broken("trailing", "there is text behind the end of the array; remove it", window.buffer[window.at :])


def _read_items(window: Window) -> Iterator[Row]:
    """The members of the array that begins before `at`, as far as its end. Commas too many or too few lose nothing."""
    while (char := window.peek()) != "]":
        if not char:
            raise Unreadable(_CUT_OFF.format("the array"), window.line)
        if char == ",":
            window.at += 1
        else:
            yield window.line, _read_item(window)
    window.at += 1


def _read_item(window: Window) -> dict[str, Any] | Broken:
    try:
        value, end = DECODER.raw_decode(window.buffer, window.at)
    except (ValueError, RecursionError):
        return _read_doubtful(window)
    if end == len(window.buffer):  # a number may go on in the next piece
        return _read_doubtful(window)
    text = "" if isinstance(value, dict) else window.buffer[window.at : end]
    window.at = end
    return check_object(value, text)


def _read_doubtful(window: Window) -> dict[str, Any] | Broken:
    """An item that is broken, or of which only a part has been read."""
    line = window.line
    length = _item_length(window)
    if length is None:
        raise Unreadable(_CUT_OFF.format("the product that begins here"), line)
    if length > LONGEST_RECORD:
        raise Unreadable(TOO_LONG, line)
    text = window.buffer[window.at : window.at + length]
    window.at += length
    return parse_object(text)


def _item_length(window: Window) -> int | None:
    """Where the item at `at` ends by its brackets, or where the next one surely begins; None if the text ends first.

    An object directly behind a comma cannot be inside an object: then a closing bracket is missing before it.
    """
    if window.buffer[window.at] not in "[{":
        found = window.find(_NEXT, 1, LONGEST_RECORD)
        return None if found is None else found.start() - window.at
    open_brackets: list[str] = []
    seen = 0
    while found := window.find(_TOKEN, seen, LONGEST_RECORD):
        start, seen = found.start() - window.at, found.end() - window.at
        bracket = found[0]
        if bracket in "{[":
            if bracket == "{" == "".join(open_brackets[-1:]) and _before(window, start) in ",{}":
                return start
            open_brackets.append(bracket)
        elif bracket in "}]":
            if _OPENERS[bracket] not in open_brackets:
                return start
            while open_brackets.pop() != _OPENERS[bracket]:
                pass
            if not open_brackets:
                return seen
        if seen > LONGEST_RECORD:
            return seen
    return None if window.ended else len(window.buffer) - window.at


def _before(window: Window, start: int) -> str:
    """The last character before a place that is not blank."""
    at = window.at + start - 1
    while window.buffer[at].isspace():
        at -= 1
    return window.buffer[at]


def _read_holder(window: Window) -> Iterator[Row]:
    """An object: the first list of objects in it that has a name for products, at any depth; or else one product."""
    window.more(LONGEST_RECORD)
    line, whole = window.line, None if window.more(1) else window.buffer
    if _enter_list(window):
        yield from _read_items(window)
    elif whole is not None:
        yield line, parse_object(whole.strip())
    else:
        names = ", ".join(sorted(LISTS)[:6])
        raise Unreadable(f"the object holds no list of products by a name that is known ({names}, …)", line)


def _enter_list(window: Window) -> bool:
    depth = 0
    while (char := window.peek()) and char in '{},"':
        if char != '"':
            depth += {"{": 1, "}": -1, ",": 0}[char]
            window.at += 1
            if depth == 0:
                return False
            continue
        name = _read_key(window)
        kind = window.peek()
        if kind == "[" and name in LISTS and _holds_objects(window):
            window.at += 1
            return True
        if not (kind == "{" and name in _HOLDERS) and not _skip_value(window):
            return False
    return False


def _holds_objects(window: Window) -> bool:
    found = window.find(_VISIBLE, 1, LONGEST_RECORD)
    return found is not None and found[0] == "{"


def _read_key(window: Window) -> str:
    found = window.find(_TOKEN, 0, LONGEST_RECORD)
    key = found[0].strip('"') if found else ""
    window.at += len(found[0]) if found else 0
    if window.peek() == ":":
        window.at += 1
    return re.sub(r"[\W_]+", "", key).casefold()


def _skip_value(window: Window) -> bool:
    """False if the text is no JSON here, or ends."""
    if window.peek() == '"':
        found = window.find(_TOKEN, 0, LONGEST_RECORD)
        window.at += len(found[0]) if found else 0
        return found is not None
    length = _item_length(window) if window.peek() else None
    window.at += length or 0
    return bool(length)
