"""Drops what is no good question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from querygen_core.api import Ask, Product, Query
from querygen_text import QualityOptions
from querygen_text.candidate import Candidate, candidate
from querygen_text.languages import language_of
from querygen_text.names import Known
from querygen_text.rules import rules_without


class Quality:
    def __init__(self, options: QualityOptions) -> None:
        self._options = options
        self._rules = rules_without(options.off)

    async def process(self, product: Product, queries: Sequence[Query], ask: Ask) -> Sequence[Query]:  # noqa: ARG002
        known = Known(product)
        language = language_of(product.locale)
        return [query if query.dropped else self._judged(query, known, language) for query in queries]

    def _judged(self, query: Query, known: Known, language: str) -> Query:
        broken = self._broken_by(candidate(query, known, language, self._options))
        return query if broken is None else replace(query, dropped=f"quality/{broken}")

    def _broken_by(self, case: Candidate) -> str | None:
        return next((rule.name for rule in self._rules if rule.breaks(case)), None)
