from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from querygen_core.api import Product, Reject

from querygen_yourname import TidyOptions


class Tidy:
    def __init__(self, options: TidyOptions) -> None:
        self._shortest = options.min_description
        self._brands = {
            spelling.casefold(): brand for spelling, brand in options.brands.items()
        }

    async def process(self, products: Sequence[Product]) -> Sequence[Product | Reject]:
        """One result per product, in order. Each depends on its product only: shards see other neighbours."""
        return [self._tidy(product) for product in products]

    def _tidy(self, product: Product) -> Product | Reject:
        length = len(product.description.strip())
        if length < self._shortest:
            message = f"the description has {length} characters; `min_description` asks for {self._shortest}"
            return Reject(
                reason="no_description",
                message=message,
                file=product.raw_ref,
                key=product.key,
            )
        brand = " ".join(product.brand.split())
        return replace(product, brand=self._brands.get(brand.casefold(), brand))
