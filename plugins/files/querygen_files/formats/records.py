"""What every format yields: records with the line they start at, or what is wrong with one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

MAX_RECORD = 4 * 1024 * 1024
"""Characters of one record. A longer one is a broken file rather than a product, and must not fill the memory."""

MAX_RAW = 2_000
"""Characters of an invalid record that are reported."""


@dataclass(frozen=True, slots=True)
class InvalidRecord:
    """One record that cannot be read, while the records after it can."""

    reason: str
    """Reason code of the dead letter, such as `bad_json`."""

    message: str
    """What is wrong and what to do, for the user."""

    raw: str = ""
    """The record's text as it is in the file."""


Record = tuple[int, dict[str, Any] | InvalidRecord]
"""The line on which the record starts, from 1, and its fields or what is wrong with it."""


class UnreadableFile(Exception):
    """The file cannot be read at all, or not from `line` on."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.line = line

    def at(self, line: int) -> UnreadableFile:
        """The same with a line, unless it has one: what reads bytes does not know it."""
        return UnreadableFile(str(self), self.line or line)


TOO_LONG = f"the record has more than {MAX_RECORD:,} characters; it is not a product, or its end is missing"
