"""A model that the config names, with what limits its use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from querygen_core.api import CountsTokens, Provider
from querygen_core.contracts.errors import PluginError
from querygen_core.contracts.price import Price
from querygen_core.contracts.records import Request
from querygen_core.engine.bound_ask import request_key
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
    counter: CountsTokens | None = None
    """Counts tokens for nothing; None: it cannot."""
    thinking: tuple[int, int, int] = (0, 0, 0)
    """See `Capabilities.thinking`."""

    def largest(self, request: Request) -> CallSize:
        """Tokens that a call can use at most."""
        return largest_size(request, self.max_output)

    def cost(self, size: CallSize) -> float:
        """In USD; 0 if the price is not known."""
        return self.price.of(size.usage) if self.price else 0.0


@dataclass(frozen=True, slots=True)
class RequestKeys:
    """The one place where a request gets its key, for who asks and for who only counts what would be asked."""

    models: Mapping[str, Model]
    """The models by their names under `models:`."""
    only_job: str | None = None
    """The job whose answers may be used; None: every job's."""

    def key(self, request: Request, edition: str | None = None) -> str:
        """See `request_key`."""
        return request_key(request, self.model(request).identity, edition, self.only_job)

    def model(self, request: Request) -> Model:
        """The model that the request names.

        Raises:
            PluginError: the config has no such model.
        """
        if request.model not in self.models:
            raise PluginError(f"a request names the model {request.model!r}, which is not under `models:`")
        return self.models[request.model]
