"""Keeps a process that has lost its lease from replacing a file that its successor has begun to write."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from querygen_core.api import SinkError
from querygen_core.formats import sync_folder
from querygen_files.output_file import OutputFile, open_regular_file


class Fence:
    """The number of this process's lease, beside a file as `<name>.<number>.fence`; the highest one there counts.

    No lock, which a paused process would hold for ever: each number is a file of its own, so that none can be
    overwritten by a lower one, and the partial file of a lower number is removed, so that it cannot be renamed any
    more, however far its process has come.
    """

    def __init__(self, target: OutputFile, number: int) -> None:
        self._target = target
        self._number = number
        name = target.path.name
        self.partial = target.path.with_name(f"{name}.{number}.partial")
        self._mark = target.path.with_name(f"{name}.{number}.fence")
        self._pattern = re.compile(rf"{re.escape(name)}\.(\d+)\.(?:fence|partial)")

    def check(self) -> None:
        """Raise SinkError if a later process has begun to write the file."""
        if any(number > self._number for number, path in self._files() if path.suffix == ".fence"):
            message = "another process has taken over this job and writes this file; this one leaves it alone"
            raise SinkError("fenced", f"{self._target.identity}: {message}")

    def raise_mark(self) -> None:
        """From now on no process with a lower number can replace the file. Raise SinkError if this one must not.

        The order matters: whoever makes a partial file after the removal finds the mark before it renames.
        """
        self.check()
        os.close(open_regular_file(self._mark, os.O_WRONLY | os.O_CREAT))
        sync_folder(self._mark.parent)
        for number, path in self._files():
            if number < self._number:
                with suppress(FileNotFoundError):
                    path.unlink()

    def _files(self) -> Iterator[tuple[int, Path]]:
        for entry in list(os.scandir(self._mark.parent)):
            if match := self._pattern.fullmatch(entry.name):
                yield int(match[1]), Path(entry.path)
