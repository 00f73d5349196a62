"""Finds the JSON values in a text, also those that are cut, or that are only nearly JSON.

Nearly JSON are Python's literals, comments, bare keys, other quotes, missing or superfluous commas and brackets, and
quotation marks that are not escaped. What the end of the text, or a mark that is missing, has cut is a `Stump`, never
a text.
The work is linear: each character is looked at a few times, however the text is made.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

from querygen_core.answers.texts import joined

_MAX_DEPTH = 40
_MAX_VALUES = 5_000
_LOOKS = 4  # at each character, on average
_TOO_DEEP = 20_000  # looks that a value takes which is nested without end
_MAX_NUMBER = 300
_MAX_REMARK = 12  # spaces

_OPEN_QUOTES = "\"'`“”„«‘"
_CLOSE_OF = {'"': '"', "'": "'", "`": "`'", "“": '”“"', "”": '”"', "„": '“”"', "«": "»", "‘": "’'"}
_Q = "[\"'`“”„«‘’»]"
# Prose has brackets too, but no such ones.
_START = re.compile(rf"\{{\s*(?:{_Q}|\{{|\[|//|/\*|\#|[A-Za-z_$][\w$-]*\s*:|\}})|\[\s*(?:{_Q}|\{{|\[|//|/\*|\#\s|\])")
_GAP = re.compile(r"(?:[\s,;]+|//[^\n]*|\#[^\n]*|/\*(?:[^*]|\*(?!/))*(?:\*/|\Z)|…|\.\.\.)+")
_SPACE = re.compile(r"\s*")
_COLON = re.compile(r"\s*(?::|=>?)\s*")
_BARE_KEY = re.compile(r"[A-Za-z_$][\w$ -]{0,60}(?=\s*:)|\d{1,6}(?=\s*:)")
_BARE = re.compile(r"[^,\n\]}{\[\"]*")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?\Z")
_CONSTANTS = {"true": True, "false": False, "null": None, "True": True, "False": False, "None": None}
_NO_NUMBERS = ("NaN", "nan", "Infinity", "-Infinity", "inf", "-inf", "undefined")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_HEX = re.compile(r"[0-9a-fA-F]{4}")
_SPECIAL = {quote: re.compile(rf"[\\\n{closers}]") for quote, closers in _CLOSE_OF.items()}

_NEXT_KEY = rf"{_Q}(?:[^\"\\\n]|\\.){{0,160}}?(?:{_Q}\s*(?::|\Z)|\\?\Z)"
_COMMENT = r"//|/\*|\#"
_AFTER = {  # what stands behind the mark that ends a text, by the text's place; anything else means that it goes on
    "key": re.compile(r"\s*(?::|=|,|\}|\Z)"),
    "member": re.compile(
        rf"\s*(?:[}}\]]|\Z|{_COMMENT}|{_NEXT_KEY}|,\s*(?:\Z|[}}\]\[{{,…]|{_COMMENT}|{_NEXT_KEY}|[A-Za-z_$][\w$-]*\s*:))"
    ),
    "item": re.compile(rf"\s*(?:[}}\]{{\[]|\Z|{_COMMENT}|,|\n\s*{_Q})"),
}
_SURE = re.compile(r"\s*(?:[}\]]|\Z|,?\s*\n|,\s*(?:\Z|[}\]\[{]))")
_QUOTED = re.compile(rf"\s+{_Q}")
_SENTENCE_ENDS = "?？؟.!"
_UNCLOSED = re.compile(rf"\n\s*(?:[}}\]{{\[]|{_Q}|[A-Za-z_]\w*\s*:|\Z)")


@dataclass(frozen=True, slots=True)
class Stump:
    """A text whose end is missing."""

    text: str
    """What is there of it."""


@dataclass(frozen=True, slots=True)
class Found:
    """A value within a text."""

    start: int
    end: int
    value: Any
    """As `json` gives it. It may contain a `Stump`; and a list of objects where one had the same key twice."""
    whole: bool
    """False if the text ended before the value did."""
    valid: bool
    """False if it is only nearly JSON."""


class _NotJsonError(Exception):
    def __init__(self, position: int) -> None:
        super().__init__(position)
        self.position = position


_MISSING = object()


def strict(text: str) -> Any:
    """The value of a text that is JSON and nothing else.

    Raises:
        ValueError: it is not. RecursionError: it is nested too deeply.
    """
    return json.loads(text, parse_constant=_refuse, parse_float=_finite)


def find_values(text: str) -> Iterator[Found]:
    """The objects and lists in `text`, in their order; none is part of another one."""
    decoder = json.JSONDecoder(strict=False, parse_constant=_refuse, parse_float=_finite, object_pairs_hook=_object)
    position, looks, values = 0, _LOOKS * len(text) + 1_000, 0
    while looks > 0 and values < _MAX_VALUES and (match := _START.search(text, position)):
        start = match.start()
        try:
            value, position = decoder.raw_decode(text, start)
        except (ValueError, RecursionError) as error:
            looks -= error.pos - start if isinstance(error, json.JSONDecodeError) else _TOO_DEEP
            reader = _Reader(text, start)
            try:
                value = reader.value("item", 0)
            except _NotJsonError as failure:
                looks -= failure.position - start + (_TOO_DEEP if reader.too_deep else 0)
                position = failure.position if reader.too_deep else start + 1
                continue
            position = max(reader.position, start + 1)
            yield Found(start, position, value, whole=not reader.cut, valid=False)
        else:
            yield Found(start, position, value, whole=True, valid=True)
        looks -= position - start
        values += 1


class _Reader:
    """Reads one value from a position on."""

    def __init__(self, text: str, position: int) -> None:
        self.text = text
        self.position = position
        self.cut = False
        self.too_deep = False

    def value(self, place: str, depth: int) -> Any:
        if depth > _MAX_DEPTH:
            self.too_deep = True
            raise _NotJsonError(self.position)
        mark = self.text[self.position]
        if mark == "{":
            return self._members(depth)
        if mark == "[":
            return self._items(depth)
        return self._string(place) if mark in _OPEN_QUOTES else self._bare(place)

    def _peek(self) -> str:
        """The next character that says something; "" at the end of the text, which cuts what is open."""
        if match := _GAP.match(self.text, self.position):
            self.position = match.end()
        if self.position >= len(self.text):
            self.cut = True
            return ""
        return self.text[self.position]

    def _items(self, depth: int) -> list[Any]:
        items: list[Any] = []
        self.position += 1
        while mark := self._peek():
            if mark == "]":
                self.position += 1
                break
            if mark == "}":  # the list's own bracket is missing
                break
            if mark == ":":
                raise _NotJsonError(self.position)
            item = self.value("item", depth + 1)
            if item is not _MISSING:
                items.append(item)
        return items

    def _members(self, depth: int) -> Any:
        pairs: list[tuple[str, Any]] = []
        self.position += 1
        while mark := self._peek():
            if mark == "}":
                self.position += 1
                break
            if mark == "]":  # the object's own bracket is missing
                if not pairs:
                    raise _NotJsonError(self.position)
                break
            if mark == "{" and pairs:  # the object's own bracket is missing
                break
            if mark in "{[":  # braces that were doubled, as for a template
                pairs.append(("", self.value("item", depth + 1)))
                continue
            key = self._key(mark)
            if isinstance(key, Stump):
                break
            value = self._member(depth)
            pairs.append((key, Stump("") if value is _MISSING else value))
        return _object(pairs)

    def _key(self, mark: str) -> Any:
        if mark in _OPEN_QUOTES:
            return self._string("key")
        if match := _BARE_KEY.match(self.text, self.position):
            self.position = match.end()
            return match[0]
        raise _NotJsonError(self.position)

    def _member(self, depth: int) -> Any:
        colon = _COLON.match(self.text, self.position)
        if colon is None:
            if self._peek() in ("", "}", *_OPEN_QUOTES):  # a set of texts, as Python writes it
                return None
            raise _NotJsonError(self.position)
        self.position = colon.end()
        if self.position >= len(self.text):
            self.cut = True
            return _MISSING
        if self.text[self.position] in ",}]":
            return _MISSING
        return self.value("member", depth + 1)

    def _bare(self, place: str) -> Any:
        """A number, a constant, or a text without quotes. Within a list that may also be a short remark."""
        match = _BARE.match(self.text, self.position)
        word = match[0].strip() if match else ""
        if not match or not match[0]:
            raise _NotJsonError(self.position)
        self.position = match.end()
        if word in _CONSTANTS:
            return _CONSTANTS[word]
        if word in _NO_NUMBERS:
            return _MISSING
        if len(word) <= _MAX_NUMBER and _NUMBER.match(word):
            number = float(word) if not word.lstrip("-").isdigit() else int(word)
            return number if math.isfinite(number) else _MISSING
        if self.position >= len(self.text):
            self.cut = True
            return _MISSING
        if place == "member":
            return word or _MISSING
        if word.count(" ") > _MAX_REMARK:
            raise _NotJsonError(match.start())
        return word if word.endswith("?") else _MISSING

    def _string(self, place: str) -> Any:
        """A text in quotes; a Stump if its end is missing."""
        text, begin = self.text, self.position + 1
        quote = text[self.position]
        special = _SPECIAL[quote]
        pieces: list[str] = []
        inner = 0
        while match := special.search(text, begin):
            pieces.append(text[begin : match.start()])
            here = match.start()
            if match[0] == "\\":
                piece, begin = _escaped(text, here)
                if begin > len(text):
                    break
                pieces.append(piece)
            elif match[0] == "\n":
                if _UNCLOSED.match(text, here):
                    self.position = here
                    return Stump(joined("".join(pieces)))
                pieces.append("\n")
                begin = here + 1
            elif self._ends(place, here, odd=inner % 2 == 1):
                self.position = here + 1
                return joined("".join(pieces))
            else:
                pieces.append(match[0])
                inner += 1
                begin = here + 1
        else:
            pieces.append(text[begin:])
        self.position = len(text)
        self.cut = True
        return Stump(joined("".join(pieces)))

    def _ends(self, place: str, here: int, *, odd: bool) -> bool:
        """Whether the quotation mark at `here` ends its text and is not one within it."""
        if not _AFTER[place].match(self.text, here + 1):
            return (
                place == "item"
                and self.text[here - 1] in _SENTENCE_ENDS
                and _QUOTED.match(self.text, here + 1) is not None
            )
        # Within a text such marks come in pairs: after an odd number of them this one more likely ends a pair.
        return not odd or self.text[here - 1] in _SENTENCE_ENDS or _SURE.match(self.text, here + 1) is not None


def _escaped(text: str, here: int) -> tuple[str, int]:
    """What the escape at `here` stands for, and the position after it; beyond the end if it is cut."""
    sign = text[here + 1 : here + 2]
    if sign != "u":
        return _ESCAPES.get(sign, sign if sign in "\"'/\\`" else f"\\{sign}"), here + 2 if sign else len(text) + 1
    if len(text) < here + 6:
        return "", len(text) + 1
    if match := _HEX.match(text, here + 2):
        return chr(int(match[0], 16)), here + 6
    return "\\u", here + 2


def _object(pairs: list[tuple[str, Any]]) -> Any:
    """An object; several ones if a key comes again, as a model writes that forgets the brackets between them."""
    whole = dict(pairs)
    if len(whole) == len(pairs):
        return whole
    objects: list[dict[str, Any]] = [{}]
    for name, value in pairs:
        if name in objects[-1]:
            objects.append({})
        objects[-1][name] = value
    return objects


def _finite(number: str) -> float:
    value = float(number)
    if not math.isfinite(value):
        _refuse(number)
    return value


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a JSON number")
