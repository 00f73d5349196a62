"""What a rule looks at."""

from __future__ import annotations

import re
from dataclasses import dataclass

from querygen_core.api import Query
from querygen_text import QualityOptions
from querygen_text.names import Known

_WORD = re.compile(r"\w+(?:['’-]\w+)*")
_DIGIT = re.compile(r"\d")
_ODD = re.compile(r"[^\w\s,.'?-]|_")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A question on trial.

    lower: its text in small letters, apostrophes straight. words: of `lower`. odd: it holds a character that few
    questions hold; most have none, and need not be searched for markup and the like. digits: how many.
    language: of the product's locale, "" if it says none.
    """

    text: str
    lower: str
    words: tuple[str, ...]
    odd: bool
    digits: int
    language: str
    query: Query
    known: Known
    options: QualityOptions

    def has_any(self, words: frozenset[str]) -> bool:
        return not words.isdisjoint(self.words)


def candidate(query: Query, known: Known, language: str, options: QualityOptions) -> Candidate:
    text = query.text
    lower = text.lower().replace("’", "'")
    words = tuple(_WORD.findall(lower))
    odd, digits = _ODD.search(text) is not None, len(_DIGIT.findall(text))
    return Candidate(text, lower, words, odd, digits, language, query, known, options)
