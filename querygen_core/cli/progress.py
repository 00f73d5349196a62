"""Progress of a run: a bar on a terminal, elsewhere a log line every 5 % or 30 seconds."""

from __future__ import annotations

import asyncio
import logging
import sys
import time

from querygen_core.engine.run_stats import RunStats

log = logging.getLogger("querygen.progress")

_POLL_INTERVAL = 0.25  # seconds
_LOG_INTERVAL = 30.0  # seconds
_LOG_STEP = 5  # per cent of the products


async def watch(stats: RunStats) -> None:
    """Show progress until cancelled."""
    await (_draw(stats) if sys.stderr.isatty() else _log(stats))


async def _log(stats: RunStats) -> None:
    logged_at, logged_step = time.monotonic(), 0
    while True:
        await asyncio.sleep(_POLL_INTERVAL)
        expected = stats.expected
        step = 100 * stats.completed // expected // _LOG_STEP if expected else logged_step
        if step > logged_step or time.monotonic() - logged_at > _LOG_INTERVAL:
            logged_at, logged_step = time.monotonic(), step
            log.info("%s", _line(stats))


async def _draw(stats: RunStats) -> None:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (BarColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=None)
        while True:
            progress.update(task, completed=stats.completed, total=stats.expected, description=_line(stats))
            await asyncio.sleep(_POLL_INTERVAL)


def _line(stats: RunStats) -> str:
    of = f" of {'' if stats.input_done else 'about '}{stats.expected:,}" if stats.expected else ""
    failed = f", {stats.states['failed']} failed" if stats.states["failed"] else ""
    calls = f"{stats.calls:,} calls, {stats.from_journal:,} answers from the journal"
    return f"{stats.completed:,}{of} products{failed}; {calls}"
