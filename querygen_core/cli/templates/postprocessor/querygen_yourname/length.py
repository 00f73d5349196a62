from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from querygen_core.api import Ask, Product, Query

from querygen_yourname import LengthOptions


class Length:
    def __init__(self, options: LengthOptions) -> None:
        self._longest = options.max_words

    async def process(
        self, _product: Product, queries: Sequence[Query], _ask: Ask
    ) -> Sequence[Query]:
        """All queries, in order; those to drop are marked, and querygen asks for others in their place."""
        return [self._judge(query) for query in queries]

    def _judge(self, query: Query) -> Query:
        # The first reason counts: a query that an earlier step dropped stays as it is.
        if query.dropped is not None or len(query.text.split()) <= self._longest:
            return query
        # `component/reason`: the report counts dropped queries by it.
        return replace(query, dropped="length/too_long")
