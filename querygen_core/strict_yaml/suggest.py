"""Suggests the option that a misspelt word was meant to be."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def closest(word: str, options: Iterable[str]) -> str | None:
    """The option that was probably meant, or None if none is near."""
    by_fold = {option.casefold(): option for option in sorted(options, reverse=True)}
    matches = get_close_matches(word.casefold()[:100], by_fold, n=1, cutoff=0.6)
    return by_fold[matches[0]] if matches else None


def did_you_mean(word: str, options: Iterable[str]) -> str:
    """`; did you mean 'option'?`, or "" if nothing is near."""
    return asking(closest(word, options))


def asking(match: str | None) -> str:
    return f"; did you mean {match!r}?" if match else ""
