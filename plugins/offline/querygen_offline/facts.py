"""What is known of a product, in the words that the patterns ask for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from querygen_offline.families import family_of
from querygen_offline.grammar import Words
from querygen_offline.names import kinds_of, name_of
from querygen_offline.slots import Filling, fillings_of, text, texts


@dataclass(frozen=True, slots=True)
class Facts:
    """constants: placeholder → text. slots: slot → its fillings. Neither has a key for what is not known.

    family: see `families.py`, "" if not known. contractions: what of the language is put right after filling in.
    """

    family: str
    constants: Mapping[str, str]
    slots: Mapping[str, Sequence[Filling]]
    contractions: Sequence[tuple[str, str]]


def gather_facts(product: Mapping[str, Any], words: Words) -> Facts:
    brand = name_of(text(product, "brand") or text(product, "manufacturer"), "")
    name = name_of(text(product, "title"), text(product, "brand"))
    kind, categories = text(product, "product_type"), texts(product, "category_path")[::-1]
    family, noun = family_of([kind, name, *categories], compounds=words.capitals)
    named = [kind, *categories[:1]] if words.prefers_type else [*categories[:1], kind]
    kinds = [*named, noun, *categories[1:]] if len(categories) > 1 else [kind, noun, *categories]
    known = {
        "p": _call(name, words.named, words.nameless, bare=words.proper and bool(brand)),
        "d": _call(name, words.named_dative, words.nameless_dative, bare=words.proper and bool(brand)),
        "brand": brand,
        "kinds": _choose_kinds(kinds, brand, words),
    }
    constants = {key: value for key, value in known.items() if value}
    return Facts(family, constants, fillings_of(product, words), words.contractions)


def _call(name: str, named: str, nameless: str, *, bare: bool) -> str:
    if not name:
        return nameless
    return name if bare else named.format(name)


def _choose_kinds(names: Sequence[str], brand: str, words: Words) -> str:
    for name in names:
        kinds = kinds_of(name, capitals=words.capitals)
        if kinds and not (brand and brand.casefold() in kinds.casefold()):
            return kinds
    return ""
