"""Patterns and word lists written so that they stay readable."""

from __future__ import annotations

import re


def any_of(*alternatives: str) -> re.Pattern[str]:
    """Matches where one of them does."""
    return re.compile("|".join(f"(?:{alternative})" for alternative in alternatives))


def word_set(text: str) -> frozenset[str]:
    """The words of `text`, which are separated by spaces."""
    return frozenset(text.split())
