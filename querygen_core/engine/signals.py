"""SIGTERM and SIGINT: start no further call, give those under way some time, end before the machine does."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from querygen_core.contracts.errors import Exit, StoppedBy
from querygen_core.contracts.last_resort import last_resort
from querygen_core.contracts.threads import call_in_loop
from querygen_core.engine.shutdown import Shutdown

_FOR_DELIVERY = 8.0  # of the drain: seconds reserved for journal, sinks and report after the last call
_FOR_REPORT = 3.0  # of these: seconds reserved for the report
_CAUSES = {signal.SIGTERM: (Exit.TRY_AGAIN, "SIGTERM received"), signal.SIGINT: (Exit.INTERRUPTED, "interrupted")}


@contextmanager
def handled_signals(shutdown: Shutdown, drain: float, abandon: Callable[[], None]) -> Iterator[None]:
    """While the block runs, the first signal ends the run within `drain` seconds, a second one the process at once.
    A lack of memory that left a part of the run hanging ends it like a signal.

    abandon: called when the calls under way have had their time.
    """
    loop = asyncio.get_running_loop()

    def end(code: Exit, message: str, stopped_by: StoppedBy | None) -> None:
        shutdown.set(code, message, stopped_by, deadline=loop.time() + drain - _FOR_REPORT)
        loop.call_later(max(0.0, drain - _FOR_DELIVERY), abandon)

    def received(number: signal.Signals) -> None:
        code, message = _CAUSES[number]
        if shutdown.deadline is not None:
            # Not `sys.exit`, which could wait for a thread that hangs. The journal survives a kill at any moment.
            os._exit(code)
        # Even if a sink or an observer hangs; everything that was paid for is durable by then.
        last_resort.leave_after(drain - 1, code)
        end(code, message, "signal")

    before = {number: signal.getsignal(number) for number in _CAUSES}
    for number in _CAUSES:
        loop.add_signal_handler(number, received, number)
    lack = (Exit.TRY_AGAIN, "out of memory; run again with more", None)
    last_resort.watch_run(drain - 1, lambda: call_in_loop(loop, end, *lack))
    try:
        yield
    finally:
        for number, handler in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)
