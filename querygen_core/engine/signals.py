"""SIGTERM and SIGINT: stop calling, give what is under way its time, be gone before the machine is."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from querygen_core.engine.halt import Halt
from querygen_core.errors import Exit

_FOR_DELIVERY = 8.0  # of the drain: seconds kept for journal, sinks and report after the last call
_FOR_REPORT = 3.0
_CAUSES = {signal.SIGTERM: (Exit.TRY_AGAIN, "SIGTERM received"), signal.SIGINT: (Exit.INTERRUPTED, "interrupted")}


@contextmanager
def handled_signals(halt: Halt, drain: float, abandon: Callable[[], None]) -> Iterator[None]:
    """While the block runs, the first signal halts the run within `drain` seconds; the second leaves at once."""
    loop = asyncio.get_running_loop()

    def received(number: signal.Signals) -> None:
        code, message = _CAUSES[number]
        if halt.deadline is not None:
            os._exit(code)
        halt.set(code, message, deadline=loop.time() + drain - _FOR_REPORT)
        loop.call_later(max(0.0, drain - _FOR_DELIVERY), abandon)
        _leave_after(drain - 1, code)

    before = {number: signal.getsignal(number) for number in _CAUSES}
    for number in _CAUSES:
        loop.add_signal_handler(number, received, number)
    try:
        yield
    finally:
        for number, handler in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)


def _leave_after(seconds: float, code: Exit) -> None:
    """A sink or observer that hangs must not outlive the machine's patience; what counts is durable by then."""
    timer = threading.Timer(seconds, os._exit, (code,))
    timer.daemon = True
    timer.start()
