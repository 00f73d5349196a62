"""Products and outcomes as rows: how they are looked up, and what `product_data` holds."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from typing import Any

from querygen_core.api import Outcome, Product, plain
from querygen_postgres.products import ProductLookup

_NOT_STORED = frozenset({"refs", "raw_ref", "version"})
_ALWAYS = frozenset({"product_id", "source", "locale", "title"})


@dataclass(frozen=True, slots=True)
class ProductRows:
    """An outcome whose rows are to be written."""

    outcome: Outcome
    """The outcome, with the queries."""

    digest: bytes
    """The outcome's digest, computed once; equal digests mean equal rows."""

    product_id: int | None = None
    """The row of `products` that the preprocessor found; None without one."""

    @property
    def key(self) -> str:
        """The product's key, `source:product_id:locale`."""
        return self.outcome.product_key

    @property
    def identity(self) -> tuple[str, int, bytes]:
        """Tells apart the outcomes of a product: key, version, digest."""
        return self.key, self.outcome.version, self.digest

    @property
    def is_deleted(self) -> bool:
        """Whether the product's source has withdrawn it."""
        return self.outcome.state == "deleted"

    def has_any(self, query_types: Collection[str]) -> bool:
        """Whether the outcome has a query of one of these types."""
        return bool(query_types) and any(query.query_type in query_types for query in self.outcome.queries)


Located = tuple[ProductRows, int | None]
"""An outcome, and the id of the row of `products` that stands for its product. None: it is deleted and has no row."""


def lookup_of_product(product: Product) -> ProductLookup:
    return ProductLookup(
        key=product.key,
        source=product.source,
        product_id=product.product_id,
        locale=product.locale,
        content_hash=product.content_hash(),
        title=product.title,
        brand=product.brand,
        data=data_of(product),
    )


def lookup_of_outcome(outcome: Outcome) -> ProductLookup:
    """An outcome does not hold its product's fields; a new row gets identity, title and brand."""
    source, product_id, locale = outcome.identity
    data = {"product_id": product_id, "source": source, "locale": locale, "title": outcome.title}
    return ProductLookup(
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
    """The product's fields for `product_data`, without empty ones. Reading them back gives an equal product."""
    names = (column.name for column in fields(Product) if column.name not in _NOT_STORED)
    values = {name: plain(getattr(product, name)) for name in names}
    return {name: value for name, value in values.items() if name in _ALWAYS or value not in (None, "", [], {})}


def source_of(data: Mapping[str, Any], default: str) -> str:
    """The source in data that querygen wrote. In anybody else's data, a field `source` may mean something else."""
    source = data.get("source")
    return source if isinstance(source, str) and source and data.keys() >= _ALWAYS else default
