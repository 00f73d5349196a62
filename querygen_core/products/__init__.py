"""Turns records of any shop into clean `Product`s."""

from querygen_core.products.mapping import read_product

__all__ = ["read_product"]
