"""SIGTERM, SIGHUP and SIGINT: start no further call, give those under way some time, end before the machine does."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from types import FrameType
from typing import Protocol

from querygen_core.contracts.early_exit import CODES, cause, is_heeded, say, write
from querygen_core.contracts.errors import Exit, StoppedBy
from querygen_core.contracts.last_resort import last_resort
from querygen_core.contracts.threads import call_in_loop
from querygen_core.engine.shutdown import Shutdown

log = logging.getLogger("querygen.run")

_FOR_DELIVERY = 8.0  # of the drain: seconds reserved for journal, sinks and report after the last call
_FOR_REPORT = 3.0  # of these: seconds reserved for the report
_HURRY = 6.0  # seconds for the report alone
_TOO_LATE = "the run did not end by itself in time; what was paid for is safe in the journal\n"


class CallsUnderWay(Protocol):
    """The part of a run that pays, as signals end it."""

    def calls_under_way(self) -> int | None:
        """How many there are; None as long as the run has not got as far as to make any."""

    def abandon(self) -> None:
        """Give them up."""


@contextmanager
def handled_signals(shutdown: Shutdown, drain: float, calls: CallsUnderWay) -> Iterator[None]:
    """While the block runs, the first signal ends the run within `drain` seconds, a second one at once, but with its
    report; a third one ends the process. A run that has not begun to ask ends at once at the first.

    A lack of memory that left a part of the run hanging ends it like a signal.
    """
    loop = asyncio.get_running_loop()
    heard = 0

    def end(code: Exit, message: str, stopped_by: StoppedBy | None) -> None:
        shutdown.set(code, message, stopped_by, deadline=loop.time() + drain - _FOR_REPORT)
        loop.call_later(max(0.0, drain - _FOR_DELIVERY), calls.abandon)

    def hear(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - signature of a signal handler
        """Even if a sink or an observer hangs, or something blocks the event loop, the process ends in time."""
        nonlocal heard
        heard += 1
        if heard > 2:
            os._exit(CODES[signal.Signals(number)])
        code, began = CODES[signal.Signals(number)], calls.calls_under_way() is not None
        farewell = partial(write, 2, _TOO_LATE) if began else partial(say, number)
        last_resort.leave_after(drain - 1 if began and heard == 1 else _HURRY, code, farewell)

    def act(number: signal.Signals) -> None:
        is_first = shutdown.deadline is None
        if is_first:
            end(Exit(CODES[number]), cause(number), "signal")
        under_way = calls.calls_under_way()
        if is_first and under_way is not None:
            again = "Ctrl-C again" if number == signal.SIGINT else "a second signal"
            log.warning("waiting for %s, at most %.0f s; %s ends at once", _work(under_way), drain - 1, again)
            return
        if not is_first:
            log.warning(
                "ending at once; %s",
                "1 call is abandoned" if under_way == 1 else f"{under_way or 0} calls are abandoned",
            )
        shutdown.hurry()
        calls.abandon()

    numbers = [number for number in CODES if is_heeded(number)]
    before = {number: signal.getsignal(number) for number in numbers}
    for number in numbers:
        loop.add_signal_handler(number, act, number)
        # The loop is woken by the descriptor that it has registered, whatever the handler is.
        signal.signal(number, hear)
    lack = (Exit.TRY_AGAIN, "out of memory; run again with more", None)
    last_resort.watch_run(drain - 1, lambda: call_in_loop(loop, end, *lack))
    try:
        yield
    finally:
        for number, handler in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)


def _work(calls: int) -> str:
    if not calls:
        return "the sinks"
    return f"{calls} call{'s' if calls > 1 else ''} under way and the sinks"
