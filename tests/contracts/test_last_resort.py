"""A process that lacks memory ends, whatever of it hangs by then."""

from __future__ import annotations

import errno
import subprocess
import sys

import pytest

from querygen_core.contracts.last_resort import is_lack_of_memory

PROGRAM = """
import os, sys, threading, time
from querygen_core.contracts.last_resort import LastResort

last_resort = LastResort(pause=0.01, grace=0.1, stuck=0.1)
last_resort.start()
{0}
time.sleep(60)
"""
DIES_AT_BIRTH = """
def die(self):
    raise MemoryError
threading.Thread._bootstrap = die
sys.unraisablehook = print  # which learns of it, but tells nobody
threading.Thread(target=print).start()
"""
BLIND = """
def look():
    raise MemoryError
sys._current_frames = look
"""


def ended(lines: str) -> tuple[int, str, str]:
    words = [sys.executable, "-c", PROGRAM.format(lines)]
    process = subprocess.run(words, capture_output=True, text=True, timeout=50, check=False)
    return process.returncode, process.stdout, process.stderr


@pytest.mark.parametrize(
    "lines",
    [
        "last_resort.note(MemoryError())",
        "try:\n with last_resort: [0] * 2**60\nexcept MemoryError: pass",
        DIES_AT_BIRTH,
        BLIND,
    ],
    ids=["noted", "in a block", "a thread that cannot begin", "no memory to look"],
)
def test_a_process_out_of_memory_ends_by_itself(lines: str):
    code, _, err = ended(lines)
    assert code == 75
    assert err == "out of memory, and the run did not end by itself; run again with more\n"


def test_it_may_end_in_order_before():
    announce = 'last_resort.watch_run(50, lambda: os.write(1, b"ended") and os._exit(3))'
    assert ended(f"{announce}\nlast_resort.note(MemoryError())") == (3, "ended", "")


def test_a_time_that_is_over_ends_it_too():
    assert ended("last_resort.leave_after(0.1, 4)") == (4, "", "")


def test_nothing_else_ends_it():
    others = "last_resort.note(ValueError('x'))\nthreading.Thread(target=time.sleep, args=(1,)).start()"
    assert ended(f"{others}\ntime.sleep(0.5)\nos._exit(0)") == (0, "", "")


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("can't start new thread"),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
        ImportError("libsqlite3.so.0: failed to map segment from shared object"),
    ],
    ids=repr,
)
def test_a_lack_of_memory_is_known_by_its_cause(error: BaseException):
    caused, meanwhile = ValueError("x"), RuntimeError("Cannot run the event loop while another loop is running")
    caused.__cause__ = meanwhile.__context__ = error
    assert all(map(is_lack_of_memory, (error, caused, meanwhile)))
    others = (None, ValueError("memory"), OSError(errno.ENOENT, "x"), ImportError("no module"), RuntimeError("x"))
    assert not any(map(is_lack_of_memory, others))
