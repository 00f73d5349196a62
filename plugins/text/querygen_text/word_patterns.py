"""Regular expressions and word sets from a readable notation."""

from __future__ import annotations

import re


def any_of(*alternatives: str) -> re.Pattern[str]:
    """A pattern that matches where one of the alternatives does."""
    return re.compile("|".join(f"(?:{alternative})" for alternative in alternatives))


def word_set(text: str) -> frozenset[str]:
    """The words of a text, which are separated by spaces."""
    return frozenset(text.split())
