"""Drops what asks the same again, within one product; the first stays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rapidfuzz import fuzz, process

from querygen_core.api import Ask, Product, Query
from querygen_text import DedupOptions
from querygen_text.difference import same_question, sides_swapped
from querygen_text.mentions import Mentions
from querygen_text.wording import question_words, weighty

_LONGEST = 1_000
"""Comparing costs length × length; what is longer is no question and only compared for equality."""


class Dedup:
    def __init__(self, options: DedupOptions) -> None:
        self._options = options

    async def process(self, product: Product, queries: Sequence[Query], ask: Ask) -> Sequence[Query]:  # noqa: ARG002
        seen = _Seen(Mentions(product), self._options)
        return [query if query.dropped else self._judged(query, seen) for query in queries]

    def _judged(self, query: Query, seen: _Seen) -> Query:
        kind = seen.kind_of(query.text)
        return query if kind is None else replace(query, dropped=f"dedup/{kind}")


class _Seen:
    """The wordings kept so far. Each text is compared with those before it only, so a prefix of a list is judged as
    in the whole list: answers that arrive in a refill never change what was decided.
    """

    def __init__(self, mentions: Mentions, options: DedupOptions) -> None:
        self._mentions = mentions
        self._options = options
        self._texts: set[str] = set()
        self._keys: set[str] = set()
        self._wordings: list[str] = []
        self._words: list[list[str]] = []
        self._bags: dict[str, list[list[str]]] = {}

    def kind_of(self, text: str) -> str | None:
        """Why `text` is a duplicate; None, and it is kept in mind, if it is none."""
        if text in self._texts:
            return "exact"
        words = question_words(text)
        key = " ".join(weighty(self._mentions.replace(words))) or text
        if key in self._keys:
            return "normalised"
        if self._options.near and words and len(text) <= _LONGEST and self._is_near(weighty(words)):
            return "near"
        self._texts.add(text)
        self._keys.add(key)
        return None

    def _is_near(self, words: list[str]) -> bool:
        """Compares the words as written, names too: a typing error may be in a name. Keeps `words` if it is not."""
        wording, bag = " ".join(words), " ".join(sorted(words))
        cutoff = self._options.threshold
        alike = process.extract(wording, self._wordings, scorer=fuzz.ratio, score_cutoff=cutoff, limit=None)
        if any(same_question(words, self._words[place]) for _, _, place in alike):
            return True
        if any(sides_swapped(words, kept) for kept in self._bags.get(bag, ())):
            return True
        self._wordings.append(wording)
        self._words.append(words)
        self._bags.setdefault(bag, []).append(words)
        return False
