"""Labels that follow from a question's text: what it names, how it is put, how long it is."""

from __future__ import annotations

import re
from collections.abc import Mapping

from querygen_core.api import Product
from querygen_text.languages import LANGUAGES, UNSPACED, question_marks
from querygen_text.question_detection import contains_question
from querygen_text.word_patterns import any_of

_WORD = re.compile(r"\w+(?:['’-]\w+)*")
_SHORT, _MEDIUM = 6, 14  # words
_SHORT_UNSPACED, _MEDIUM_UNSPACED = 12, 30  # characters, where words cannot be counted
_NAME_WORDS = 3  # of the name behind the brand; a shorter beginning of a title may be the kind of product
_MAX_NAME, _MAX_NAMES = 200, 100  # characters of a name, and names; more are in no question

# English, German, and what most languages write alike.
_COMPARES = any_of(
    r"\b(?:vs|versus|alternatives?|alternativen?|compar(?:e[ds]?|ing|ison|able)|rivals?|competitors?|competition)\b",
    r"\bthan (?:any|its|most|others?|rivals?|similar|the|those)\b|\b(?:instead of|rather than)\b",
    r"\bother (?:\w+ ){0,4}(?:brands?|makers?|manufacturers?|models?|products?)\b",
    r"\b(?:vergl\w+|konkurren\w+|wettbewerb\w*|stattdessen|anstatt|anstelle|ähnliche[nrs]?)\b",
    r"\bandere[nr]? (?:\w+ ){0,4}(?:marken?|hersteller\w*|modellen?|anbieter\w*|produkten?)\b",
    r"\b(?:besser|schlechter|günstiger|teurer|leiser) als\b",
)
_COMPARING = (
    *("vs", "versus", "alternativ", "compar", "rival", "competit", "than", "instead", "rather", "other"),
    *("vergl", "konkurren", "wettbewerb", "stattdessen", "anstatt", "anstelle", "ähnliche", "andere", "als"),
)
"""Each phrase of `_COMPARES` has a word that begins like this, so that most questions need not be searched."""


class Labeller:
    """Labels the questions of one product."""

    def __init__(self, product: Product, language: str) -> None:
        self._own = _Names([product.brand, *_names(product)])
        self._others = _Names([name for name in product.competitors if name.lower() != product.brand.lower()])
        self._language = language
        self._marks = tuple(question_marks(language))
        words = LANGUAGES.get(language)
        self._first_person = words.first_person if words else frozenset[str]()

    def labels(self, text: str) -> Mapping[str, str]:
        """`brand_mode`: unbranded, branded, comparative. `style`: keyword, question, conversational. `length`: short,
        medium, long.
        """
        lower = text.lower().replace("’", "'")
        words = _WORD.findall(lower)
        return {
            "brand_mode": self._brand_mode(lower, words),
            "length": self._length(text, words),
            "style": self._style(text, words),
        }

    def _brand_mode(self, lower: str, words: list[str]) -> str:
        if self._others.occur_in(lower):
            return "comparative"
        if not self._own.occur_in(lower):
            return "unbranded"
        compares = any(word.startswith(_COMPARING) for word in words) and _COMPARES.search(lower) is not None
        return "comparative" if compares else "branded"

    def _length(self, text: str, words: list[str]) -> str:
        size, short, medium = len(words), _SHORT, _MEDIUM
        if self._language in UNSPACED:
            size, short, medium = len(text), _SHORT_UNSPACED, _MEDIUM_UNSPACED
        if size <= short:
            return "short"
        return "medium" if size <= medium else "long"

    def _style(self, text: str, words: list[str]) -> str:
        """A keyword is a search phrase; a conversational question speaks of the person who asks it."""
        if not self._first_person.isdisjoint(words):
            return "conversational"
        ends_as_question = text.rstrip().endswith(self._marks)
        return "question" if ends_as_question or _asks(text, self._language) else "keyword"


class _Names:
    """Names that may occur in a text, as whole words and in any case."""

    def __init__(self, names: list[str]) -> None:
        usable = {name.strip().lower() for name in names[:_MAX_NAMES] if len(name) <= _MAX_NAME}
        self._names = {name: re.compile(rf"(?<!\w){re.escape(name)}(?!\w)") for name in usable if name}

    def occur_in(self, lower: str) -> bool:
        """lower: the text in lower case."""
        return any(name in lower and pattern.search(lower) is not None for name, pattern in self._names.items())


def _asks(text: str, language: str) -> bool:
    """Whether a text without a mark asks, in the languages whose lists are good enough to tell."""
    words = LANGUAGES.get(language)
    return words is not None and words.is_complete and contains_question(text, language)


def _names(product: Product) -> list[str]:
    """The title, and its beginning without the brand: `SwiftBoil K7` of `Brambleby SwiftBoil K7 Kettle`."""
    title, brand = product.title[:_MAX_NAME].split(), product.brand[:_MAX_NAME].split()
    begins = [word.casefold() for word in title[: len(brand)]] == [word.casefold() for word in brand]
    rest = title[len(brand) :] if begins else title
    code = next((index for index, word in enumerate(rest) if any(map(str.isdigit, word))), _NAME_WORDS - 1)
    short = rest[: code + 1]
    return [product.title, *([" ".join(short)] if len(short) > 1 else [])]
