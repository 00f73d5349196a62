"""The languages that questions can be written in."""

from __future__ import annotations

import re
from functools import cache

from querygen_offline import english, german
from querygen_offline.grammar import Grammar, read_patterns
from querygen_offline.words import ENGLISH, GERMAN


def grammar_of(locale: str) -> Grammar:
    """The grammar of `de`, `de-AT` …; of English for every other language."""
    return _german() if re.split("[-_]", locale.casefold())[0] == "de" else _english()


@cache
def _english() -> Grammar:
    return Grammar(ENGLISH, {"product": read_patterns(english.PRODUCT), "market": read_patterns(english.MARKET)})


@cache
def _german() -> Grammar:
    return Grammar(GERMAN, {"product": read_patterns(german.PRODUCT), "market": read_patterns(german.MARKET)})
