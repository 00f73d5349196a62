"""The numbers of a run so far."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from querygen_core.contracts.records import State, Usage
from querygen_core.report.generators import FirstAnswers
from querygen_core.report.yields import Yield


@dataclass(slots=True)
class RunStats:
    """Counted where it happens, for the report and for the progress display."""

    calls: int = 0
    """Answers received in this run, thus paid."""
    under_way: int = 0
    """Calls that were sent and are not answered yet."""
    from_journal: int = 0
    """Answers that were paid for earlier, by this job or another."""
    duplicate: int = 0
    """Answers of this run that another process paid for at the same time: the store keeps that one's."""
    probes: int = 0
    """Calls of probes, answered or not."""
    refused: int = 0
    """Calls of this run that a provider refused for their request. They cost nothing."""
    abandoned: int = 0
    """Calls given up because the run had to end."""
    errors: Counter[str] = field(default_factory=Counter)
    """Failed calls by kind."""
    rungs: Counter[str] = field(default_factory=Counter)
    """Usable answers by the step of parsing that could read them."""
    tokens: Counter[str] = field(default_factory=Counter)
    """`input`, `output`, `thinking`, `cached`, as billed."""
    cost: float | None = 0.0
    """In USD; None as soon as the price of a call is not known."""
    cost_estimated: float = 0.0
    """The part of `cost` for tokens that the provider does not report; 0 where the price is not known."""
    seen: int = 0
    """Records of the input."""
    read: int = 0
    """Records that belong to this shard."""
    fraction: float | None = None
    """The share of the input that was read, from 0 to 1; None if the input cannot tell."""
    input_done: bool = False
    """The input was read to its end."""
    states: Counter[State] = field(default_factory=Counter)
    """Records of this shard by state."""
    gain: Yield = field(default_factory=Yield)
    """What came of the products for which a call was paid in this run."""
    paid_for: set[str] = field(default_factory=set)
    """Keys of the products under way for which a call was paid."""
    first_answers: defaultdict[str, FirstAnswers] = field(default_factory=lambda: defaultdict(FirstAnswers))
    """Generator → what came of its first answers."""
    spans: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Stage → start of its first and end of its last work, in seconds on the monotonic clock."""
    _started: tuple[datetime, float] = field(default_factory=lambda: (datetime.now(UTC), time.monotonic()))
    """The start of the run on both clocks. All other times follow from the monotonic one, so that none is before it."""

    def answered(self, usage: Usage, cost: float | None, estimated: float = 0.0) -> None:
        """Count a call that was answered. cost: in USD, None if the price is not known. estimated: the part of it."""
        self.calls += 1
        self.tokens["input"] += usage.input or 0
        self.tokens["output"] += usage.output or 0
        self.tokens["thinking"] += usage.thinking or 0
        self.tokens["cached"] += usage.cached or 0
        self.cost = None if self.cost is None or cost is None else self.cost + cost
        self.cost_estimated += estimated

    @property
    def completed(self) -> int:
        """Records that are finished, in whatever state."""
        return self.read - self.states["pending"]

    @property
    def expected(self) -> int | None:
        """Records of this shard in all: an estimate while the input is being read, None if nothing is known."""
        if self.input_done:
            return self.read
        return int(self.read / self.fraction) if self.fraction else None

    def mark(self, stage: str) -> None:
        """Note that the stage was at work just now."""
        now = time.monotonic()
        self.spans[stage] = (self.spans.get(stage, (now, now))[0], now)

    def seconds(self, stage: str) -> float:
        """Seconds from the stage's first to its last work; 0 if it did none."""
        start, end = self.spans.get(stage, (0.0, 0.0))
        return round(end - start, 3)

    @property
    def started(self) -> str:
        return self._utc(self._started[1])

    def now(self) -> str:
        return self._utc(time.monotonic())

    @property
    def stages(self) -> dict[str, dict[str, str | float]]:
        """Stage → `started`, `finished`, `seconds`, for those that did any work."""
        return {
            stage: {"started": self._utc(start), "finished": self._utc(end), "seconds": self.seconds(stage)}
            for stage, (start, end) in self.spans.items()
        }

    def _utc(self, moment: float) -> str:
        """A moment of the monotonic clock in ISO 8601, UTC."""
        started, at = self._started
        utc = started + timedelta(seconds=moment - at)
        return utc.isoformat(timespec="milliseconds").replace("+00:00", "Z")
