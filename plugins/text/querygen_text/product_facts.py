"""What the input says about a product, prepared once for all its questions."""

from __future__ import annotations

import re
from functools import cached_property

from querygen_core.api import Product
from querygen_text.normalise import find_measures

_WORD = re.compile(r"\w+(?:['’.-]\w+)*")
_MAX_TITLE_WORDS = 60
_INNER_CAPITAL = re.compile(r".[A-Z]")


def looks_like_name(word: str) -> bool:
    """Whether the word is written as only names and codes are: `SwiftBoil`, `K7`, `USB`."""
    return any(letter.isdigit() for letter in word) or _INNER_CAPITAL.search(word) is not None


class ProductFacts:
    """A product as rules and repairs look at it. Each property is computed when it is first read: most are not needed.

    Only fields that the content hash covers are read: a filter must decide alike for equal content.
    """

    def __init__(self, product: Product) -> None:
        self.product = product

    @cached_property
    def title_words(self) -> list[str]:
        return _WORD.findall(self.product.title)[:_MAX_TITLE_WORDS]

    @cached_property
    def brand_words(self) -> list[str]:
        return _WORD.findall(self.product.brand)

    @cached_property
    def name_words(self) -> frozenset[str]:
        """Every word of title and brand, and the parts of hyphenated ones, folded."""
        whole = [word.casefold() for word in (*self.title_words, *self.brand_words)]
        return frozenset([*whole, *(part for word in whole for part in re.split(r"['’.-]", word) if part)])

    @cached_property
    def model_words(self) -> list[str]:
        """The title's words after the brand; all of them if the title does not begin with the brand."""
        brand = [word.casefold() for word in self.brand_words]
        begins_with_brand = [word.casefold() for word in self.title_words[: len(brand)]] == brand
        return self.title_words[len(brand) :] if begins_with_brand else self.title_words

    @cached_property
    def all_text(self) -> str:
        """All texts of the product, folded, one a line. Without the sku, which the content hash leaves out."""
        product = self.product
        attributes = (f"{name} {value}" for name, value in product.attributes.items())
        variants = (f"{name} {' '.join(values)}" for name, values in product.variant_options.items())
        ids = (product.gtin, product.mpn, product.product_id)
        texts = (product.title, product.brand, product.description, *product.bullet_points, *attributes, *variants)
        return "\n".join((*texts, *product.category_path, *product.competitors, product.manufacturer, *ids)).casefold()

    @cached_property
    def measures(self) -> frozenset[tuple[str, str]]:
        """(number, unit) of every measure in `all_text`: `("45", "minute")`."""
        return frozenset(find_measures(self.all_text))

    @cached_property
    def spellings(self) -> dict[str, str]:
        """Folded word → its spelling, for brands, competitors and other words that are written as names."""
        product = self.product
        text = " ".join((product.title, product.description, *product.attributes.values(), *product.bullet_points))
        codes = (word for word in _WORD.findall(text) if looks_like_name(word) and not word[0].isdigit())
        names = _WORD.findall(" ".join((product.brand, product.manufacturer, *product.competitors)))
        return {word.casefold(): word for word in (*codes, *names)}

    def starts_name(self, word: str) -> bool:
        """Whether title or brand begin with the word in this spelling, such as `adidas`."""
        return word in {*self.title_words[:1], *self.brand_words[:1]}
