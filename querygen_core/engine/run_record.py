"""A run that has ended, handed to the sinks that keep such things: its report, and what it could not process."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from querygen_core.contracts.dead_letter import LetterKind, RunRecord
from querygen_core.contracts.errors import QuerygenError
from querygen_core.contracts.journal import Journal
from querygen_core.engine.deliver import SinkRun
from querygen_core.secrets.masking import mask

log = logging.getLogger("querygen.deliver")

_BATCH = 500  # dead letters read at once
_LONGEST = 20.0  # seconds that it may hold up the end of a run
_RESERVE = 3.0  # seconds before a deadline at which nothing more is begun


async def dead_letters(journal: Journal, kind: LetterKind | None = None) -> AsyncIterator[Mapping[str, Any]]:
    """The dead letters of the run as plain JSON, in input order, then those of the sinks. kind: None for all."""
    position = -1
    while letters := await journal.dead_letters(position, _BATCH):
        for _, letter in letters:
            if kind in (None, letter.kind):
                yield asdict(letter)
        position = letters[-1][0]


async def hand_over(
    sinks: Sequence[SinkRun], journal: Journal, report: Mapping[str, Any], *, whole: bool, seconds_left: float
) -> None:
    """Give every sink that keeps runs the record of this one. A failure is logged: the report stands already.

    whole: the run has done all of its work. seconds_left: until the process must have ended.
    """
    record = RunRecord(report=report, whole=whole, letters=lambda kind: dead_letters(journal, kind))
    seconds = min(_LONGEST, seconds_left - _RESERVE)
    keeping = [
        sink
        for sink in sinks
        if sink.keeps_run and not sink.left_out and not (sink.error and sink.error.kind == "fenced")
    ]
    await asyncio.gather(*(_keep(sink, record, seconds) for sink in keeping))


async def _keep(sink: SinkRun, record: RunRecord, seconds: float) -> None:
    assert sink.keeps_run is not None  # noqa: S101 - the caller has chosen by it
    try:
        async with asyncio.timeout(seconds):
            with sink.component.guard:
                await sink.keeps_run.keep_run(record)
    except TimeoutError:
        log.warning("sink %s: no time was left to write the run's report and dead letters there", sink.name)
    except QuerygenError as error:
        problem = mask(str(error))
        log.warning("sink %s: the run's report and dead letters could not be written there: %s", sink.name, problem)
