"""What is known of one product, in the words that the question templates need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from querygen_offline.grammar import Lexicon
from querygen_offline.names import shorten_title, spoken_name, to_plural_kind
from querygen_offline.product_groups import find_product_group
from querygen_offline.slots import SlotValue, extract_slot_values, get_text, get_texts


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that can be filled into a template. What is not known has no key, so its templates are not used."""

    group: str
    """A key of `PRODUCT_GROUPS`, or "" if the product belongs to none that is known."""

    constants: Mapping[str, str]
    """Placeholder → its text, for the placeholders with one value: `p`, `d`, `brand`, `kinds`."""

    slots: Mapping[str, Sequence[SlotValue]]
    """Slot → its possible values, at least one each."""

    contractions: Sequence[tuple[str, str]]
    """(written apart, contracted) pairs, applied to the filled template: `bei dem ` → `beim `."""


def extract_facts(product: Mapping[str, Any], lexicon: Lexicon) -> Facts:
    """The facts in a product's fields as a prompt shows them; fields of an unexpected type are ignored."""
    brand = shorten_title(get_text(product, "brand") or get_text(product, "manufacturer"), "")
    name = shorten_title(get_text(product, "title"), get_text(product, "brand"))
    product_type = get_text(product, "product_type")
    categories = get_texts(product, "category_path")[::-1]  # the most specific category first
    group, noun = find_product_group([product_type, name, *categories], compounds=lexicon.noun_capitals)
    spoken = spoken_name(name, brand)
    drop_article = lexicon.brand_replaces_article and bool(brand)
    known = {
        "p": _refer_to(spoken, lexicon.product, lexicon.unnamed_product, drop_article=drop_article),
        "d": _refer_to(spoken, lexicon.product_dative, lexicon.unnamed_product_dative, drop_article=drop_article),
        "brand": brand,
        "kinds": _choose_kinds(_kind_names(product_type, categories, noun, lexicon), brand, lexicon),
    }
    constants = {placeholder: text for placeholder, text in known.items() if text}
    return Facts(group, constants, extract_slot_values(product, lexicon), lexicon.contractions)


def _refer_to(name: str, template: str, unnamed: str, *, drop_article: bool) -> str:
    if not name:
        return unnamed
    return name if drop_article else template.format(name)


def _kind_names(product_type: str, categories: Sequence[str], noun: str, lexicon: Lexicon) -> list[str]:
    """Names for the kind of product, best first. A single category is often just a department ("Sale", "Kitchen")."""
    if len(categories) < 2:
        return [product_type, noun, *categories]
    specific, *general = categories
    preferred = [product_type, specific] if lexicon.prefers_product_type else [specific, product_type]
    return [*preferred, noun, *general]


def _choose_kinds(names: Sequence[str], brand: str, lexicon: Lexicon) -> str:
    """The first usable name that does not hold the brand: unbranded questions must not name it."""
    for name in names:
        kinds = to_plural_kind(name, capitals=lexicon.noun_capitals)
        if kinds and not (brand and brand.casefold() in kinds.casefold()):
            return kinds
    return ""
