"""`text/quality`: drops unusable questions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from querygen_core.api import Ask, Product, Query
from querygen_text.languages import parse_language
from querygen_text.options import QualityOptions
from querygen_text.parsed_question import ParsedQuestion, parse_question
from querygen_text.product_facts import ProductFacts
from querygen_text.rules import rules_without


class Quality:
    """Marks each question that breaks a rule with the first rule it breaks: `quality/<rule>`."""

    def __init__(self, options: QualityOptions) -> None:
        self._options = options
        self._rules = rules_without(options.off)

    async def process(self, product: Product, queries: Sequence[Query], ask: Ask) -> Sequence[Query]:  # noqa: ARG002
        facts = ProductFacts(product)
        language = parse_language(product.locale)
        return [query if query.dropped else self._apply_rules(query, facts, language) for query in queries]

    def _apply_rules(self, query: Query, facts: ProductFacts, language: str) -> Query:
        rule = self._broken_rule(parse_question(query, facts, language, self._options))
        return query if rule is None else replace(query, dropped=f"quality/{rule}")

    def _broken_rule(self, question: ParsedQuestion) -> str | None:
        return next((rule.name for rule in self._rules if rule.is_broken_by(question)), None)
