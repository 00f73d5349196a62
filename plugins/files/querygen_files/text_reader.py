"""Lines and chunks of text from a byte stream in any encoding."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator
from logging import Logger

from querygen_files.formats.records import MAX_RECORD, UnreadableFile
from querygen_files.input_stream import InputStream

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_XML_ENCODING = re.compile(rb"<\?xml[^>]*encoding\s*=\s*[\"']([A-Za-z0-9._-]+)[\"']")
_ESCAPED_BYTE = re.compile("[\udc80-\udcff]")
_BUFFER = 256 * 1024
_ESCAPED_TO_WINDOWS_1252 = {
    0xDC00 + byte: bytes([byte]).decode("cp1252", "replace") for byte in range(0x80, 0x100)
}  # the error handler `surrogateescape` leaves 0xDC00 + byte


class TextReader:
    """Decodes a stream, with line ends as they are.

    With the encoding "auto", bytes that are not UTF-8 are read as Windows-1252, with one warning: neither one bad byte
    nor an export in the old encoding must cost the whole catalogue.
    """

    def __init__(self, stream: InputStream, encoding: str, name: str, log: Logger) -> None:
        """encoding: "auto" to detect it. name: of the file, for messages."""
        self._is_lenient = encoding == "auto"
        self.encoding = detect_encoding(stream.head()) if self._is_lenient else encoding
        self._is_lenient_utf8 = self._is_lenient and self.encoding.startswith("utf-8")
        errors = "surrogateescape" if self._is_lenient_utf8 else "replace" if self._is_lenient else "strict"
        self.head = codecs.getincrementaldecoder(self.encoding)("replace").decode(stream.head())
        """The first 64 KiB, decoded."""
        self._text = io.TextIOWrapper(io.BufferedReader(stream, _BUFFER), self.encoding, errors, newline="")
        self._name = name
        self._log = log
        self._has_warned = False
        self.line = 0
        """Number of the last line that was read."""

    def lines(self) -> Iterator[str]:
        """Each line with its end, cut at the maximum length of a record."""
        while line := self.readline():
            yield line

    def readline(self) -> str:
        try:
            line = self._text.readline(MAX_RECORD)
        except UnicodeError as exc:
            raise self._undecodable(exc) from None
        except UnreadableFile as exc:
            raise exc.at(self.line + 1) from None
        self.line += 1
        return line if line.isascii() else self._repair(line)

    def skip_rest_of(self, line: str) -> None:
        """Read to the end of a line that was cut, without counting its pieces as lines."""
        while line and not line.endswith(("\n", "\r")):
            self.line -= 1
            line = self.readline()

    def read(self, size: int) -> str:
        try:
            text = self._text.read(size)
        except UnicodeError as exc:
            raise self._undecodable(exc) from None
        return text if text.isascii() else self._repair(text)

    def _repair(self, text: str) -> str:
        if not self._is_lenient_utf8 or _ESCAPED_BYTE.search(text) is None:
            return text
        if not self._has_warned:
            self._has_warned = True
            place = f"{self._name}:{self.line}" if self.line else self._name
            message = "%s: not valid UTF-8; reading the invalid bytes as Windows-1252; set `encoding` if that is wrong"
            self._log.warning(message, place)
        return text.translate(_ESCAPED_TO_WINDOWS_1252)

    def _undecodable(self, exc: UnicodeError) -> UnreadableFile:
        message = f"the text is not {self.encoding}: {exc}; change `encoding` or leave it out"
        return UnreadableFile(message, self.line + 1)


def detect_encoding(head: bytes) -> str:
    """The encoding by byte order mark, XML declaration or zero bytes; else UTF-8."""
    for mark, encoding in _BYTE_ORDER_MARKS:
        if head.startswith(mark):
            return encoding
    declaration = _XML_ENCODING.match(head.lstrip()[:200])
    if declaration:
        return _usable_encoding(declaration[1].decode("ascii"))
    # In UTF-16 without a mark, every other byte of mostly Latin text is zero.
    even_zeros, odd_zeros = head[:200:2].count(0), head[1:200:2].count(0)
    if max(even_zeros, odd_zeros) > len(head[:200]) // 3 and min(even_zeros, odd_zeros) == 0:
        return "utf-16-le" if odd_zeros > even_zeros else "utf-16-be"
    return "utf-8"


def _usable_encoding(declared: str) -> str:
    """The declared encoding; UTF-8 for an unknown one, and for UTF-16, in which the declaration could not be read."""
    try:
        name = codecs.lookup(declared).name
        "".encode(name)
    except LookupError:
        return "utf-8"
    return "utf-8" if name.startswith(("utf-8", "utf-16", "ascii")) else name
