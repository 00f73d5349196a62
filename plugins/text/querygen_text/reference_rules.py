"""Rules on what a question refers to: the right brand, something it names itself, measures that the product has."""

from __future__ import annotations

import re
from collections.abc import Iterator

from querygen_text.normalise import find_measures
from querygen_text.parsed_question import ParsedQuestion
from querygen_text.product_facts import looks_like_name
from querygen_text.word_patterns import any_of, word_set

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
"""Each phrase of `_ELSEWHERE` contains one of these words, so that most questions need not be searched."""

_ABOUT_THAT = any_of(
    r"(?:and |so |but |then )?(?:what|how) about (?:that|this|it|them|those|these)\b",
    r"(?:what|who|how|why|when|where) (?:is|are|about) (?:that|this|it|they|those|these)\W*$",
)
_VERB = "(?:is|are|was|were|do|does|did|can|could|will|would|should|has|have)"
# "Does it …", "How long do they …"; not "is it worth", "how long does it take to", where "it" stands for nothing.
_PRONOUN = re.compile(
    rf"(?:(?:how|what|which|when|where|why|who)(?: [\w-]+){{0,3}}? )?{_VERB} (?:it|they)\b"
    r"(?!(?: \w+){0,3} (?:to|that|if|worth)\b| worth\b| take\b| matter\b| make sense\b)"
)

_ITS_NUMBER = re.compile(r"(?:\b(?:its|their)|'s) (?=(\d[\d.,]*)[ -]?([a-z\"″%]+))")
_THE_NUMBER = re.compile(r"\b(\w+) the (?=(\d[\d.,]*)[ -]?([a-z\"″%]+))")
_BEFORE_OTHER_PRODUCT = word_set(
    "with fit fits for on into onto in than to from and or by versus vs charge charges power hold holds"
)
"""After these words, "the 65 W charger" is another product."""


def has_wrong_brand(question: ParsedQuestion) -> bool:
    """Another brand before this product's model name, and its own brand nowhere: `Ferrow SwiftBoil K7`."""
    model, brand = question.facts.model_words, question.facts.product.brand.lower()
    if not model or not brand or brand in question.lower or model[0].lower() not in question.lower:
        return False
    words = _WORD.findall(question.text)
    places = [index for index, word in enumerate(words) if index and word.lower() == model[0].lower()]
    return any(_is_other_brand(words[index - 1], index - 1, question) for index in places)


def _is_other_brand(word: str, index: int, question: ParsedQuestion) -> bool:
    facts = question.facts
    rivals = {rival.split()[0].lower() for rival in facts.product.competitors if rival.strip()}
    if word.lower() in rivals:
        return question.query.query_type == "product" or looks_like_name(facts.model_words[0])
    if not any(map(looks_like_name, facts.model_words[:2])):
        return False  # another brand may well make an "electric kettle", but no "SwiftBoil K7"
    return index > 0 and word[0].isupper() and word.lower() not in facts.name_words


def names_brand(question: ParsedQuestion) -> bool:
    """A question labelled unbranded that names the brand."""
    brand = question.facts.product.brand.strip().lower()
    if question.query.labels.get("brand_mode") != "unbranded" or not brand:
        return False
    return re.search(rf"(?<!\w){re.escape(brand)}(?!\w)", question.lower) is not None


def depends_on_context(question: ParsedQuestion) -> bool:
    """Refers to something outside of the question ("the other one"), so that it cannot stand alone."""
    if question.language != "en":
        return False
    refers_elsewhere = question.has_any(_ELSEWHERE_WORDS) and _ELSEWHERE.search(question.lower) is not None
    return refers_elsewhere or _ABOUT_THAT.match(question.lower) is not None


def has_unresolved_pronoun(question: ParsedQuestion) -> bool:
    """`Does it …` where nothing in the question says what; not "is it worth" or "how long does it take to"."""
    return question.language == "en" and _PRONOUN.match(question.lower) is not None and not _names_product(question)


def _names_product(question: ParsedQuestion) -> bool:
    names = question.facts.name_words
    return any(word in names or word.removesuffix("'s") in names for word in question.words if len(word) > 2)


def presupposes_unknown_measure(question: ParsedQuestion) -> bool:
    """Speaks of "its 60-minute battery" where the input says 45 minutes or nothing. Asking for a number is fine.

    "The 60-minute battery" counts only if the input holds another number of that unit: it may be another product's.
    """
    if question.language != "en" or question.query.query_type != "product" or not question.digits:
        return False
    its_measures, the_measures = list(_its_measures(question)), list(_the_measures(question))
    if not its_measures and not the_measures:
        return False
    known = question.facts.measures
    known_units = {unit for _, unit in known}
    return any(measure not in known for measure in its_measures) or any(
        measure not in known and measure[1] in known_units for measure in the_measures
    )


def _its_measures(question: ParsedQuestion) -> Iterator[tuple[str, str]]:
    for match in _ITS_NUMBER.finditer(question.lower):
        yield from find_measures(f"{match[1]} {match[2]}")


def _the_measures(question: ParsedQuestion) -> Iterator[tuple[str, str]]:
    for match in _THE_NUMBER.finditer(question.lower):
        if match[1] not in _BEFORE_OTHER_PRODUCT:
            yield from find_measures(f"{match[2]} {match[3]}")
