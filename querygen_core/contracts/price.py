"""The price of a model's tokens."""

from __future__ import annotations

from dataclasses import dataclass

from querygen_core.contracts.records import Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """The price of a model's tokens, in USD per million."""

    input: float
    """Of tokens sent."""
    output: float
    """Of tokens of the answer, those of reasoning included."""
    cached: float | None = None
    """Of tokens sent that the provider had already; None: as `input`."""

    def of(self, usage: Usage) -> float:
        """The cost of a call, in USD."""
        cached = 0 if self.cached is None else usage.cached or 0
        sent = ((usage.input or 0) - cached) * self.input + cached * (self.cached or 0.0)
        received = ((usage.output or 0) + (usage.thinking or 0)) * self.output
        return (sent + received) / 1_000_000


FREE = Price(input=0, output=0)
"""Of a model that runs on this machine, or answers from a rule."""
