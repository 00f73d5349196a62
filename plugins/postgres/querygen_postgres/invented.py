"""A product that no shop has, with questions: what a check writes and takes back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import uuid4

from querygen_core.api import Outcome, Product, Query

_SOURCE = "querygen-check"
_TYPES = ("product", "market")
_WORDS = "naïve Ünï größe 検査 ☕ 😀"
"""Beyond ASCII, and beyond 16 bits: text that every database with the encoding UTF8 stores."""


@dataclass(frozen=True, slots=True)
class Invented:
    """Equal to no other, so that checks of several processes do not wait for each other."""

    product: Product
    """The product, with every kind of field."""

    outcome: Outcome
    """Its questions, one of each type that the job asks for."""

    @property
    def changed_product(self) -> Product:
        """The product after a change of its content."""
        return replace(self.product, description=f"{self.product.description} Changed.")

    @property
    def changed_outcome(self) -> Outcome:
        """The outcome of the changed product, with another first question."""
        first, *others = self.outcome.queries
        changed = replace(first, text=f"And {first.text}")
        return replace(self.outcome, content_hash=self.changed_product.content_hash(), queries=(changed, *others))


def invent(query_types: Sequence[str], *, only_ascii: bool) -> Invented:
    """query_types: of the job's generators; the usual ones if they are not known."""
    number = uuid4().hex
    words = "plain words" if only_ascii else _WORDS
    product = Product(
        product_id=number,
        title=f"Check {words}",
        source=_SOURCE,
        description=f"A product for a check, {words}, {number}.",
        brand=f"Check {words}",
        category_path=("Check", words),
        bullet_points=(words,),
        attributes={"words": words},
    )
    queries = [
        Query(text=f"Is this {query_type} question of a check, {words}, {number}, stored?", query_type=query_type)
        for query_type in query_types or _TYPES
    ]
    outcome = Outcome(
        product_key=product.key,
        title=product.title,
        content_hash=product.content_hash(),
        outcome_key=number,
        state="done",
        queries=tuple(queries),
        brand=product.brand,
    )
    return Invented(product, outcome)
