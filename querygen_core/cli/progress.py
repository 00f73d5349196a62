"""Progress of a run: on a terminal some lines below the log, elsewhere a log line every 5 % or 30 seconds."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from querygen_core.cli.summary import in_usd
from querygen_core.engine.figures import Figures

log = logging.getLogger("querygen.progress")

_POLL_INTERVAL = 0.25  # seconds
_LOG_INTERVAL = 30.0  # seconds
_LOG_STEP = 5  # per cent of the products
_WINDOW = 30.0  # seconds over which rates are taken
_SHORTEST = 2.0  # seconds from which a rate says something


async def watch(figures: Callable[[], Figures]) -> None:
    """Show progress until cancelled."""
    await (_draw(figures) if _can_draw() else _log(figures))


def _can_draw() -> bool:
    return sys.stderr.isatty() and os.environ.get("TERM", "dumb") not in ("", "dumb", "unknown")


async def _log(figures: Callable[[], Figures]) -> None:
    pace = Pace()
    logged_at, logged_step = time.monotonic(), 0
    while True:
        await asyncio.sleep(_POLL_INTERVAL)
        now = figures()
        pace.note(now)
        step = 100 * now.completed // now.expected // _LOG_STEP if now.expected else logged_step
        if step > logged_step or time.monotonic() - logged_at > _LOG_INTERVAL:
            logged_at, logged_step = time.monotonic(), step
            log.info("%s", "; ".join(lines(now, pace)))


async def _draw(figures: Callable[[], Figures]) -> None:
    from querygen_core.cli.screen import Screen

    pace, started = Pace(), time.monotonic()
    with Screen() as screen:
        while True:
            now = figures()
            pace.note(now)
            share = min(now.completed / now.expected, 1.0) if now.expected else 0.0
            screen.show(share, time.monotonic() - started, list(lines(now, pace)))
            await asyncio.sleep(_POLL_INTERVAL)


@dataclass(slots=True)
class Pace:
    """How fast a run is at the moment."""

    clock: Callable[[], float] = time.monotonic
    _noted: deque[tuple[float, int, int]] = field(default_factory=deque)
    """Second, calls, finished records; the oldest is the last one before the window."""

    def note(self, figures: Figures) -> None:
        """Look at the run. What came before its first result, such as the start of a database, is not its pace."""
        if not (figures.calls or figures.completed):
            self._noted.clear()
        now = self.clock()
        self._noted.append((now, figures.calls, figures.completed))
        while len(self._noted) > 2 and self._noted[1][0] < now - _WINDOW:
            self._noted.popleft()

    @property
    def calls(self) -> float | None:
        """Per second; None as long as nobody can say."""
        return self._rate(1)

    def seconds_left(self, figures: Figures) -> float | None:
        """None if that cannot be said."""
        products = self._rate(2)
        if not products or not figures.expected:
            return None
        return max(0, figures.expected - figures.completed) / products

    def _rate(self, column: int) -> float | None:
        if not self._noted:
            return None
        first, last = self._noted[0], self._noted[-1]
        seconds = last[0] - first[0]
        return (last[column] - first[column]) / seconds if seconds >= _SHORTEST else None


def lines(figures: Figures, pace: Pace) -> Iterator[str]:
    """The run in words: products, calls and money, deliveries, and what holds it up if anything does."""
    yield _products(figures, pace)
    yield _calls(figures, pace)
    if figures.delivered:
        taken = ("at the end" if queries is None else f"{queries:,}" for queries in figures.delivered.values())
        yield f"delivered: {', '.join(map(' '.join, zip(figures.delivered, taken, strict=True)))}"
    if figures.ending:
        yield figures.ending
    yield from figures.waits


def _products(figures: Figures, pace: Pace) -> str:
    expected = figures.expected
    of = f" of {'about ' if figures.is_estimate else ''}{expected:,}" if expected else ""
    failed = f", {figures.failed:,} failed" if figures.failed else ""
    seconds = pace.seconds_left(figures)
    left = "" if seconds is None or figures.ending else f", {_in_words(seconds)} left"
    return f"{figures.completed:,}{of} products{failed}{left}"


def _calls(figures: Figures, pace: Pace) -> str:
    rate = "" if pace.calls is None else f" ({pace.calls:.1f}/s)"
    parts = [f"{figures.calls:,} calls{rate}"]
    if figures.from_journal:
        parts.append(f"{figures.from_journal:,} answers from the journal")
    throttled = figures.faults.get("throttled", 0)
    if failed := sum(figures.faults.values()) - throttled:
        parts.append(f"{failed:,} failed")
    if throttled:
        parts.append(f"{throttled:,} throttled")
    limit = "" if figures.max_cost is None else f" of {figures.max_cost:,.2f}"
    cost = in_usd(figures.cost)
    parts.append(cost.replace(" USD", f"{limit} USD") if figures.cost is not None else f"cost {cost}")
    return ", ".join(parts)


def _in_words(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 1:
        return "less than a minute"
    hours, minutes = divmod(minutes, 60)
    return f"about {hours} h {minutes} min" if hours else f"about {minutes} min"
