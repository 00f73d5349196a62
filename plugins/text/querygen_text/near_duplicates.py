"""Decides whether two similar wordings ask the same.

They do only if they differ in one of a few ways: words written together or apart, a typing error, a plural, the two
sides of "and" or "compared with" swapped. Every other difference keeps them apart, because in a list of generated
questions another word nearly always makes another question (waterproof, windproof; until, from; 13-inch, 15-inch).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

_SYMMETRIC_WORDS = frozenset({"and", "or", "vs"})
_COMPARE_PREPOSITIONS = frozenset({"with", "to", "against"})
_FIRST_LETTER_WITHOUT_TYPOS = "\u0900"
"""From Devanagari on, swapped or doubled characters make other words."""


def is_near_duplicate(first: Sequence[str], second: Sequence[str]) -> bool:
    """first, second: words as `drop_stop_words` returns them, different in at least one place."""
    if len(first) == len(second) and all(map(_is_same_word, first, second)):
        return True
    return _join(first) == _join(second) or has_swapped_sides(first, second)


def has_swapped_sides(first: Sequence[str], second: Sequence[str]) -> bool:
    """Whether they differ only in the order of the two sides of a symmetric word ("A or B", "B or A")."""
    if len(first) != len(second):
        return False
    start = _common_prefix(first, second)
    end = len(first) - _common_prefix(first[start:][::-1], second[start:][::-1])
    changed, other_changed = list(first[start:end]), list(second[start:end])
    return any(
        changed[after:] + changed[before:after] + changed[:before] == other_changed
        for before, after in _symmetric_places(changed)
    )


def _symmetric_places(words: Sequence[str]) -> list[tuple[int, int]]:
    """(start, end) of each "and", "or", "vs", "compared with" and the like."""
    single = [(index, index + 1) for index, word in enumerate(words) if word in _SYMMETRIC_WORDS]
    double = [
        (index, index + 2)
        for index, (word, following) in enumerate(pairwise(words))
        if word in {"compare", "compared"} and following in _COMPARE_PREPOSITIONS
    ]
    return single + double


def _common_prefix(first: Sequence[str], second: Sequence[str]) -> int:
    """Number of equal words at the beginning."""
    pairs = enumerate(zip(first, second, strict=False))
    return next((index for index, (word, other) in pairs if word != other), min(len(first), len(second)))


def _join(words: Sequence[str]) -> tuple[str, list[str]]:
    """Letters run together, numbers apart: `air fryer` equals `airfryer`, but `x 2 5` does not equal `x 25`."""
    return "".join(words), [word for word in words if word[-1].isdigit()]


def _is_same_word(first: str, second: str) -> bool:
    """Equal but for a plural or, from five letters on, one typing error. Words with digits must be equal."""
    if first == second:
        return True
    if any(map(str.isdigit, first + second)) or max(first[0], second[0]) >= _FIRST_LETTER_WITHOUT_TYPOS:
        return False
    short, long = sorted((first, second), key=len)
    if len(short) >= 4 and long in {short + "s", short + "es"}:
        return True
    return len(short) >= 5 and (_has_swapped_letters(first, second) or _undouble(first) == _undouble(second))


def _has_swapped_letters(first: str, second: str) -> bool:
    """Whether two neighbouring letters are swapped: `battrey`."""
    differing = [index for index, (letter, other) in enumerate(zip(first, second, strict=False)) if letter != other]
    if len(first) != len(second) or len(differing) != 2:
        return False
    left, right = differing
    return right == left + 1 and first[left] == second[right] and first[right] == second[left]


def _undouble(word: str) -> str:
    """The word with repeated letters written once."""
    return "".join(letter for index, letter in enumerate(word) if not index or word[index - 1] != letter)
