"""How many tokens texts have, without a tokenizer; and how long the answer to a request will be."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from querygen_core.contracts.records import Request

_PER_TOKEN = 4  # characters of ordinary English, and bytes of other scripts: two per Cyrillic letter, three per kanji
_QUESTION = (48, 66, 84)  # characters of a question in English
_OTHER_QUESTION = (48, 70, 94)  # of other languages, whose words are cut into more tokens
_OTHER = 0.01  # share of bytes beyond one per character that shows another language
_LABEL = 12  # characters of another text that a model gives with a question
_PUNCTUATION = 3  # quotes and a comma
_ENVELOPE = 20  # tokens of an answer around its questions
_DEEPEST = 4  # objects within each other in a schema that are looked through for its questions


@dataclass(frozen=True, slots=True)
class Range:
    """A figure that is not known yet."""

    low: float
    """It is hardly less."""
    expected: float
    """The best guess."""
    high: float
    """It is hardly more."""

    def __add__(self, other: Range) -> Range:
        return Range(self.low + other.low, self.expected + other.expected, self.high + other.high)

    def times(self, other: Range) -> Range:
        return Range(self.low * other.low, self.expected * other.expected, self.high * other.high)

    def at_most(self, limit: float) -> Range:
        return Range(min(self.low, limit), min(self.expected, limit), min(self.high, limit))

    @classmethod
    def around(cls, value: float, spread: float) -> Range:
        """spread: share of `value` that it may be off."""
        return cls(value * max(0.0, 1 - spread), value, value * (1 + spread))


NONE = Range(0, 0, 0)


@dataclass(frozen=True, slots=True)
class TextSize:
    """Of what is sent."""

    characters: int = 0
    """Of system and prompt."""
    octets: int = 0
    """Of the same in UTF-8."""
    schema: int = 0
    """Characters of the answer's schema as JSON. Some providers count it as input, some do not."""

    def __add__(self, other: TextSize) -> TextSize:
        return TextSize(self.characters + other.characters, self.octets + other.octets, self.schema + other.schema)

    def divided(self, number: float) -> TextSize:
        return TextSize(*(round(part / number) for part in (self.characters, self.octets, self.schema)))

    def times(self, number: float) -> TextSize:
        return self.divided(1 / number) if number else TextSize()

    @property
    def tokens(self) -> float:
        """A measure that tokens are proportional to."""
        return self.octets / _PER_TOKEN

    @property
    def guess(self) -> Range:
        """Tokens, as long as nobody has counted any."""
        schema = self.schema / _PER_TOKEN
        return Range(0.9 * self.characters / _PER_TOKEN, self.tokens + schema / 2, 1.1 * self.tokens + schema)


def size_of(request: Request) -> TextSize:
    text = request.system + request.prompt
    octets = len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
    schema = 0 if request.schema is None else len(json.dumps(request.schema, ensure_ascii=False))
    return TextSize(len(text), octets, schema)


def answer_tokens(request: Request, questions: int) -> Range:
    """Tokens of an answer with so many questions, reasoning not included."""
    size = size_of(request)
    lengths = _OTHER_QUESTION if size.octets > (1 + _OTHER) * size.characters else _QUESTION
    beside = _PUNCTUATION + _beside_the_text(request.schema)
    low, expected, high = ((length + beside) / _PER_TOKEN for length in lengths)
    return Range(low * questions, expected * questions + _ENVELOPE / 2, high * questions + _ENVELOPE)


def _beside_the_text(schema: Mapping[str, Any] | None) -> float:
    """Characters of JSON that come with each question: names of fields, labels."""
    items = next(_items(schema or {}, 0), None)
    if items is None or not isinstance(properties := items.get("properties"), Mapping):
        return 0
    names = sum(len(name) + 6 for name in properties)  # "name": ,
    return names + (len(properties) - 1) * _LABEL


def _items(schema: Mapping[str, Any], depth: int) -> Iterator[Mapping[str, Any]]:
    """What the arrays of a schema hold, the outermost first."""
    if isinstance(items := schema.get("items"), Mapping):
        yield items
    elif isinstance(properties := schema.get("properties"), Mapping) and depth < _DEEPEST:
        for part in properties.values():
            if isinstance(part, Mapping):
                yield from _items(part, depth + 1)
