"""What a product is called and what is said of it, prepared once for all its questions."""

from __future__ import annotations

import re
from functools import cached_property

from querygen_core.api import Product
from querygen_text.wording import measures

_WORD = re.compile(r"\w+(?:['’.-]\w+)*")
_LONGEST_NAME = 60
_INNER_CAPITAL = re.compile(r".[A-Z]")


def is_peculiar(word: str) -> bool:
    """Written in a way that only a name is: `SwiftBoil`, `K7`, `USB`."""
    return any(letter.isdigit() for letter in word) or _INNER_CAPITAL.search(word) is not None


class Known:
    """A product as far as rules and repairs ask about it; each part is made when it is first needed."""

    def __init__(self, product: Product) -> None:
        self.product = product

    @cached_property
    def title_words(self) -> list[str]:
        return _WORD.findall(self.product.title)[:_LONGEST_NAME]

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
        """The title's words after the brand; all of them if it does not begin with the brand."""
        brand = [word.casefold() for word in self.brand_words]
        begins = [word.casefold() for word in self.title_words[: len(brand)]] == brand
        return self.title_words[len(brand) :] if begins else self.title_words

    @cached_property
    def said(self) -> str:
        """All that the input says of the product, folded. Nothing that its content hash leaves out, such as the sku:
        a filter must decide alike for equal content.
        """
        product = self.product
        pairs = (f"{name} {value}" for name, value in product.attributes.items())
        variants = (f"{name} {' '.join(values)}" for name, values in product.variant_options.items())
        ids = (product.gtin, product.mpn, product.product_id)
        parts = (product.title, product.brand, product.description, *product.bullet_points, *pairs, *variants)
        return "\n".join((*parts, *product.category_path, *product.competitors, product.manufacturer, *ids)).casefold()

    @cached_property
    def measures(self) -> frozenset[tuple[str, str]]:
        """Numbers with units among what is said: `("45", "minute")`."""
        return frozenset(measures(self.said))

    @cached_property
    def spellings(self) -> dict[str, str]:
        """Folded word → how it is written, for brands, competitors and words that only a name is written like."""
        product = self.product
        text = " ".join((product.title, product.description, *product.attributes.values(), *product.bullet_points))
        free = (word for word in _WORD.findall(text) if is_peculiar(word) and not word[0].isdigit())
        names = _WORD.findall(" ".join((product.brand, product.manufacturer, *product.competitors)))
        return {word.casefold(): word for word in (*free, *names)}

    def writes(self, word: str) -> bool:
        """The name begins with this word just so, in small letters: `adidas`."""
        return word in {*self.title_words[:1], *self.brand_words[:1]}
