"""A text of any length, seen through a part of it."""

from __future__ import annotations

import re
from typing import Protocol

_PIECE = 256 * 1024
_VISIBLE = re.compile(r"[^\s\ufeff\x1e]")


class Pieces(Protocol):
    def read(self, size: int) -> str: ...


class Window:
    """What has been read and not yet been left behind is `buffer`; the place in it is `at`."""

    def __init__(self, text: Pieces) -> None:
        self._text = text
        self.buffer = ""
        self.at = 0
        self.ended = False
        self._line = 1
        self._counted = 0

    @property
    def line(self) -> int:
        """The line of `at`, from 1."""
        self._line += self.buffer.count("\n", self._counted, self.at)
        self._counted = self.at
        return self._line

    def more(self, size: int = _PIECE) -> bool:
        """Read on, forgetting what lies before `at`, which becomes 0. False at the end of the text."""
        if not self.ended:
            piece = self._text.read(size)
            self.ended = not piece
            _ = self.line
            self.buffer = self.buffer[self.at :] + piece
            self.at = self._counted = 0
        return not self.ended

    def peek(self) -> str:
        """The next character that is not blank, which is then at `at`; "" at the end."""
        while True:
            found = _VISIBLE.search(self.buffer, self.at)
            self.at = found.start() if found else len(self.buffer)
            if found or not self.more():
                return found[0] if found else ""

    def find(self, pattern: re.Pattern[str], start: int, limit: int) -> re.Match[str] | None:
        """The first match from `start` characters behind `at` on, reading on as needed.

        None if the text ends, or if there is none within `limit` characters. A match that touches the end of the
        buffer is looked at again with more, for it may be longer.
        """
        while True:
            found = pattern.search(self.buffer, self.at + start)
            if found is not None and (found.end() < len(self.buffer) or self.ended):
                return found
            if len(self.buffer) - self.at > limit or not self.more():
                return pattern.search(self.buffer, self.at + start)
