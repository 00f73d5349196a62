"""What a run has done so far and what it waits for, for whoever shows its progress."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

from querygen_core.contracts.journal import Spent
from querygen_core.engine.deliver import SinkRun
from querygen_core.engine.model import Model
from querygen_core.engine.run_stats import RunStats
from querygen_core.engine.shutdown import Shutdown


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """A run at one moment."""

    completed: int
    """Records that are finished, in whatever state."""
    expected: int | None
    """Records in all; None as long as nothing is known."""
    is_estimate: bool
    """Whether `expected` is estimated, since the input has not been read to its end."""
    failed: int
    """Products that failed."""
    calls: int
    """Answers received in this run, thus paid."""
    from_journal: int
    """Answers that were paid for earlier."""
    faults: Mapping[str, int]
    """Kind of error → failed calls."""
    cost: float | None
    """USD of the job so far, calls that may have been paid for included; None if a price is not known."""
    max_cost: float | None
    """USD that the job may cost; None: no limit."""
    delivered: Mapping[str, int | None]
    """Sink → questions that it has; None for one that is written at the end."""
    ending: str
    """Why the run ends early, and what it still waits for; "" if it does not."""
    waits: Sequence[str]
    """What holds calls up, in words."""


Watch = Callable[[Callable[[], Figures]], Coroutine[Any, Any, None]]
"""Shows the progress of a run; cancelled when the run ends."""


def figures(
    stats: RunStats,
    shutdown: Shutdown,
    sinks: Sequence[SinkRun],
    models: Sequence[Model] | None,
    *,
    spent: Spent,
    max_cost: float | None,
) -> Figures:
    """models: None as long as they are being built. spent: before this run. max_cost: of this shard, in USD."""
    before = spent.cost + spent.unanswered_cost
    return Figures(
        completed=stats.completed,
        expected=stats.expected,
        is_estimate=not stats.input_done,
        failed=stats.states["failed"],
        calls=stats.calls,
        from_journal=stats.from_journal,
        faults=dict(stats.errors),
        cost=None if stats.cost is None else before + stats.cost,
        max_cost=max_cost,
        delivered={sink.name: _delivered(sink) for sink in sinks},
        ending=_ending(shutdown, stats),
        waits=["starting; nothing is asked yet"] if models is None else _throttled(models),
    )


def _delivered(sink: SinkRun) -> int | None:
    total = sink.total
    taken = total.delivered + total.unchanged + total.backup
    return None if sink.snapshot is not None and not taken else taken


def _ending(shutdown: Shutdown, stats: RunStats) -> str:
    if not shutdown.is_set:
        return ""
    if shutdown.deadline is None:
        return f"ending: {shutdown.message}"
    what = f"{_calls(stats.under_way)} under way and the sinks" if stats.under_way else "the sinks"
    return f"{shutdown.message}: waiting for {what}, at most {ceil(max(0.0, shutdown.seconds_left()))} s"


def _throttled(models: Sequence[Model]) -> list[str]:
    """A line for each provider. Of its rate limits, which its models may share, the longest pause counts."""
    pauses: dict[str, float] = {}
    paced: dict[str, int] = {}
    for model in {id(model.throttle): model for model in models}.values():
        name, throttle = model.provider.use.partition("/")[0], model.throttle
        pauses[name] = max(pauses.get(name, 0.0), throttle.cooling())
        paced[name] = paced.get(name, 0) + throttle.paced
    waits = [f"waiting for {name}: {ceil(pause)} s" for name, pause in pauses.items() if pause]
    held = [f"held back by rpm or tpm of {name}: {_calls(count)}" for name, count in paced.items() if count]
    return [*waits, *held]


def _calls(count: int) -> str:
    return "1 call" if count == 1 else f"{count} calls"
