"""The patterns of one language, read from the plain text in which they are written down.

A pattern is `facet gates | text`: `cleaning -food -body | How do I clean {p}?`. Gates are families of products: a name
admits only the named families, `-name` excludes one; a product of no known family passes exclusions only. The text may
hold what is always known or never (`{p}` `{d}` `{brand}` `{kinds}`) and at most one slot that takes several fillings
(`{topic}` `{who}` …, see `facts.py`). A pattern whose placeholders a product cannot fill is not used for it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

SLOTS = ("topic", "spec", "part", "material", "colour", "quality", "choice", "who", "rival")

_PLACEHOLDER = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Pattern:
    """slot: the placeholder with several fillings, or "". needs: the other placeholders.

    brand_mode: `unbranded`, `branded` or `comparative`. telling: asks about more than the product's name.
    """

    sub_type: str
    facet: str
    text: str
    slot: str
    needs: frozenset[str]
    only: frozenset[str]
    never: frozenset[str]
    brand_mode: str
    telling: bool

    def suits(self, family: str) -> bool:
        return family not in self.never and (not self.only or family in self.only)


@dataclass(frozen=True, slots=True)
class Words:
    """What it takes, beside patterns, to read facts and to write questions in one language.

    named, nameless: how a product is called, if its name is known or not; `…_dative` where a preposition asks for it.
    proper: a name with its brand stands alone. spec: an attribute with its value. either: two options.
    contractions: two words that are written as one. polite: begins a near-repeat. capitals: nouns keep theirs, and
    are compounds. prefers_type: a product type names a kind of product better than a category does.
    personas: slug and plural noun. parts: nouns to look for in descriptions, with an article if the patterns want one.
    materials, colours: attributes that hold one. answers: "yes" and "no".
    """

    named: str
    named_dative: str
    nameless: str
    nameless_dative: str
    proper: bool
    spec: str
    either: str
    contractions: tuple[tuple[str, str], ...]
    polite: str
    capitals: bool
    prefers_type: bool
    personas: tuple[tuple[str, str], ...]
    parts: tuple[str, ...]
    materials: frozenset[str]
    colours: frozenset[str]
    answers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Grammar:
    words: Words
    patterns: Mapping[str, Mapping[str, Sequence[Pattern]]]

    def of(self, query_type: str) -> Mapping[str, Sequence[Pattern]]:
        """Patterns by sub_type; a query_type that is not `market` is asked about as `product`."""
        return self.patterns["market" if query_type == "market" else "product"]


def read_patterns(written: Mapping[str, Sequence[str]]) -> dict[str, tuple[Pattern, ...]]:
    return {sub_type: tuple(_read(sub_type, line) for line in lines) for sub_type, lines in written.items()}


def _read(sub_type: str, line: str) -> Pattern:
    label, _, text = line.partition(" | ")
    facet, *gates = label.split()
    names = frozenset(_PLACEHOLDER.findall(text))
    return Pattern(
        sub_type=sub_type,
        facet=facet,
        text=text,
        slot=next((name for name in SLOTS if name in names), ""),
        needs=names.difference(SLOTS),
        only=frozenset(gate for gate in gates if not gate.startswith("-")),
        never=frozenset(gate[1:] for gate in gates if gate.startswith("-")),
        brand_mode=_mode(sub_type, names),
        telling=bool(names - {"p", "d", "who"}),
    )


def _mode(sub_type: str, names: frozenset[str]) -> str:
    branded = names & {"p", "d", "brand"}
    if "rival" in names or (sub_type == "competitors" and branded):
        return "comparative"
    return "branded" if branded else "unbranded"
