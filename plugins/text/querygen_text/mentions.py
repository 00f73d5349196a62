"""Puts one placeholder for every way to say "this product", so that the name does not decide what is similar."""

from __future__ import annotations

from querygen_core.api import Product
from querygen_text.wording import UNITS, words_of

PLACEHOLDER = "_product_"
"""No token can be equal to it: tokens hold no underscore."""

_PHRASES = frozenset(
    tuple(words_of(phrase))
    for phrase in (
        "it", "its", "this", "these", "this product", "the product", "this item", "the item", "this one", "this model",
        "dieses produkt", "das produkt", "diesem produkt", "dieser artikel", "ce produit", "cet article",
        "este producto", "questo prodotto", "dit product", "este produto",
    )
)  # fmt: skip
_LONGEST_NAME = 30
_GENERIC = frozenset({"a", "an", "any", "ein", "eine", "einen"})
_TAIL = frozenset({"with", "for", "in", "by", "mit", "für", "von", "avec", "pour", "con", "para", "met", "voor"})


class Mentions:
    """The ways one product is named in its questions.

    Named are: the full title; its beginnings of two words or more; the brand with the last words of the name
    ("Brambleby kettle"); the same without the brand; "this product", "it". Not named by: the brand alone, which is a
    question about the brand; "an electric kettle", which is a question about the kind.
    """

    def __init__(self, product: Product) -> None:
        title, brand = words_of(product.title)[:_LONGEST_NAME], words_of(product.brand)[:_LONGEST_NAME]
        forms = _PHRASES | set(_forms(title, brand))
        self._single = frozenset(form[0] for form in forms if len(form) == 1)
        self._by_pair: dict[tuple[str, str], list[list[str]]] = {}
        for form in sorted((form for form in forms if len(form) > 1), key=len, reverse=True):
            self._by_pair.setdefault((form[0], form[1]), []).append(list(form))

    def replace(self, words: list[str]) -> list[str]:
        """`words` with every mention made `PLACEHOLDER`; neighbouring ones become one."""
        done: list[str] = []
        place = 0
        while place < len(words):
            length = self._length_at(words, place)
            if not length:
                done.append(words[place])
            elif not done or done[-1] != PLACEHOLDER:
                done.append(PLACEHOLDER)
            place += length or 1
        return done

    def _length_at(self, words: list[str], place: int) -> int:
        pair = (words[place], words[place + 1]) if place + 1 < len(words) else ("", "")
        forms = self._by_pair.get(pair, ())
        if place and words[place - 1] in _GENERIC:
            return 0
        for form in forms:
            if words[place : place + len(form)] == form:
                return len(form)
        return 1 if words[place] in self._single else 0


def _forms(title: list[str], brand: list[str]) -> list[tuple[str, ...]]:
    name = _without_tail(title)
    brand = brand or name[:1]  # a title without a known brand mostly begins with it
    bare = name[len(brand) :] if name[: len(brand)] == brand else name
    forms = [tuple(title), *_beginnings(name, brand), *_beginnings(bare, [])]
    if bare:
        forms += [("this", bare[-1]), ("the", bare[-1])]
    forms += [tuple(brand + bare[-count:]) for count in range(1, len(bare) + 1)]
    return [form for form in forms if len(form) > 1]


def _beginnings(name: list[str], brand: list[str]) -> list[tuple[str, ...]]:
    return [tuple(name[:end]) for end in range(len(brand) + 1, len(name) + 1)]


def _without_tail(title: list[str]) -> list[str]:
    """The name in a title: without "with salmon", "for dogs" and a size at the end."""
    end = next((place for place, word in enumerate(title) if place and word in _TAIL), len(title))
    while end > 2 and (title[end - 1] in UNITS or title[end - 1][-1].isdigit()):
        end -= 1
    return title[:end]
