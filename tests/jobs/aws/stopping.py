"""Stops or kills a process before a chosen step, for tests in which another one takes over its job.

Copied as `sitecustomize.py` where Python finds it, so that it works in any command. QUERYGEN_STOP_AT: a regular
expression for the step; the first one that matches it counts. A step is an audit event and what it is about, such as
`os.rename …/out.json.17.partial` or `http.client.send PUT /bucket/query/shop.json`; or a call in a thread, such as
`call querygen_postgres.sink._write`. QUERYGEN_STOP_BY: the signal, SIGSTOP by default.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import threading
from types import FrameType
from typing import Any

_STEP = re.compile(os.environ.get("QUERYGEN_STOP_AT", "(?!)"))
_SIGNAL = signal.Signals[os.environ.get("QUERYGEN_STOP_BY", "SIGSTOP")]
_EVENTS = ("http.client.send", "open", "os.rename")
_left = [True]


def _stop(event: str, args: tuple[Any, ...]) -> None:
    if event not in _EVENTS or not _left:
        return
    subject = args[1] if event == "http.client.send" else args[0]
    text = bytes(subject[:300]).decode("latin-1") if isinstance(subject, bytes | bytearray) else str(subject)
    _compare(f"{event} {text}")


def _stop_call(frame: FrameType, event: str, _argument: object) -> None:
    if event == "call" and _left:
        _compare(f"call {frame.f_globals.get('__name__')}.{frame.f_code.co_name}")


def _compare(step: str) -> None:
    if _STEP.search(step):
        _left.clear()
        os.kill(os.getpid(), _SIGNAL)


if _STEP.pattern.startswith("call"):
    threading.setprofile(_stop_call)
elif _STEP.pattern != "(?!)":
    sys.addaudithook(_stop)
