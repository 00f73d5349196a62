"""The values that each slot can take, from the fields of a product."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

from querygen_offline.grammar import Lexicon
from querygen_offline.names import lowercase_words, parse_measure, short_phrase, to_adjective, to_slug, to_topic
from querygen_offline.word_lists import PEOPLE

_MAX_VALUES = 16
"""Per slot: more would not fit into any answer."""

_MAX_TEXT = 4_000
"""Characters of a description that are searched for parts."""


@dataclass(frozen=True, slots=True)
class SlotValue:
    slug: str
    """What it is about; becomes part of a question's `facet`."""

    text: str
    """What is written in place of the slot."""

    persona: str = ""
    """Slug of the people that it names, if it names any."""


def extract_slot_values(product: Mapping[str, Any], lexicon: Lexicon) -> dict[str, tuple[SlotValue, ...]]:
    """Slot → its values, each text once. A slot without a value has no key."""
    values_by_slot = {
        "topic": _topics(product, lexicon),
        "spec": _specs(product, lexicon),
        "material": _attribute_values(product, lexicon.materials, lexicon),
        "colour": _attribute_values(product, lexicon.colours, lexicon),
        "quality": _qualities(product, lexicon),
        "part": _parts(product, lexicon),
        "choice": _choices(product, lexicon),
        "who": _people(product, lexicon),
        "rival": _to_values(short_phrase(rival) for rival in get_texts(product, "competitors")),
    }
    distinct = {slot: {value.text.casefold(): value for value in values} for slot, values in values_by_slot.items()}
    return {slot: tuple(values.values())[:_MAX_VALUES] for slot, values in distinct.items() if values}


def get_text(product: Mapping[str, Any], field: str) -> str:
    """A text field; "" if it is absent or of another type."""
    value = product.get(field)
    return value if isinstance(value, str) else ""


def get_texts(product: Mapping[str, Any], field: str) -> list[str]:
    """The texts in a list field; empty if it is absent or of another type."""
    value = product.get(field)
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _topics(product: Mapping[str, Any], lexicon: Lexicon) -> Iterator[SlotValue]:
    return _to_values(to_topic(name, capitals=lexicon.noun_capitals) for name in _attributes(product))


def _specs(product: Mapping[str, Any], lexicon: Lexicon) -> Iterator[SlotValue]:
    for name, value in _attributes(product).items():
        topic, measure = to_topic(name, capitals=lexicon.noun_capitals), parse_measure(value)
        if topic and measure and name.casefold() not in lexicon.materials:
            yield SlotValue(to_slug(topic), lexicon.spec.format(topic=topic, value=measure))


def _attribute_values(product: Mapping[str, Any], names: frozenset[str], lexicon: Lexicon) -> Iterator[SlotValue]:
    for name, value in _attributes(product).items():
        phrase = short_phrase(value, words=3) if name.casefold() in names else ""
        if phrase and phrase.casefold() not in lexicon.yes_no:
            yield SlotValue(to_slug(name), phrase if lexicon.noun_capitals else lowercase_words(phrase))


def _qualities(product: Mapping[str, Any], lexicon: Lexicon) -> Iterator[SlotValue]:
    """Adjectives: the names of attributes whose value is yes."""
    yes, _ = lexicon.yes_no
    for name, value in _attributes(product).items():
        if value.strip().casefold() == yes:
            yield from _to_values([to_adjective(name)])


def _parts(product: Mapping[str, Any], lexicon: Lexicon) -> Iterator[SlotValue]:
    """Parts that the description names, unless the title does: of a "USB cable", the cable is the whole product."""
    pattern, phrases = _part_pattern(lexicon.parts)
    description = "\n".join([*get_texts(product, "bullet_points"), get_text(product, "description")])[:_MAX_TEXT]
    title = get_text(product, "title").casefold()
    for match in pattern.finditer(description.casefold()):
        part = match.group()
        if part not in title:
            yield SlotValue(to_slug(part), phrases[part])


@cache
def _part_pattern(parts: tuple[str, ...]) -> tuple[re.Pattern[str], Mapping[str, str]]:
    # The article is written in questions ("der Griff") but not searched for. "no lid" and "ohne Deckel" name no part.
    phrases = {re.sub(r"^(?:der|die|das) ", "", part).casefold(): part for part in parts}
    return re.compile(rf"(?<!no )(?<!without )(?<!without a )(?<!ohne )\b(?:{'|'.join(phrases)})\b"), phrases


def _choices(product: Mapping[str, Any], lexicon: Lexicon) -> Iterator[SlotValue]:
    options = product.get("variant_options")
    for name, values in options.items() if isinstance(options, Mapping) else ():
        listed = values if isinstance(values, list) else []
        phrases = [phrase for value in listed if (phrase := short_phrase(str(value), words=3))]
        for first, second in pairwise(phrases):
            yield SlotValue(to_slug(str(name)), lexicon.either.format(first, second))


def _people(product: Mapping[str, Any], lexicon: Lexicon) -> Iterator[SlotValue]:
    """The product's own audience first, then the personas of the language."""
    for audience in re.split(r"[,;/]", get_text(product, "audience")):
        phrase = short_phrase(audience)
        if phrase and (lexicon.noun_capitals or PEOPLE.fullmatch(phrase)):
            slug = to_slug(phrase)
            yield SlotValue(slug, phrase if lexicon.noun_capitals else lowercase_words(phrase), persona=slug)
    for persona, plural in lexicon.personas:
        yield SlotValue(persona, plural, persona=persona)


def _to_values(phrases: Iterable[str]) -> Iterator[SlotValue]:
    return (SlotValue(to_slug(phrase), phrase) for phrase in phrases if phrase)


def _attributes(product: Mapping[str, Any]) -> dict[str, str]:
    value = product.get("attributes")
    return {str(name): str(item) for name, item in value.items()} if isinstance(value, Mapping) else {}
