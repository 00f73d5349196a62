"""`text/dedup`: drops duplicate questions within one product and keeps the first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rapidfuzz import fuzz, process

from querygen_core.api import Ask, Product, Query
from querygen_text.mentions import MentionReplacer
from querygen_text.near_duplicates import has_swapped_sides, is_near_duplicate
from querygen_text.normalise import drop_stop_words, tokenise_question
from querygen_text.options import DedupOptions

_MAX_COMPARED = 1_000
"""Characters. Comparing costs length × length, and a longer text is no question: it is compared for equality only."""


class Dedup:
    """Marks each duplicate with the kind of duplicate it is: `dedup/exact`, `dedup/normalised`, `dedup/near`."""

    def __init__(self, options: DedupOptions) -> None:
        self._options = options

    async def process(self, product: Product, queries: Sequence[Query], ask: Ask) -> Sequence[Query]:  # noqa: ARG002
        seen = _SeenQuestions(MentionReplacer(product), self._options)
        return [query if query.dropped else self._mark(query, seen) for query in queries]

    def _mark(self, query: Query, seen: _SeenQuestions) -> Query:
        kind = seen.add(query.text)
        return query if kind is None else replace(query, dropped=f"dedup/{kind}")


class _SeenQuestions:
    """The questions kept so far.

    Each text is compared with the ones before it only. So the first part of a list is judged as it is within the whole
    list, and answers that arrive in a refill never change an earlier decision.
    """

    def __init__(self, mentions: MentionReplacer, options: DedupOptions) -> None:
        self._mentions = mentions
        self._options = options
        self._texts: set[str] = set()
        self._keys: set[str] = set()
        self._wordings: list[str] = []
        self._words: list[list[str]] = []  # of the wording at the same index
        self._words_by_bag: dict[str, list[list[str]]] = {}

    def add(self, text: str) -> str | None:
        """The kind of duplicate that `text` is; None if it is new, and then it is remembered."""
        if text in self._texts:
            return "exact"
        words = tokenise_question(text)
        key = " ".join(drop_stop_words(self._mentions.replace(words))) or text
        if key in self._keys:
            return "normalised"
        may_be_near = self._options.near and words and len(text) <= _MAX_COMPARED
        if may_be_near and self._is_near(drop_stop_words(words)):
            return "near"
        self._texts.add(text)
        self._keys.add(key)
        return None

    def _is_near(self, words: list[str]) -> bool:
        """Whether `words` nearly duplicate an earlier question; if not, they are remembered.

        The words are compared as written, the product's name too, since a typing error may be in the name.
        """
        wording, bag = " ".join(words), " ".join(sorted(words))
        cutoff = self._options.threshold
        similar = process.extract(wording, self._wordings, scorer=fuzz.ratio, score_cutoff=cutoff, limit=None)
        if any(is_near_duplicate(words, self._words[index]) for _, _, index in similar):
            return True
        # Swapping the sides of a word keeps the bag of words but can take the similarity far below the threshold.
        if any(has_swapped_sides(words, earlier) for earlier in self._words_by_bag.get(bag, ())):
            return True
        self._wordings.append(wording)
        self._words.append(words)
        self._words_by_bag.setdefault(bag, []).append(words)
        return False
