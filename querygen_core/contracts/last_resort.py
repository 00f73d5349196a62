"""The end of a process that cannot end by itself, because it is out of memory or because its time is over.

Neither Python nor asyncio survives a lack of memory at every place: a thread that cannot begin leaves the one that
started it waiting for ever, and a future may lose its wake-up. No code around these places can mend that. So a thread
that was made while there was memory ends the process; the journal survives that at any moment.
"""

from __future__ import annotations

import errno
import os
import sys
import threading
import time
from _thread import start_new_thread
from collections.abc import Callable
from typing import NoReturn

_TRY_AGAIN = 75
_MESSAGE = b"out of memory, and the run did not end by itself; run again with more\n"
_MOST_CAUSES = 10  # of an exception
_MOST_LOOKS = 200  # at a process that is out of memory; counting further would need some
_START = threading.Thread.start.__code__


def is_lack_of_memory(error: BaseException | None) -> bool:
    """Whether the system has given no memory or no thread, to this error's cause or to what was under way before it."""
    for _ in range(_MOST_CAUSES):
        if error is None:
            return False
        if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
            return True
        if isinstance(error, RuntimeError) and "can't start new thread" in str(error):
            return True
        if isinstance(error, ImportError) and "failed to map segment" in str(error):  # of a shared library
            return True
        error = error.__cause__ or error.__context__
    return False


def leave_out_of_memory() -> NoReturn:
    """End the process at once, with what needs no memory."""
    os.write(2, _MESSAGE)
    os._exit(_TRY_AGAIN)


class LastResort:
    """Watches over the process from `start` on.

    As a context manager it notes the error that ends the block.
    """

    __slots__ = (
        "_announce",
        "_code",
        "_farewell",
        "_looks",
        "_pause",
        "_started",
        "_starting",
        "_stuck",
        "_until",
        "noted",
    )

    noted: bool
    """Something got no memory."""

    def __init__(self, *, pause: float = 0.5, grace: float = 20.0, stuck: float = 10.0) -> None:
        """pause: seconds between two looks. grace: seconds to end in order after a lack of memory. stuck: seconds after
        which a thread that has not begun never will.
        """
        self._pause = pause
        self._stuck = stuck / pause
        self._started = self.noted = False
        self._until, self._code = float("inf"), _TRY_AGAIN
        self._farewell: Callable[[], None] | None = None
        self._starting: dict[int, int] = {}
        self.watch_run(grace, None)

    def start(self) -> None:
        if not self._started:
            self._started = True
            # Not a `threading.Thread`, whose `start` is one of the places that may wait for ever.
            start_new_thread(self._watch, ())

    def watch_run(self, grace: float, announce: Callable[[], None] | None) -> None:
        """Give the process `grace` seconds after a lack of memory. announce: called then, in another thread, to have
        the run end in order.
        """
        self._announce = announce
        self._looks = min(int(grace / self._pause), _MOST_LOOKS)

    def note(self, error: BaseException | None) -> None:
        """From any thread: something got this error and may not have been able to tell those that wait for it."""
        try:
            self.noted = self.noted or is_lack_of_memory(error)
        except MemoryError:
            self.noted = True

    def leave_after(self, seconds: float, code: int, farewell: Callable[[], None] | None = None) -> None:
        """End the process with this code, whatever hangs by then. farewell: called then, in another thread."""
        self.start()
        self._until, self._code, self._farewell = time.monotonic() + seconds, code, farewell

    def __enter__(self) -> None:
        return

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self.note(error)

    def _watch(self) -> None:
        while True:
            time.sleep(self._pause)
            try:
                self._look()
            except MemoryError:
                self.noted = True
            if self.noted:
                self._looks -= 1
                if self._looks <= 0:
                    leave_out_of_memory()

    def _look(self) -> None:
        if time.monotonic() >= self._until:
            if self._farewell is not None:
                self._farewell()
            # Not `sys.exit`, which could wait for a thread that hangs.
            os._exit(self._code)
        if self.noted and self._announce is not None:
            self._announce()
            self._announce = None
        self._starting = {start: self._starting.get(start, 0) + 1 for start in _starts()}
        if any(looks >= self._stuck for looks in self._starting.values()):
            leave_out_of_memory()


def _starts() -> list[int]:
    """The calls of `Thread.start` that wait for their thread to begin. Those of one that died wait for ever."""
    starts = []
    for frame in sys._current_frames().values():  # noqa: SLF001 - documented, and the only way to see another thread
        caller = frame.f_back and frame.f_back.f_back  # `Condition.wait`, of `Event.wait`, of `Thread.start`
        if caller is not None and caller.f_code is _START:
            starts.append(id(caller))
    return starts


last_resort = LastResort()
"""The process's own; `querygen_core.__main__` starts it."""
