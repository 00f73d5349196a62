"""A buffer for scanning a text of any length in constant memory."""

from __future__ import annotations

import re
from typing import Protocol

from querygen_files.formats.records import UnreadableFile

_CHUNK = 256 * 1024
_VISIBLE = re.compile(r"[^\s\ufeff\x1e]")


class TextSource(Protocol):
    def read(self, size: int) -> str: ...


class TextBuffer:
    """Holds the part of a text that has been read and not yet been passed."""

    def __init__(self, source: TextSource) -> None:
        self._source = source
        self.text = ""
        """The buffered part."""
        self.position = 0
        """Index in `text` of the next character to scan. Everything before it may be forgotten."""
        self.ended = False
        """Whether the source is exhausted, so that `text` holds all that is left."""
        self._line = 1
        self._counted = 0

    @property
    def line(self) -> int:
        """The line of `position`, from 1."""
        self._line += self.text.count("\n", self._counted, self.position)
        self._counted = self.position
        return self._line

    def read_more(self, size: int = _CHUNK) -> bool:
        """Read on, forgetting what is before `position`, which becomes 0. False at the end of the source."""
        if not self.ended:
            try:
                chunk = self._source.read(size)
            except UnreadableFile as exc:
                raise exc.at(self.line) from None
            self.ended = not chunk
            _ = self.line  # counts the lines that are about to be forgotten
            self.text = self.text[self.position :] + chunk
            self.position = self._counted = 0
        return not self.ended

    def peek(self) -> str:
        """The next character that is not blank, with `position` moved to it; "" at the end."""
        while True:
            match = _VISIBLE.search(self.text, self.position)
            self.position = match.start() if match else len(self.text)
            if match or not self.read_more():
                return match[0] if match else ""

    def find(self, pattern: re.Pattern[str], offset: int, limit: int) -> re.Match[str] | None:
        """The first match from `offset` characters after `position` on, reading on as needed.

        None if the text ends, or if there is none within `limit` characters. A match at the very end of the buffer is
        searched again with more text, since it may be longer.
        """
        while True:
            match = pattern.search(self.text, self.position + offset)
            if match is not None and (match.end() < len(self.text) or self.ended):
                return match
            if len(self.text) - self.position > limit or not self.read_more():
                return pattern.search(self.text, self.position + offset)
