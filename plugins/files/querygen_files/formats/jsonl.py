"""JSONL: one product a line, each line valid or invalid by itself."""

from __future__ import annotations

from collections.abc import Iterator

from querygen_files.formats.json_object import parse_object
from querygen_files.formats.records import MAX_RECORD, TOO_LONG, InvalidRecord, Record
from querygen_files.text_reader import TextReader

# A byte order mark, the record separator of JSON text sequences, and the end-of-file mark of old systems.
_BLANK = " \t\r\n\ufeff\x1e\x1a"


def read_jsonl(text: TextReader) -> Iterator[Record]:
    for line in text.lines():
        number = text.line
        stripped = line.strip(_BLANK)
        if len(line) >= MAX_RECORD:
            text.skip_rest_of(line)
            yield number, InvalidRecord("too_long", TOO_LONG, line)
        elif stripped:
            yield number, parse_object(stripped)
