"""Lines and pieces of a byte stream in any encoding."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator
from logging import Logger

from querygen_files.formats.rows import LONGEST_RECORD, Unreadable
from querygen_files.stream import Stream

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_DECLARED = re.compile(rb"<\?xml[^>]*encoding\s*=\s*[\"']([A-Za-z0-9._-]+)[\"']")
_ESCAPED = re.compile("[\udc80-\udcff]")
_BUFFER = 256 * 1024
_WESTERN = {
    0xDC00 + byte: bytes([byte]).decode("cp1252", "replace") for byte in range(0x80, 0x100)
}  # what the codec's error handler leaves of a byte that is not UTF-8


class Text:
    """Characters of a stream, line ends as they are. head: the first 64 KiB. line: the number of the last line given.

    Bytes that are not UTF-8 are read as Windows-1252, with one warning: one bad byte, or an export in the old
    encoding, must not cost the catalogue.
    """

    def __init__(self, stream: Stream, encoding: str, name: str, log: Logger) -> None:
        self._lenient = encoding == "auto"
        self.encoding = sniff_encoding(stream.head()) if self._lenient else encoding
        self._utf8 = self._lenient and self.encoding.startswith("utf-8")
        errors = "surrogateescape" if self._utf8 else "replace" if self._lenient else "strict"
        self.head = codecs.getincrementaldecoder(self.encoding)("replace").decode(stream.head())
        self._text = io.TextIOWrapper(io.BufferedReader(stream, _BUFFER), self.encoding, errors, newline="")
        self._name = name
        self._log = log
        self._warned = False
        self.line = 0

    def lines(self) -> Iterator[str]:
        """Each line with its end, cut where no record can be longer."""
        while line := self.readline():
            yield line

    def readline(self) -> str:
        try:
            line = self._text.readline(LONGEST_RECORD)
        except UnicodeError as exc:
            raise self._undecodable(exc) from None
        self.line += 1
        return line if line.isascii() else self._repair(line)

    def read(self, size: int) -> str:
        try:
            text = self._text.read(size)
        except UnicodeError as exc:
            raise self._undecodable(exc) from None
        return text if text.isascii() else self._repair(text)

    def _repair(self, text: str) -> str:
        if not self._utf8 or _ESCAPED.search(text) is None:
            return text
        if not self._warned:
            self._warned = True
            where = f"{self._name}:{self.line}" if self.line else self._name
            self._log.warning(
                "%s: not valid UTF-8; such bytes are read as Windows-1252 (set `encoding` if that is wrong)", where
            )
        return text.translate(_WESTERN)

    def _undecodable(self, exc: UnicodeError) -> Unreadable:
        return Unreadable(f"the text is not {self.encoding}: {exc}; change `encoding` or leave it out", self.line + 1)


def sniff_encoding(head: bytes) -> str:
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding
    declared = _DECLARED.match(head.lstrip()[:200])
    if declared:
        return _known(declared[1].decode("ascii"))
    even, odd = head[:200:2].count(0), head[1:200:2].count(0)
    if max(even, odd) > len(head[:200]) // 3 and min(even, odd) == 0:
        return "utf-16-le" if odd > even else "utf-16-be"
    return "utf-8"


def _known(encoding: str) -> str:
    try:
        name = codecs.lookup(encoding).name
        "".encode(name)
    except LookupError:
        return "utf-8"
    return "utf-8" if name.startswith(("utf-8", "utf-16", "ascii")) else name
