"""The fillings of each slot, from the fields of a product."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

from querygen_offline.grammar import Words
from querygen_offline.names import measure_of, phrase_of, quality_of, slug_of, spoken, topic_of
from querygen_offline.vocabulary import PEOPLE

_MOST_FILLINGS = 16
_MOST_TEXT = 4_000


@dataclass(frozen=True, slots=True)
class Filling:
    """One way to fill a slot. slug: what it is about, for `facet`. persona: who it speaks of."""

    slug: str
    text: str
    persona: str = ""


def fillings_of(product: Mapping[str, Any], words: Words) -> dict[str, tuple[Filling, ...]]:
    """Slot → fillings, each text once, for the slots that have any."""
    found = {
        "topic": _topics(product, words),
        "spec": _specs(product, words),
        "material": _values(product, words.materials, words),
        "colour": _values(product, words.colours, words),
        "quality": _qualities(product, words),
        "part": _parts(product, words),
        "choice": _choices(product, words),
        "who": _people(product, words),
        "rival": _fillings(phrase_of(rival) for rival in texts(product, "competitors")),
    }
    distinct = {slot: {filling.text.casefold(): filling for filling in fillings} for slot, fillings in found.items()}
    return {slot: tuple(fillings.values())[:_MOST_FILLINGS] for slot, fillings in distinct.items() if fillings}


def text(product: Mapping[str, Any], field: str) -> str:
    value = product.get(field)
    return value if isinstance(value, str) else ""


def texts(product: Mapping[str, Any], field: str) -> list[str]:
    value = product.get(field)
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _topics(product: Mapping[str, Any], words: Words) -> Iterator[Filling]:
    return _fillings(topic_of(name, capitals=words.capitals) for name in _attributes(product))


def _specs(product: Mapping[str, Any], words: Words) -> Iterator[Filling]:
    for name, written in _attributes(product).items():
        topic, value = topic_of(name, capitals=words.capitals), measure_of(written)
        if topic and value and name.casefold() not in words.materials:
            yield Filling(slug_of(topic), words.spec.format(topic=topic, value=value))


def _values(product: Mapping[str, Any], names: frozenset[str], words: Words) -> Iterator[Filling]:
    for name, written in _attributes(product).items():
        value = phrase_of(written, words=3) if name.casefold() in names else ""
        if value and value.casefold() not in words.answers:
            yield Filling(slug_of(name), value if words.capitals else spoken(value))


def _qualities(product: Mapping[str, Any], words: Words) -> Iterator[Filling]:
    for name, written in _attributes(product).items():
        if written.strip().casefold() in words.answers[:1]:
            yield from _fillings([quality_of(name)])


def _parts(product: Mapping[str, Any], words: Words) -> Iterator[Filling]:
    pattern, phrases = _part_pattern(words.parts)
    told = "\n".join([*texts(product, "bullet_points"), text(product, "description")])[:_MOST_TEXT]
    title = text(product, "title").casefold()
    for found in pattern.finditer(told.casefold()):
        if found.group() not in title:
            yield Filling(slug_of(found.group()), phrases[found.group()])


@cache
def _part_pattern(parts: tuple[str, ...]) -> tuple[re.Pattern[str], Mapping[str, str]]:
    phrases = {re.sub(r"^(?:der|die|das) ", "", part).casefold(): part for part in parts}
    return re.compile(rf"(?<!no )(?<!without )(?<!without a )(?<!ohne )\b(?:{'|'.join(phrases)})\b"), phrases


def _choices(product: Mapping[str, Any], words: Words) -> Iterator[Filling]:
    options = product.get("variant_options")
    for name, values in options.items() if isinstance(options, Mapping) else ():
        given = values if isinstance(values, list) else []
        said = [phrase for value in given if (phrase := phrase_of(str(value), words=3))]
        for first, second in pairwise(said):
            yield Filling(slug_of(str(name)), words.either.format(first, second))


def _people(product: Mapping[str, Any], words: Words) -> Iterator[Filling]:
    for people in re.split(r"[,;/]", text(product, "audience")):
        said = phrase_of(people)
        if said and (words.capitals or PEOPLE.fullmatch(said)):
            slug = slug_of(said)
            yield Filling(slug, said if words.capitals else spoken(said), persona=slug)
    for persona, plural in words.personas:
        yield Filling(persona, plural, persona=persona)


def _fillings(said: Iterable[str]) -> Iterator[Filling]:
    return (Filling(slug_of(phrase), phrase) for phrase in said if phrase)


def _attributes(product: Mapping[str, Any]) -> dict[str, str]:
    value = product.get("attributes")
    return {str(name): str(item) for name, item in value.items()} if isinstance(value, Mapping) else {}
