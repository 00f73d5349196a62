"""Recognises an answer in which the model has got into a loop, so that it is not asked again. Pure functions."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

_FEWEST = 3  # questions; two that are alike are no loop yet
_FAR_BEYOND = 2  # times as many questions as were asked for
_NEW_OF_CUT = 10  # one in so many questions has to be new in an answer that was cut at the token limit
_GROWS = 3  # words that a question and the one before it share when the second is the first and more
_NGRAM = 3  # words
_LONG = 4 * _NGRAM  # words: a text that could turn in circles in itself
_WORD = re.compile(r"\w+")
_COUNTER = re.compile(r"(?<![a-z])[a-z]*\d[a-z\d]*|\d+")


def loops(texts: Sequence[str], earlier: Sequence[str] = (), *, asked: int = 0, cut: bool = False) -> bool:
    """Whether most questions of an answer repeat others of it; or, if it was cut at the token limit, whether hardly any
    is new.

    earlier: what answers of earlier rounds gave; only an answer that was cut is compared with them. asked: number of
    questions that were asked for, 0 if that is not known.
    """
    if len(texts) < _FEWEST:
        return False
    # A few questions may well differ in a number only; a model that does not end by itself merely counts.
    endless = cut or (asked > 0 and len(texts) > _FAR_BEYOND * asked)
    if 2 * _new(texts, counters=not endless) < len(texts):
        return True
    return cut and _NEW_OF_CUT * (_new([*earlier, *texts]) - _new(earlier)) < len(texts)


def texts_of(value: Any) -> list[str]:
    """The questions in an answer's value; none if it is of another kind."""
    items = value.get("questions") if isinstance(value, dict) else None
    if not isinstance(items, list):
        return []
    found = (item.get("text") if isinstance(item, dict) else item for item in items)
    return [text for text in found if isinstance(text, str)]


def _new(texts: Iterable[str], *, counters: bool = False) -> int:
    """Questions that are neither one that came before, nor the last one and more, nor a circle in themselves.

    counters: whether a number or letter of its own makes another question.
    """
    seen: set[frozenset[str]] = set()
    last: list[str] = []
    new = 0
    for text in texts:
        words = _words(text, counters=counters)
        # As a set: a loop may stammer ("really, really really"). Other words make another question, however alike the
        # rest is.
        key = frozenset(words)
        grown = len(last) >= _GROWS and words[: len(last)] == last
        new += not (key in seen or grown or _circles(words))
        seen.add(key)
        last = words
    return new


def _words(text: str, *, counters: bool) -> list[str]:
    """Its words; without `counters` only those that do more than count ("1", "2nd", "(a)"), if there are any."""
    text = unicodedata.normalize("NFKC", text).casefold()
    words = _WORD.findall(text)
    return words if counters else [word for word in _WORD.findall(_COUNTER.sub(" ", text)) if len(word) > 1] or words


def _circles(words: Sequence[str]) -> bool:
    """Whether a long text says most of its n-grams more than once."""
    if len(words) < _LONG:
        return False
    grams = [tuple(words[start : start + _NGRAM]) for start in range(len(words) - _NGRAM + 1)]
    return 2 * len(set(grams)) < len(grams)
