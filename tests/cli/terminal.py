"""A terminal with a process in it: what a person would see, line by line."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import pyte

from tests.cli.process import LIMIT, environment

_LOGGED = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ [A-Z]+ \[")


def torn(lines: Sequence[str]) -> list[str]:
    """What does not look as it was written: log lines that begin in the middle, remains of the bar further up."""
    bars = [number for number, line in enumerate(lines) if "━" in line or "──" in line or "delivered:" in line]
    last = [number for number in bars if number >= len(lines) - 6]
    broken = [line for line in lines if re.search(r" (DEBUG|INFO|WARNING|ERROR) \[", line) and not _LOGGED.match(line)]
    return broken + [lines[number] for number in bars if number not in last[-2:]]


class Terminal:
    """Of so many columns and rows. `screen` is read at any time; what has scrolled out at the top is kept."""

    def __init__(
        self,
        *words: str,
        cwd: Path,
        path: Sequence[Path] = (),
        columns: int = 80,
        rows: int = 24,
        **environ: str,
    ) -> None:
        self._screen = pyte.HistoryScreen(columns, rows, history=10_000, ratio=0.5)
        self._stream = pyte.ByteStream(self._screen)
        self._lock = threading.Lock()
        self.raw = b""
        self._master, slave = pty.openpty()
        self.resize(columns, rows)
        without = ("NO_COLOR", "COLUMNS", "LINES", "FORCE_COLOR", "TTY_COMPATIBLE")
        given = environment({"TERM": "xterm-256color", **environ}, path)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "querygen_core", *words],
            cwd=cwd,
            env={name: value for name, value in given.items() if name not in without or name in environ},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            # So that Ctrl-C and a closed terminal are signals to the process.
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - there is no other way
        )
        os.close(slave)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._reader.join(LIMIT)
        os.close(self._master)

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._master, 65_536)
            except OSError:  # nobody has the other end open any more
                return
            if not data:  # the window was closed
                return
            with self._lock:
                self.raw += data
                self._stream.feed(data)

    def hang_up(self) -> None:
        """Close the window."""
        os.close(self._master)
        self._master = os.open(os.devnull, os.O_RDWR)

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def resize(self, columns: int, rows: int) -> None:
        with self._lock:
            self._screen.resize(rows, columns)
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    @property
    def lines(self) -> list[str]:
        """Everything that was shown and not erased, oldest first, without the empty lines at the end."""
        with self._lock:
            above = ["".join(row[column].data for column in sorted(row)).rstrip() for row in self._screen.history.top]
            lines = [*above, *(line.rstrip() for line in self._screen.display)]
        while lines and not lines[-1]:
            lines.pop()
        return lines

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def show(self, moment: str) -> list[str]:
        """The lines, which `pytest -s` shows, so that a person can look at them."""
        lines = self.lines
        print(f"\n== {moment} ".ljust(self._screen.columns + 1, "="), *lines, sep="\n")
        return lines

    def wait_for(self, seen: str | Callable[[list[str]], bool]) -> list[str]:
        """The lines, as soon as a text is among them or a condition is true of them."""
        until = time.monotonic() + LIMIT
        while time.monotonic() < until:
            ended = self.process.poll() is not None
            lines = self.lines
            if seen(lines) if callable(seen) else seen in "".join(lines):  # long lines are broken anywhere
                return lines
            if ended and not self._reader.is_alive():
                break
            time.sleep(0.02)
        raise AssertionError(f"never seen: {seen}\n" + "\n".join(self.lines))

    def wait_for_change(self) -> None:
        """Until the lines are drawn anew."""
        before = self.lines
        self.wait_for(lambda lines: lines != before)

    def end(self) -> int:
        """Wait for the process; its exit code."""
        code = self.process.wait(LIMIT)
        self._reader.join(LIMIT)
        return code
