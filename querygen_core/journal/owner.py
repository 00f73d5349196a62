"""Names a running process so that others of this machine can tell whether it still lives."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_START = 19  # place of the start time among the fields of /proc/PID/stat that follow the command's name


def this_process() -> str:
    """`machine pid start`: the start time, in clock ticks since boot, tells it from a later process with its pid."""
    pid = os.getpid()
    return f"{_machine()} {pid} {_start_of(pid)}"


def lives(owner: str) -> bool:
    """Whether a process named by `this_process` may still be running.

    One of another boot is not. One of another container (pid namespace) cannot be seen: it may.
    """
    machine, pid, start = owner.split(" ")
    if machine != _machine():
        return machine.partition("/")[0] == _machine().partition("/")[0]
    return start != "" and _start_of(int(pid)) == start


@cache
def _machine() -> str:
    """Boot and pid namespace; pids mean nothing outside of them."""
    try:
        return f"{_BOOT_ID.read_text('ascii').strip()}/{Path('/proc/self/ns/pid').stat().st_ino}"
    except OSError:
        return "unknown"


def _start_of(pid: int) -> str:
    """The process's start time; "" if there is no such process, or if it has ended and only waits for its parent."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return ""
    fields = stat.rpartition(")")[2].split()  # the command's name, in brackets, may hold spaces and brackets itself
    return "" if fields[0] in ("Z", "X") else fields[_START]
