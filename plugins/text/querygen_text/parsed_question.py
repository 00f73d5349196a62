"""A question in the form that the quality rules work on."""

from __future__ import annotations

import re
from dataclasses import dataclass

from querygen_core.api import Query
from querygen_text.options import QualityOptions
from querygen_text.product_facts import ProductFacts

_WORD = re.compile(r"\w+(?:['’-]\w+)*")
_DIGIT = re.compile(r"\d")
_UNUSUAL = re.compile(r"[^\w\s,.'?-]|_")


@dataclass(frozen=True, slots=True)
class ParsedQuestion:
    """Everything that a rule may look at. Parsed once, since about twenty rules read it."""

    text: str
    """The question as it is stored."""

    lower: str
    """The text in lower case, with straight apostrophes."""

    words: tuple[str, ...]
    """The words of `lower`."""

    has_unusual: bool
    """Whether it holds a character that few questions hold. The others need no search for markup and the like."""

    digits: int
    """Number of digits."""

    language: str
    """ISO 639-1 code from the product's locale; "" if the locale is empty."""

    query: Query
    """The query with its labels."""

    facts: ProductFacts
    """What the input says about the product."""

    options: QualityOptions
    """The limits and accepted languages."""

    def has_any(self, words: frozenset[str]) -> bool:
        return not words.isdisjoint(self.words)


def parse_question(query: Query, facts: ProductFacts, language: str, options: QualityOptions) -> ParsedQuestion:
    text = query.text
    lower = text.lower().replace("’", "'")
    return ParsedQuestion(
        text=text,
        lower=lower,
        words=tuple(_WORD.findall(lower)),
        has_unusual=_UNUSUAL.search(text) is not None,
        digits=len(_DIGIT.findall(text)),
        language=language,
        query=query,
        facts=facts,
        options=options,
    )
