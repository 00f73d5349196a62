"""What this run has done so far, counted where it happens."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field

from querygen_core.records import Response, State


@dataclass(slots=True)
class Meter:
    """calls: answers received in this run; from_journal: answers not paid again; errors: failed calls by kind.

    seen: records of the input; read: those of this shard; fraction: how much of it was read, if it can say so.
    spans: stage → (first start, last end) on the monotonic clock, in seconds.
    """

    calls: int = 0
    from_journal: int = 0
    abandoned: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    rungs: Counter[str] = field(default_factory=Counter)
    tokens: Counter[str] = field(default_factory=Counter)
    cost: float | None = 0.0
    seen: int = 0
    read: int = 0
    fraction: float | None = None
    input_done: bool = False
    states: Counter[State] = field(default_factory=Counter)
    spans: dict[str, tuple[float, float]] = field(default_factory=dict)

    def answered(self, response: Response, cost: float | None) -> None:
        self.calls += 1
        used = response.usage
        for name, amount in (
            ("input", used.input), ("output", used.output), ("thinking", used.thinking), ("cached", used.cached),
        ):  # fmt: skip
            self.tokens[name] += amount or 0
        self.cost = None if self.cost is None or cost is None else self.cost + cost

    @property
    def settled(self) -> int:
        """Records that are finished, one way or another."""
        return self.read - self.states["pending"]

    @property
    def expected(self) -> int | None:
        """Records in all; an estimate while the input is being read, None if there is nothing to go by."""
        if self.input_done:
            return self.read
        return int(self.read / self.fraction) if self.fraction else None

    def mark(self, stage: str) -> None:
        """The stage was at work just now."""
        now = time.monotonic()
        self.spans[stage] = (self.spans.get(stage, (now, now))[0], now)

    def seconds(self, stage: str) -> float:
        start, end = self.spans.get(stage, (0.0, 0.0))
        return round(end - start, 3)
