"""Whether two wordings that look alike ask the same.

The answer is yes only for a short list of differences: where words are joined, a typing error, a plural, the two
sides of "and" or "compared with" changed over. Everything else keeps them apart: in a list of generated questions one
other word is nearly always another question (waterproof, windproof; until, from; 13-inch, 15-inch).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

_BOTH_WAYS = frozenset({"and", "or", "vs"})
_COMPARED = frozenset({"with", "to", "against"})
_NO_TYPOS_FROM = "\u0900"
"""From Devanagari on, swapped or doubled characters are other words."""


def same_question(one: Sequence[str], other: Sequence[str]) -> bool:
    """`one` and `other` are tokens as `weighty` leaves them."""
    if len(one) == len(other) and all(map(_same_word, one, other)):
        return True
    return _joined(one) == _joined(other) or sides_swapped(one, other)


def sides_swapped(one: Sequence[str], other: Sequence[str]) -> bool:
    """They differ only in the order of the two sides of a word that works both ways."""
    if len(one) != len(other):
        return False
    start = _common(one, other)
    end = len(one) - _common(one[start:][::-1], other[start:][::-1])
    mine, yours = list(one[start:end]), list(other[start:end])
    return any(mine[stop:] + mine[place:stop] + mine[:place] == yours for place, stop in _turning_points(mine))


def _turning_points(words: Sequence[str]) -> list[tuple[int, int]]:
    found = [(place, place + 1) for place, word in enumerate(words) if word in _BOTH_WAYS]
    pairs = enumerate(pairwise(words))
    return found + [(place, place + 2) for place, (a, b) in pairs if a in {"compare", "compared"} and b in _COMPARED]


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    return next(
        (place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )


def _joined(words: Sequence[str]) -> tuple[str, list[str]]:
    """Letters run together, numbers apart: `air fryer` is `airfryer`, but `x 2 5` is not `x 25`."""
    return "".join(words), [word for word in words if word[-1].isdigit()]


def _same_word(one: str, other: str) -> bool:
    if one == other:
        return True
    if any(map(str.isdigit, one + other)) or max(one[0], other[0]) >= _NO_TYPOS_FROM:
        return False
    short, long = sorted((one, other), key=len)
    if len(short) >= 4 and long in {short + "s", short + "es"}:
        return True
    return len(short) >= 5 and (_swapped(one, other) or _single(one) == _single(other))


def _swapped(one: str, other: str) -> bool:
    """Two neighbouring letters changed over: `battrey`."""
    places = [place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b]
    return (
        len(one) == len(other)
        and len(places) == 2
        and places[1] == places[0] + 1
        and one[places[0]] == other[places[1]]
        and one[places[1]] == other[places[0]]
    )


def _single(word: str) -> str:
    return "".join(letter for place, letter in enumerate(word) if not place or word[place - 1] != letter)
