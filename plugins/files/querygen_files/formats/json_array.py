"""JSON documents of any length: an array of products, an object that contains one, or one product."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from querygen_files.formats.json_object import DECODER, check_object, parse_object
from querygen_files.formats.records import MAX_RECORD, TOO_LONG, InvalidRecord, Record, UnreadableFile
from querygen_files.formats.text_buffer import TextBuffer, TextSource


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


LIST_NAMES = _words(
    "catalog catalogue data docs documents edges entries entry graph hits item itemlistelement items listings "
    "nodes product productlist products record records result results rows value"
)
"""Names of members that hold the list of products, folded and without punctuation."""

_WRAPPER_NAMES = LIST_NAMES | _words("body channel content feed mainentity payload response shop store")
"""Names of objects in which such a list is looked for."""

_INCOMPLETE = "the file ends in the middle of {}, so it is incomplete; copy it again"

_TOKEN = re.compile(r'"(?:[^"\\\n]++|\\[^\n])*+["\\]?|[{}\[\]]')
"""A bracket, or a string; a string that is not closed ends with its line."""

_OPENING = {"}": "{", "]": "["}
_OBJECT = re.compile(r"\{")
_VISIBLE = re.compile(r"\S")
_VALUE_END = re.compile(r"[,\]{}\n]")


def read_json(text: TextSource) -> Iterator[Record]:
    """The products of a JSON document, in constant memory.

    Raises:
        UnreadableFile: there is no list of products, or the file is incomplete.
    """
    buffer = TextBuffer(text)
    first = buffer.peek()
    if first == "{":
        yield from _read_wrapper(buffer)
        return
    if first != "[":
        raise UnreadableFile("a JSON file should contain an array of products, or an object with one", buffer.line)
    buffer.position += 1
    yield from _read_items(buffer)
    if buffer.peek():
        yield buffer.line, _read_trailing(buffer)


def _read_trailing(buffer: TextBuffer) -> InvalidRecord:
    """Text after the array is one invalid record. If it holds an object, products may be lost, so reading ends."""
    if buffer.find(_OBJECT, 0, MAX_RECORD):
        raise UnreadableFile("the array ends here but more objects follow; remove the extra bracket", buffer.line)
    return InvalidRecord(
        "trailing", "there is text after the end of the array; remove it", buffer.text[buffer.position :]
    )


def _read_items(buffer: TextBuffer) -> Iterator[Record]:
    """The items of the array whose bracket is just before `position`. Missing or extra commas lose nothing."""
    while (char := buffer.peek()) != "]":
        if not char:
            raise UnreadableFile(_INCOMPLETE.format("the array"), buffer.line)
        if char == ",":
            buffer.position += 1
        else:
            yield buffer.line, _read_item(buffer)
    buffer.position += 1


def _read_item(buffer: TextBuffer) -> dict[str, Any] | InvalidRecord:
    try:
        value, end = DECODER.raw_decode(buffer.text, buffer.position)
    except (ValueError, RecursionError):
        return _read_partial_item(buffer)
    if end == len(buffer.text):  # a number may go on in the next chunk
        return _read_partial_item(buffer)
    text = "" if isinstance(value, dict) else buffer.text[buffer.position : end]
    buffer.position = end
    return check_object(value, text)


def _read_partial_item(buffer: TextBuffer) -> dict[str, Any] | InvalidRecord:
    """An item that is invalid, or of which the buffer holds only a part."""
    line = buffer.line
    length = _item_length(buffer)
    if length is None:
        raise UnreadableFile(_INCOMPLETE.format("the product that begins here"), line)
    if length > MAX_RECORD:
        raise UnreadableFile(TOO_LONG, line)
    text = buffer.text[buffer.position : buffer.position + length]
    buffer.position += length
    return parse_object(text)


def _item_length(buffer: TextBuffer) -> int | None:
    """Characters to the end of the item at `position`; None if the text ends first.

    The end is where its brackets close or where the next item certainly begins: an object directly after a comma cannot
    be inside an object, so a closing bracket is missing before it.
    """
    if buffer.text[buffer.position] not in "[{":
        match = buffer.find(_VALUE_END, 1, MAX_RECORD)
        return None if match is None else match.start() - buffer.position
    open_brackets: list[str] = []
    scanned = 0
    while match := buffer.find(_TOKEN, scanned, MAX_RECORD):
        start, scanned = match.start() - buffer.position, match.end() - buffer.position
        matched = match[0]
        if matched in "{[":
            is_in_object = "".join(open_brackets[-1:]) == "{"
            if matched == "{" and is_in_object and _previous_visible(buffer, start) in ",{}":
                return start
            open_brackets.append(matched)
        elif matched in "}]":
            if _OPENING[matched] not in open_brackets:
                return start
            while open_brackets.pop() != _OPENING[matched]:
                pass  # a bracket that was never closed ends with the one around it
            if not open_brackets:
                return scanned
        if scanned > MAX_RECORD:
            return scanned
    return None if buffer.ended else len(buffer.text) - buffer.position


def _previous_visible(buffer: TextBuffer, offset: int) -> str:
    """The last character that is not blank before a place in the item, which itself begins with a visible one."""
    index = buffer.position + offset - 1
    while buffer.text[index].isspace():
        index -= 1
    return buffer.text[index]


def _read_wrapper(buffer: TextBuffer) -> Iterator[Record]:
    """An object: the products of the first list in it that has a known name, at any depth; or else one product."""
    buffer.read_more(MAX_RECORD)
    line, whole_text = buffer.line, None if buffer.read_more(1) else buffer.text
    if _enter_list(buffer):
        yield from _read_items(buffer)
    elif whole_text is not None:
        yield line, parse_object(whole_text.strip())
    else:
        names = ", ".join(sorted(LIST_NAMES)[:6])
        raise UnreadableFile(f"the object has no list of products under a known name ({names}, …); rename it", line)


def _enter_list(buffer: TextBuffer) -> bool:
    """Move `position` behind the opening bracket of the list of products; False if there is no such list."""
    depth = 0
    while (char := buffer.peek()) and char in '{},"':
        if char != '"':
            depth += {"{": 1, "}": -1, ",": 0}[char]
            buffer.position += 1
            if depth == 0:
                return False
            continue
        name = _read_key(buffer)
        value_start = buffer.peek()
        if value_start == "[" and name in LIST_NAMES and _holds_objects(buffer):
            buffer.position += 1
            return True
        is_wrapper = value_start == "{" and name in _WRAPPER_NAMES
        if not is_wrapper and not _skip_value(buffer):
            return False
    return False


def _holds_objects(buffer: TextBuffer) -> bool:
    match = buffer.find(_VISIBLE, 1, MAX_RECORD)
    return match is not None and match[0] == "{"


def _read_key(buffer: TextBuffer) -> str:
    """The key at `position`, folded and without punctuation: `Product-List` → `productlist`."""
    match = buffer.find(_TOKEN, 0, MAX_RECORD)
    key = match[0].strip('"') if match else ""
    buffer.position += len(match[0]) if match else 0
    if buffer.peek() == ":":
        buffer.position += 1
    return re.sub(r"[\W_]+", "", key).casefold()


def _skip_value(buffer: TextBuffer) -> bool:
    """Move `position` behind the value that begins here; False if the text ends or is not JSON."""
    if buffer.peek() == '"':
        match = buffer.find(_TOKEN, 0, MAX_RECORD)
        buffer.position += len(match[0]) if match else 0
        return match is not None
    length = _item_length(buffer) if buffer.peek() else None
    buffer.position += length or 0
    return bool(length)
