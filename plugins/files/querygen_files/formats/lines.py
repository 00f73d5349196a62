"""JSONL: one product a line, each line good or bad on its own."""

from __future__ import annotations

from collections.abc import Iterator

from querygen_files.formats.objects import parse_object
from querygen_files.formats.rows import LONGEST_RECORD, TOO_LONG, Broken, Row
from querygen_files.text import Text

_BLANK = " \t\r\n\ufeff\x1e\x1a"


def read_lines(text: Text) -> Iterator[Row]:
    for line in text.lines():
        number = text.line
        stripped = line.strip(_BLANK)
        if len(line) >= LONGEST_RECORD:
            _skip_line(text, line)
            yield number, Broken("too_long", TOO_LONG, line)
        elif stripped:
            yield number, parse_object(stripped)


def _skip_line(text: Text, line: str) -> None:
    while line and not line.endswith(("\n", "\r")):
        line = text.readline()
        text.line -= 1
