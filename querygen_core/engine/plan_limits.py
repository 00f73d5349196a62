"""How long a plan's calls take, and which limit of the config ends them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from querygen_core.engine.build import Builder
from querygen_core.engine.plan_estimate import Use
from querygen_core.engine.plan_requests import Line
from querygen_core.engine.throttle import SHARE_OF_RATE
from querygen_core.journal.store_view import StoreView

_ENOUGH_CALLS = 20


@dataclass(frozen=True, slots=True)
class StopsAt:
    """The limit that the run is expected to reach."""

    limit: str
    """`max_cost`, `max_cost_per_day`, `max_calls` or `max_tokens`."""
    value: float
    """As configured; this shard's share of it."""
    left: float
    """What earlier runs have left of it."""
    requests: int
    """That will be sent, about."""
    products: int
    """That will be made, about."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast calls go."""

    builder: Builder
    call_seconds: float | None
    """Of one call, as in the job's last run; None: by the length of its answer."""

    @classmethod
    def of(cls, builder: Builder, store: StoreView) -> Pace:
        report = store.last_report()
        calls = report.get("calls", {}).get("new", 0)
        seconds = report.get("stages", {}).get("generate", {}).get("seconds", 0.0)
        known = calls >= _ENOUGH_CALLS and seconds > 0
        return cls(builder, seconds * builder.pipeline.runtime.concurrency / calls if known else None)

    def alone(self, line: Line, use: Use) -> float:
        return max(self._work(line, use), self._by_rates(line, [use]))

    def together(self, lines: Sequence[Line], uses: Sequence[Use]) -> float:
        """All lines share `runtime.concurrency`, and those of a model its rates."""
        by_model: dict[str, list[Use]] = {}
        for line, use in zip(lines, uses, strict=True):
            by_model.setdefault(line.model.name, []).append(use)
        work = sum(self._seconds(use) for use in uses) / self.builder.pipeline.runtime.concurrency
        rates = [self._by_rates(line, by_model[line.model.name]) for line in lines]
        alone = [self._work(line, use) for line, use in zip(lines, uses, strict=True)]
        return max([work, *rates, *alone], default=0.0)

    def _seconds(self, use: Use) -> float:
        return use.calls.expected * (self.call_seconds or use.call_seconds)

    def _work(self, line: Line, use: Use) -> float:
        config, runtime = self.builder.pipeline.models[line.model.name], self.builder.pipeline.runtime
        at_once = min(config.concurrency or runtime.concurrency, runtime.concurrency)
        return self._seconds(use) / min(at_once, max(1.0, use.calls.expected))

    def _by_rates(self, line: Line, uses: Sequence[Use]) -> float:
        config, runtime = self.builder.pipeline.models[line.model.name], self.builder.pipeline.runtime
        size = self.builder.run_options.shard.size
        calls = sum(use.calls.expected for use in uses)
        tokens = sum(use.input.expected + use.output.expected for use in uses)
        rates = ((calls, config.rpm or runtime.rpm), (tokens, config.tpm or runtime.tpm))
        return max((60 * amount * size / (rate * SHARE_OF_RATE) for amount, rate in rates if rate), default=0.0)


def stops_at(builder: Builder, store: StoreView, uses: Sequence[Use], products: int) -> StopsAt | None:
    """The limit that leaves the smallest part of what is expected."""
    runtime, spent = builder.pipeline.runtime, store.spent()
    max_calls, max_tokens, max_cost = builder.budget()
    calls = sum(use.calls.expected for use in uses)
    tokens = sum(use.input.expected + use.output.expected for use in uses)
    usd = sum(use.usd.expected for use in uses if use.usd is not None)
    limits = [
        ("max_calls", max_calls, spent.calls + spent.unanswered_calls, calls),
        ("max_tokens", max_tokens, spent.tokens + spent.unanswered_tokens, tokens),
        ("max_cost", max_cost, spent.cost + spent.unanswered_cost, usd),
        ("max_cost_per_day", runtime.max_cost_per_day, store.spent_today(), usd),
    ]
    stops = []
    for name, limit, used, needed in limits:
        if limit is not None and needed > (left := max(0.0, limit - used)):
            part = left / needed
            stops.append((part, StopsAt(name, limit, left, int(part * calls), int(part * products))))
    return min(stops, key=lambda stop: stop[0])[1] if stops else None
