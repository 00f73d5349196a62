"""A model that the config names, with what limits its use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from querygen_core.api import Provider
from querygen_core.contracts.price import Price
from querygen_core.contracts.records import Request
from querygen_core.engine.call_size import CallSize, UsualSize, largest_size
from querygen_core.engine.throttle import Throttle
from querygen_core.registry import BuiltComponent


@dataclass(frozen=True, slots=True)
class Model:
    """An entry of `models:`, ready to be asked."""

    name: str
    """Its key under `models:`, by which requests name it."""
    model: str
    """The provider's id of the model, as configured."""
    provider: BuiltComponent[Provider]
    """The component that calls the model API."""
    identity: Mapping[str, Any]
    """The part of the config that its answers depend on; in every request key."""
    throttle: Throttle
    """The rate limit, shared by all models with the same `limit_key`."""
    price: Price | None = None
    """None: unknown."""
    note: str = ""
    """See `Capabilities.note`."""
    max_output: int | None = None
    """Most tokens of an answer, if the config names them; else the prompt does."""
    usual: UsualSize = field(default_factory=UsualSize)
    """What its calls are likely to use."""

    def largest(self, request: Request) -> CallSize:
        """Tokens that a call can use at most."""
        return largest_size(request, self.max_output)

    def cost(self, size: CallSize) -> float:
        """In USD; 0 if the price is not known."""
        return self.price.of(size.usage) if self.price else 0.0
