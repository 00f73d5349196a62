"""SIGTERM, SIGHUP and SIGINT outside of a run: while commands start, and when they are done with the work.

Nothing here may import anything: a signal can arrive in the middle of any import. So the report of a run that never
began is a text with gaps.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

CODES = {signal.SIGTERM: 75, signal.SIGHUP: 75, signal.SIGINT: 130}

_RUNS = ("run", "retry")
_NOTHING_DONE = "before the run began; nothing was asked or delivered"
_REPORT = """\
{"format": "querygen-report/1", "job_id": null, "exit_code": %(code)d, "state": "stopped", "stopped_by": "signal", \
"retry_after": null, "message": "%(message)s", "started": "%(time)s", "finished": "%(time)s", "input": 0, "done": 0, \
"short": 0, "rejected": 0, "duplicate": 0, "failed": 0, "deleted": 0, "pending": 0, "not_in_input": 0, \
"short_reasons": {}, "calls": {"new": 0, "journal": 0, "probe": 0, "duplicate": 0, "refused": 0, "indeterminate": 0, \
"abandoned": 0, "errors": {}, "job": 0}, "tokens": {"input": 0, "output": 0, "thinking": 0, "cached": 0}, "cost": 0.0, \
"cost_estimated": 0.0, "cost_job": 0.0, "queries": {"generated": 0, "kept": 0, "dropped": {}}, "yield": null, \
"received": {"products": 0, "questions": 0, "good": 0, "lost": {}}, \
"sinks": {}, "stages": {}, "events_undelivered": 0, "peak_rss_bytes": 0, "cpu_seconds": 0.0, \
"products_processed": 0, "total_queries_generated": 0, "queries_saved_to_db": 0, "products_processing_time": 0.0, \
"questions_generation_time": 0.0, "results_persistence_time": 0.0}
"""


def cause(number: int) -> str:
    """A signal in words."""
    return "interrupted" if number == signal.SIGINT else f"{signal.Signals(number).name} received"


def is_heeded(number: int) -> bool:
    """Whether a signal ends the process. `nohup` has SIGHUP ignored, and means it."""
    return number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN


def heed_signals() -> None:
    """Until a run takes over, a signal ends the process at once: nothing was paid for yet."""
    _on_signal(leave)


def heed_signals_with(code: int) -> None:
    """From now on a signal ends the process with the code of the work, which is done and reported."""
    if signal.getsignal(signal.SIGTERM) is leave:  # not in the process of somebody who called a command as a function
        _on_signal(lambda _number, _frame: os._exit(code))


def leave(number: int, frame: FrameType | None = None) -> NoReturn:  # noqa: ARG001 - signature of a signal handler
    """Say so and end. `os._exit`, because an import could catch an exception."""
    say(number)
    os._exit(CODES[signal.Signals(number)])


def say(number: int) -> None:
    """Tell that a signal ends the process before its work, also in the form that `--json` promises."""
    code, now = CODES[signal.Signals(number)], time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    words = sys.argv[1:]
    is_run = bool(words) and words[0] in _RUNS
    message = f"{cause(number)} {_NOTHING_DONE}" if is_run else cause(number)
    said = f"[RUN] {message} [stopped_by=signal exit_code={code}]"
    line = f"{now} ERROR {said}\n"
    if "--log-format json" in " ".join(words).replace("=", " "):
        line = f'{{"time": "{now}", "level": "ERROR", "component": "RUN", "message": "{said}"}}\n'
    write(2, line)
    if is_run and "--json" in words:
        write(1, _REPORT % {"code": code, "message": message, "time": now})


def write(number: int, text: str) -> None:
    """Write to a descriptor, past all buffers; what it does not take is lost."""
    try:
        os.write(number, text.encode())
    except OSError:
        return


def _on_signal(handler: Callable[[int, FrameType | None], object]) -> None:
    for number in CODES:
        if is_heeded(number):
            signal.signal(number, handler)
