"""The question templates of one language, parsed from the notation in which they are written down.

A pattern is `facet conditions | text`, as in `cleaning -food -body | How do I clean {p}?`. A condition is a product
group: with `food` the pattern is used for food only, with `-food` for everything else; a product of no known group
passes exclusions only. The text may hold placeholders with one value (`{p}` `{d}` `{brand}` `{kinds}`) and at most one
slot, which has several (`{topic}` `{who}` …, see `slots.py`). A pattern is used for a product only if all of its
placeholders can be filled.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

SLOTS = ("topic", "spec", "part", "material", "colour", "quality", "choice", "who", "rival")

_PLACEHOLDER = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Pattern:
    sub_type: str
    """The prompt's sub_type that the question belongs to."""

    facet: str
    """What the question is about, as a slug."""

    text: str
    """The question, with placeholders in braces."""

    slot: str
    """The placeholder that has several values, or ""."""

    required: frozenset[str]
    """The other placeholders."""

    only_groups: frozenset[str]
    """The product groups that the question makes sense for; empty: all of them."""

    excluded_groups: frozenset[str]
    """The product groups that it makes no sense for."""

    brand_mode: str
    """`unbranded`, `branded` or `comparative`."""

    uses_facts: bool
    """Whether it asks about more than the product's name."""

    def suits(self, group: str) -> bool:
        return group not in self.excluded_groups and (not self.only_groups or group in self.only_groups)


@dataclass(frozen=True, slots=True)
class Lexicon:
    """The words of one language that reading facts and writing questions take; `{}` is where a text is filled in."""

    product: str
    """How a product with a known name is referred to: `the {}`."""

    product_dative: str
    """The same after a preposition that governs the dative."""

    unnamed_product: str
    """How a product without a usable name is referred to: `this product`."""

    unnamed_product_dative: str
    """The same after a preposition that governs the dative."""

    brand_replaces_article: bool
    """Whether a name that begins with its brand stands without an article."""

    spec: str
    """An attribute with its value, with the placeholders `{topic}` and `{value}`."""

    either: str
    """A choice between two options."""

    contractions: tuple[tuple[str, str], ...]
    """(written apart, contracted) pairs."""

    polite_opening: str
    """Begins a near-duplicate of a question."""

    noun_capitals: bool
    """Whether nouns are capitalised and written as compounds, as in German."""

    prefers_product_type: bool
    """Whether a product type names the kind of product better than a category does."""

    personas: tuple[tuple[str, str], ...]
    """(slug, plural noun) of people who may ask."""

    parts: tuple[str, ...]
    """Parts of products to look for in descriptions, with an article where the patterns want one."""

    materials: frozenset[str]
    """Names of attributes that hold a material, folded."""

    colours: frozenset[str]
    """Names of attributes that hold a colour, folded."""

    yes_no: tuple[str, str]
    """The words for yes and no, which are answers and no values to ask about."""


@dataclass(frozen=True, slots=True)
class Grammar:
    lexicon: Lexicon
    """The words of the language."""

    patterns: Mapping[str, Mapping[str, Sequence[Pattern]]]
    """query_type → sub_type → patterns."""

    def patterns_for(self, query_type: str) -> Mapping[str, Sequence[Pattern]]:
        """Patterns by sub_type. Every query_type but `market` gets product questions."""
        return self.patterns["market" if query_type == "market" else "product"]


def parse_patterns(lines_by_sub_type: Mapping[str, Sequence[str]]) -> dict[str, tuple[Pattern, ...]]:
    return {sub_type: tuple(_parse(sub_type, line) for line in lines) for sub_type, lines in lines_by_sub_type.items()}


def _parse(sub_type: str, line: str) -> Pattern:
    label, _, text = line.partition(" | ")
    facet, *conditions = label.split()
    placeholders = frozenset(_PLACEHOLDER.findall(text))
    return Pattern(
        sub_type=sub_type,
        facet=facet,
        text=text,
        slot=next((slot for slot in SLOTS if slot in placeholders), ""),
        required=placeholders.difference(SLOTS),
        only_groups=frozenset(group for group in conditions if not group.startswith("-")),
        excluded_groups=frozenset(group[1:] for group in conditions if group.startswith("-")),
        brand_mode=_brand_mode(sub_type, placeholders),
        uses_facts=bool(placeholders - {"p", "d", "who"}),
    )


def _brand_mode(sub_type: str, placeholders: frozenset[str]) -> str:
    names_brand = bool(placeholders & {"p", "d", "brand"})
    if "rival" in placeholders or (sub_type == "competitors" and names_brand):
        return "comparative"
    return "branded" if names_brand else "unbranded"
