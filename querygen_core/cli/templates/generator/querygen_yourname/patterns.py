from __future__ import annotations

import re
from collections.abc import Sequence

from querygen_core.api import Ask, Product, Query, Want

from querygen_yourname import PatternsOptions

_FIELD = re.compile(r"\{(title|brand)\}")


class Patterns:
    def __init__(self, options: PatternsOptions) -> None:
        self._patterns = options.patterns

    async def generate(
        self, product: Product, want: Want, _ask: Ask
    ) -> Sequence[Query]:
        """A pure function of the product: no clock, no randomness. To ask a model, await `ask(Request(...))`."""
        # querygen asks again for what later steps dropped; all patterns were used in the first round.
        patterns = self._patterns if want.round == 0 else ()
        texts = (_filled(pattern, product) for pattern in patterns)
        return [Query(text=text) for text in texts if text]


def _filled(pattern: str, product: Product) -> str:
    """Empty where the product lacks a field. Its text is inserted as it is: braces in a title are not a pattern."""
    values = {"title": product.title, "brand": product.brand}
    if not all(values[name] for name in _FIELD.findall(pattern)):
        return ""
    return _FIELD.sub(lambda match: values[match[1]], pattern)
