"""Replaces mentions of the product by a placeholder, so that its name does not decide which questions are alike."""

from __future__ import annotations

from querygen_core.api import Product
from querygen_text.normalise import UNITS, tokenise
from querygen_text.word_patterns import word_set

PLACEHOLDER = "_product_"
"""Equal to no token: tokens hold no underscore."""

_PHRASES = frozenset(
    tuple(tokenise(phrase))
    for phrase in (
        "it",
        "its",
        "this",
        "these",
        "this product",
        "the product",
        "this item",
        "the item",
        "this one",
        "this model",
        "dieses produkt",
        "das produkt",
        "diesem produkt",
        "dieser artikel",
        "ce produit",
        "cet article",
        "este producto",
        "questo prodotto",
        "dit product",
        "este produto",
    )
)
_MAX_NAME_TOKENS = 30
_INDEFINITE_ARTICLES = frozenset({"a", "an", "any", "ein", "eine", "einen"})
_NAME_ENDS_BEFORE = word_set("with for in by mit für von avec pour con para met voor")


class MentionReplacer:
    """Knows the ways in which the questions of one product mention it.

    Mentions are: the full title; its beginnings of two words or more; the brand with the last words of the name
    ("Brambleby kettle"); the same without the brand; "this product", "it". No mentions are: the brand alone, which is a
    question about the brand; "an electric kettle", which is a question about the kind of product.
    """

    def __init__(self, product: Product) -> None:
        title, brand = tokenise(product.title)[:_MAX_NAME_TOKENS], tokenise(product.brand)[:_MAX_NAME_TOKENS]
        aliases = _PHRASES | set(_aliases(title, brand))
        self._single_words = frozenset(alias[0] for alias in aliases if len(alias) == 1)
        self._by_first_two: dict[tuple[str, str], list[list[str]]] = {}  # longest first
        for alias in sorted((alias for alias in aliases if len(alias) > 1), key=len, reverse=True):
            self._by_first_two.setdefault((alias[0], alias[1]), []).append(list(alias))

    def replace(self, words: list[str]) -> list[str]:
        """The words with every mention replaced by `PLACEHOLDER`; adjacent mentions become one."""
        replaced: list[str] = []
        index = 0
        while index < len(words):
            length = self._mention_length(words, index)
            if not length:
                replaced.append(words[index])
            elif not replaced or replaced[-1] != PLACEHOLDER:
                replaced.append(PLACEHOLDER)
            index += length or 1
        return replaced

    def _mention_length(self, words: list[str], index: int) -> int:
        """Number of words of the longest mention that begins at `index`; 0 if none does."""
        if index and words[index - 1] in _INDEFINITE_ARTICLES:
            return 0
        first_two = (words[index], words[index + 1]) if index + 1 < len(words) else ("", "")
        for alias in self._by_first_two.get(first_two, ()):
            if words[index : index + len(alias)] == alias:
                return len(alias)
        return 1 if words[index] in self._single_words else 0


def _aliases(title: list[str], brand: list[str]) -> list[tuple[str, ...]]:
    name = _drop_details(title)
    brand = brand or name[:1]  # without a known brand, a title mostly begins with it
    unbranded = name[len(brand) :] if name[: len(brand)] == brand else name
    aliases = [tuple(title), *_beginnings(name, len(brand) + 1), *_beginnings(unbranded, 1)]
    if unbranded:
        aliases += [("this", unbranded[-1]), ("the", unbranded[-1])]
    aliases += [tuple(brand + unbranded[-count:]) for count in range(1, len(unbranded) + 1)]
    return [alias for alias in aliases if len(alias) > 1]


def _beginnings(name: list[str], shortest: int) -> list[tuple[str, ...]]:
    return [tuple(name[:length]) for length in range(shortest, len(name) + 1)]


def _drop_details(title: list[str]) -> list[str]:
    """The name in a title: without "with salmon", "for dogs" and a size at the end."""
    end = next((index for index, word in enumerate(title) if index and word in _NAME_ENDS_BEFORE), len(title))
    while end > 2 and (title[end - 1] in UNITS or title[end - 1][-1].isdigit()):
        end -= 1
    return title[:end]
