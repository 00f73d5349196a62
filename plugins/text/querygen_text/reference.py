"""Rules on what a question refers to: the right brand, something it names itself, numbers that are the product's."""

from __future__ import annotations

import re
from collections.abc import Iterator

from querygen_text.candidate import Candidate
from querygen_text.names import is_peculiar
from querygen_text.patterns import any_of, word_set
from querygen_text.wording import measures

_WORD = re.compile(r"\w+(?:['’.-]\w+)*")

_ELSEWHERE = any_of(
    r"\bthe other (?:one|ones|model|product|item|version)\b(?! than\b)",
    r"\b(?:mentioned|described|listed|stated|shown|discussed) (?:above|below|earlier|before|previously)\b",
    r"\b(?:above|previously|earlier|afore)[ -]?mentioned\b|\b(?:as|is|are|was|were) mentioned\b",
    r"\bthe (?:former|latter)\b|\bprevious (?:one|question|answer|item)\b|\bthe same question\b",
)
_ELSEWHERE_WORDS = word_set(
    "other above below earlier before previously previous mentioned above-mentioned aforementioned "
    "previously-mentioned former latter same"
)
"""Each phrase of `_ELSEWHERE` holds one of them, so most questions need not be searched."""

_ABOUT_THAT = any_of(
    r"(?:and |so |but |then )?(?:what|how) about (?:that|this|it|them|those|these)\b",
    r"(?:what|who|how|why|when|where) (?:is|are|about) (?:that|this|it|they|those|these)\W*$",
)
_VERB = "(?:is|are|was|were|do|does|did|can|could|will|would|should|has|have)"
_BARE = re.compile(
    rf"(?:(?:how|what|which|when|where|why|who)(?: [\w-]+){{0,3}}? )?{_VERB} (?:it|they)\b"
    r"(?!(?: \w+){0,3} (?:to|that|if|worth)\b| worth\b| take\b| matter\b| make sense\b)"
)

_OWN_NUMBER = re.compile(r"(?:\b(?:its|their)|'s) (?=(\d[\d.,]*)[ -]?([a-z\"″%]+))")
_GIVEN_NUMBER = re.compile(r"\b(\w+) the (?=(\d[\d.,]*)[ -]?([a-z\"″%]+))")
_OF_ANOTHER = word_set(
    "with fit fits for on into onto in than to from and or by versus vs charge charges power hold holds"
)
"""After these "the 65 W charger" is another thing than the product."""


def is_wrong_brand(case: Candidate) -> bool:
    """Another brand in front of this product's model name, and the own brand nowhere: `Ferrow SwiftBoil K7`."""
    model, brand = case.known.model_words, case.known.product.brand.lower()
    if not model or not brand or brand in case.lower or model[0].lower() not in case.lower:
        return False
    words = _WORD.findall(case.text)
    places = [place for place, word in enumerate(words) if place and word.lower() == model[0].lower()]
    return any(_is_other_brand(words[place - 1], place - 1, case) for place in places)


def _is_other_brand(word: str, place: int, case: Candidate) -> bool:
    known = case.known
    rivals = {rival.split()[0].lower() for rival in known.product.competitors if rival.strip()}
    if word.lower() in rivals:
        return case.query.query_type == "product" or is_peculiar(known.model_words[0])
    if not any(map(is_peculiar, known.model_words[:2])):
        return False  # a rival may well make an "electric kettle", but no "SwiftBoil K7"
    return place > 0 and word[0].isupper() and word.lower() not in known.name_words


def names_brand(case: Candidate) -> bool:
    """A question meant to be unbranded that names the brand."""
    brand = case.known.product.brand.strip().lower()
    if case.query.labels.get("brand_mode") != "unbranded" or not brand:
        return False
    return re.search(rf"(?<!\w){re.escape(brand)}(?!\w)", case.lower) is not None


def depends_on_context(case: Candidate) -> bool:
    if case.language != "en":
        return False
    elsewhere = case.has_any(_ELSEWHERE_WORDS) and _ELSEWHERE.search(case.lower) is not None
    return elsewhere or _ABOUT_THAT.match(case.lower) is not None


def holds_bare_it(case: Candidate) -> bool:
    """`Does it …` where nothing in the question says what; not "is it worth" or "how long does it take to"."""
    return case.language == "en" and _BARE.match(case.lower) is not None and not _names_product(case)


def _names_product(case: Candidate) -> bool:
    names = case.known.name_words
    return any(word in names or word.removesuffix("'s") in names for word in case.words if len(word) > 2)


def states_unknown_number(case: Candidate) -> bool:
    """Speaks of "its 60-minute battery" where the input says 45 minutes or nothing; to ask for a number is free.

    "The 60-minute battery" counts only if the input holds another number of that unit: it may be another thing's.
    """
    if case.language != "en" or case.query.query_type != "product" or not case.digits:
        return False
    own, given = list(_own_measures(case)), list(_given_measures(case))
    if not own and not given:
        return False
    known = case.known.measures
    units = {unit for _, unit in known}
    return any(measure not in known for measure in own) or any(
        measure not in known and measure[1] in units for measure in given
    )


def _own_measures(case: Candidate) -> Iterator[tuple[str, str]]:
    for found in _OWN_NUMBER.finditer(case.lower):
        yield from measures(f"{found[1]} {found[2]}")


def _given_measures(case: Candidate) -> Iterator[tuple[str, str]]:
    for found in _GIVEN_NUMBER.finditer(case.lower):
        if found[1] not in _OF_ANOTHER:
            yield from measures(f"{found[2]} {found[3]}")
