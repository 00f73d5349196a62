"""From any shop's record to a clean `Product`."""

from querygen_core.products.mapping import read_product

__all__ = ["read_product"]
