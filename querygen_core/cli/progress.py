"""How far a run is: a bar on a terminal, elsewhere one log line per 5 % or 30 seconds."""

from __future__ import annotations

import asyncio
import logging
import sys
import time

from querygen_core.engine.meter import Meter

log = logging.getLogger("querygen.progress")

_TICK = 0.25
_EVERY = 30.0  # seconds
_STEP = 5  # per cent


async def watch(meter: Meter) -> None:
    """Until cancelled."""
    await (_draw(meter) if sys.stderr.isatty() else _log(meter))


async def _log(meter: Meter) -> None:
    said_at, said_step = time.monotonic(), 0
    while True:
        await asyncio.sleep(_TICK)
        expected = meter.expected
        step = 100 * meter.settled // expected // _STEP if expected else said_step
        if step > said_step or time.monotonic() - said_at > _EVERY:
            said_at, said_step = time.monotonic(), step
            log.info("%s", _line(meter))


async def _draw(meter: Meter) -> None:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (BarColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=None)
        while True:
            progress.update(task, completed=meter.settled, total=meter.expected, description=_line(meter))
            await asyncio.sleep(_TICK)


def _line(meter: Meter) -> str:
    of = f" of {'' if meter.input_done else 'about '}{meter.expected:,}" if meter.expected else ""
    failed = f", {meter.states['failed']} failed" if meter.states["failed"] else ""
    return f"{meter.settled:,}{of} products{failed}; {meter.calls:,} calls, {meter.from_journal:,} from the journal"
