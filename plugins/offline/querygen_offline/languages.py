"""The languages that questions can be written in."""

from __future__ import annotations

import re
from functools import cache

from querygen_offline import english, german
from querygen_offline.grammar import Grammar, parse_patterns
from querygen_offline.lexicons import ENGLISH, GERMAN


def load_grammar(locale: str) -> Grammar:
    """German for `de`, `de-AT`, …; English for every other language."""
    return _german() if re.split("[-_]", locale.casefold())[0] == "de" else _english()


@cache
def _english() -> Grammar:
    return Grammar(ENGLISH, {"product": parse_patterns(english.PRODUCT), "market": parse_patterns(english.MARKET)})


@cache
def _german() -> Grammar:
    return Grammar(GERMAN, {"product": parse_patterns(german.PRODUCT), "market": parse_patterns(german.MARKET)})
