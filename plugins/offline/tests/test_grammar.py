"""The patterns are data that people edit: what they must keep to."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from itertools import combinations

import pytest

from querygen_offline.grammar import SLOTS
from querygen_offline.languages import load_grammar
from querygen_offline.product_groups import PRODUCT_GROUPS
from querygen_offline.question import _STAGES

CONSTANTS = {"p", "d", "brand", "kinds"}
TYPES = ("product", "market")
LOCALES = ("en", "de")


def patterns(locale, kind):
    return [pattern for group in load_grammar(locale).patterns_for(kind).values() for pattern in group]


EVERY = [pattern for locale in LOCALES for kind in TYPES for pattern in patterns(locale, kind)]


@pytest.mark.parametrize("kind", TYPES)
def test_languages_ask_the_same(kind):
    english, german = (
        [
            (pattern.sub_type, pattern.facet, pattern.only_groups, pattern.excluded_groups)
            for pattern in patterns(locale, kind)
        ]
        for locale in LOCALES
    )
    assert english == german


def is_one_question(pattern):
    """With a capital in front, one question mark, known placeholders and groups, at most one slot and one name."""
    names = re.findall(r"\{(\w+)\}", pattern.text)
    return (
        re.fullmatch(r"[A-ZÄÖÜ][^?]+\?", pattern.text)
        and set(names) <= CONSTANTS | set(SLOTS)
        and len(names) == len(set(names))
        and len(set(names) & set(SLOTS)) <= 1
        and len({"p", "d"} & set(names)) <= 1
        and pattern.only_groups | pattern.excluded_groups <= set(PRODUCT_GROUPS)
        and re.fullmatch(r"[a-z_]+", pattern.facet)
    )


def test_every_pattern_is_one_question():
    assert [pattern.text for pattern in EVERY if not is_one_question(pattern)] == []


def test_every_pattern_names_something():
    """A product question the product; a market question the product, the brand or the kind of product."""
    of_product = set(load_grammar("en").patterns_for("product"))
    wrong = [
        pattern.text
        for pattern in EVERY
        if not re.search(r"\{[pd]\}" if pattern.sub_type in of_product else r"\{(?:p|d|brand|kinds)\}", pattern.text)
    ]
    assert wrong == []


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("kind", TYPES)
def test_no_two_patterns_are_near_each_other(locale, kind):
    said = [pattern.text for pattern in patterns(locale, kind)]
    pairs = [(a, b) for a, b in combinations(said, 2) if SequenceMatcher(None, a, b).quick_ratio() > 0.9]
    assert [pair for pair in pairs if SequenceMatcher(None, *pair).ratio() > 0.9] == []


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("kind", TYPES)
def test_facets_are_unique_where_nothing_else_tells_questions_apart(locale, kind):
    bare = [pattern.facet for pattern in patterns(locale, kind) if not pattern.slot]
    assert len(set(bare)) == len(bare)


def test_every_sub_type_has_a_stage():
    for pattern in EVERY:
        assert pattern.sub_type in _STAGES or pattern.brand_mode in _STAGES


def test_english_needs_no_agreement():
    """A name may be a plural ("the Trail Shoes is"), a kind may have none ("which beard oil come")."""
    verbs = "is|are|was|were|do|does|has|have"
    name = rf"\b(?:{verbs}) \{{p\}}|\{{p\}} (?:is|are|was|were|does|has)\b"
    kind = r"\{kinds\} (?:is|are|was|were|has|have|make|makes|come|comes|offer|offers|last|lasts)\b"
    wrong = re.compile(f"{name}|{kind}")
    assert [pattern.text for kind in TYPES for pattern in patterns("en", kind) if wrong.search(pattern.text)] == []


def test_no_noun_is_in_two_groups():
    nouns = [noun for group in PRODUCT_GROUPS.values() for noun in group.split()]
    assert sorted(noun for noun in set(nouns) if nouns.count(noun) > 1) == []
