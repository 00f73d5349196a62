"""What a format yields: records with the line they start in, or what is wrong with one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

LONGEST_RECORD = 4 * 1024 * 1024
"""Characters. Beyond that it is not a product but a broken file, and must not fill the memory."""

LONGEST_RAW = 2_000


@dataclass(frozen=True, slots=True)
class Broken:
    """One record that cannot be read; the next ones can. raw: its text, cut when it is reported."""

    reason: str
    message: str
    raw: str = ""


Row = tuple[int, dict[str, Any] | Broken]
"""The line, from 1, and the record."""


class Unreadable(Exception):
    """The file as a whole is no good, or no good from `line` on."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.line = line


TOO_LONG = f"the record has more than {LONGEST_RECORD:,} characters; it is either no product, or its end is missing"
