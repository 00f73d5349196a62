"""Products and outcomes as they look for their rows, and what a row holds of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from querygen_core.api import Outcome, Product
from querygen_postgres.products import Wanted

_NOT_STORED = frozenset({"refs", "raw_ref"})
_ALWAYS = frozenset({"product_id", "source", "locale", "title"})


@dataclass(frozen=True, slots=True)
class Delivery:
    """An outcome on its way. digest: the outcome's, worked out once. product_id: as the preprocessor found it."""

    outcome: Outcome
    digest: bytes
    product_id: int | None = None

    @property
    def key(self) -> str:
        return self.outcome.product_key


Placed = tuple[Delivery, int]
"""A delivery with the row of `products` that stands for its product."""


def of_product(product: Product) -> Wanted:
    return Wanted(
        key=product.key,
        source=product.source,
        product_id=product.product_id,
        locale=product.locale,
        content_hash=product.content_hash(),
        title=product.title,
        brand=product.brand,
        data=data_of(product),
    )


def of_outcome(outcome: Outcome) -> Wanted:
    """What an outcome tells of its product: enough to know it again, and for a reader of the table."""
    source, product_id, locale = outcome.identity
    data = {"product_id": product_id, "source": source, "locale": locale, "title": outcome.title}
    return Wanted(
        key=outcome.product_key,
        source=source,
        product_id=product_id,
        locale=locale,
        content_hash=outcome.content_hash,
        title=outcome.title,
        brand=outcome.brand,
        data={**data, "brand": outcome.brand} if outcome.brand else data,
    )


def data_of(product: Product) -> dict[str, Any]:
    """The product as JSON, by querygen's own names; what is empty is left out. Reading it gives the same product."""
    names = (column.name for column in fields(Product) if column.name not in _NOT_STORED)
    values = {name: _plain(getattr(product, name)) for name in names}
    return {name: value for name, value in values.items() if name in _ALWAYS or value not in (None, "", [], {})}


def source_of(data: Mapping[str, Any], default: str) -> str:
    """The source that `data_of` wrote; a `source` in a record of somebody else's may mean anything."""
    own = data.get("source")
    return own if isinstance(own, str) and own and data.keys() >= _ALWAYS else default


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return list(value)
    if hasattr(value, "items"):
        return {key: _plain(item) for key, item in value.items()}
    return value if value is None or isinstance(value, str | int | float) else str(value)
