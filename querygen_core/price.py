"""What a model's tokens cost."""

from __future__ import annotations

from dataclasses import dataclass

from querygen_core.records import Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """USD per million tokens. cached: of input tokens that the provider had already; None: as other input."""

    input: float
    output: float
    cached: float | None = None

    def of(self, usage: Usage) -> float:
        """What a call cost, in USD. Thinking is paid as output."""
        cached = 0 if self.cached is None else usage.cached or 0
        read = ((usage.input or 0) - cached) * self.input + cached * (self.cached or 0.0)
        return (read + ((usage.output or 0) + (usage.thinking or 0)) * self.output) / 1_000_000


FREE = Price(input=0, output=0)
