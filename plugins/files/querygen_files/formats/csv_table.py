"""CSV and TSV: a header, then one record a row. A row that does not fit the header is an invalid record."""

from __future__ import annotations

import contextlib
import csv
import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

from querygen_files.formats.records import MAX_RECORD, TOO_LONG, InvalidRecord, Record, UnreadableFile
from querygen_files.text_reader import TextReader

SEPARATORS = (",", ";", "\t", "|")
_MAX_LINES = 1_000
"""Of one row. A quote that is still open after so many lines is never closed."""

_SAMPLE_ROWS = 20
_LINE = re.compile(r"[^\r\n]*(?:\r\n?|\n|$)")
_REPEATABLE = frozenset({"additional_image_link", "product_highlight", "product_detail", "image_link"})
"""Columns that Merchant feeds may have several times."""

Header = Sequence[str]


def read_csv(text: TextReader, separator: str, has_title: Callable[[Header], bool]) -> Iterator[Record]:
    """The rows below the header.

    separator: "" to detect it. has_title: whether one of these columns can hold a product's title.

    Raises:
        UnreadableFile: there is no usable header, or no row below it.
    """
    lines = _LineSource(text)
    separator = _declared_separator(lines) or separator or _detect_separator(text.head)
    header_line, header = _read_header(lines, separator)
    _check_header(header, header_line, has_title)
    is_empty = True
    for line, cells in _read_rows(lines, separator, len(header)):
        is_empty = False
        yield line, cells if isinstance(cells, InvalidRecord) else _to_record(header, cells)
    if is_empty:
        raise UnreadableFile("the file has a header but no rows below it")


class _LineSource:
    """Feeds lines to the csv module, which takes more while a quote is open. Lines that it took can be put back."""

    def __init__(self, text: TextReader) -> None:
        self._text = text
        self._put_back: deque[str] = deque()
        self._line = 0
        self.taken: list[str] = []
        """The lines given out since `start_row`."""
        self._size = 0

    def __iter__(self) -> _LineSource:
        return self

    def __next__(self) -> str:
        line = self._put_back.popleft() if self._put_back else self._text.readline()
        if not line:
            raise StopIteration
        self.taken.append(line)
        self._size += len(line)
        if len(self.taken) > _MAX_LINES or self._size >= MAX_RECORD:
            raise csv.Error("unexpected end of data")  # as the csv module says at the end of the file
        return line

    def skip_rest_of(self, line: str) -> None:
        """Leave out the rest of a line that was cut because it is too long for a record."""
        self._text.skip_rest_of(line)

    def start_row(self) -> int:
        """Begin a new row; the number of its first line."""
        self._line += len(self.taken)
        self.taken = []
        self._size = 0
        return self._line + 1

    def put_back(self, keep: int) -> None:
        """Give the lines of this row again, except the first `keep`."""
        self._put_back.extendleft(reversed(self.taken[keep:]))
        del self.taken[keep:]


def _read_rows(lines: _LineSource, separator: str, width: int) -> Iterator[tuple[int, list[str] | InvalidRecord]]:
    # The limit is global in the process: it is raised, never lowered for somebody else.
    csv.field_size_limit(max(MAX_RECORD, csv.field_size_limit()))
    reader = csv.reader(lines, delimiter=separator, strict=True)
    while True:
        line = lines.start_row()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as exc:
            yield line, _recover(lines, separator, width, *_explain_csv_error(str(exc)))
            continue
        if len(cells) > width and not any(cells[width:]):
            del cells[width:]  # spreadsheets append empty cells
        if not any(cells):
            continue
        if len(cells) == width and not _has_nul(lines.taken):
            yield line, cells
        else:
            yield line, _recover(lines, separator, width, *_explain_width(len(cells), width))


def _recover(lines: _LineSource, separator: str, width: int, reason: str, message: str) -> list[str] | InvalidRecord:
    """What is left of a row that cannot be read, with the lines put back that are rows of their own.

    If the row took several lines, the first one opened a quote by mistake, so reading goes on with the second line.
    Only if none of the others can be a row are they the lines of one cell. In TSV files a quote is often just a
    character, so the first line is split at its tabs and used if it has the right number of cells.
    """
    first = lines.taken[0]
    cells = first.rstrip("\r\n").split(separator)
    if separator == "\t" and len(cells) == width and not _has_nul([first]):
        lines.put_back(1)
        return cells
    if reason == "open_quote" or _holds_row(lines.taken[1:], separator, width):
        lines.put_back(1)
    raw = "".join(lines.taken)
    if len(first) >= MAX_RECORD:
        lines.skip_rest_of(first)
        return InvalidRecord("too_long", TOO_LONG, raw)
    return InvalidRecord(reason, message, raw)


def _holds_row(lines: Sequence[str], separator: str, width: int) -> bool:
    with contextlib.suppress(csv.Error):
        return any(len(cells) == width for cells in csv.reader(lines, delimiter=separator))
    return True


def _explain_csv_error(problem: str) -> tuple[str, str]:
    """The reason code and the message."""
    advice = 'write a quote inside a cell as ""'
    if "end of data" in problem:
        return "open_quote", f"the row opens a quote that is never closed; {advice}"
    return "bad_csv", f"the row is not valid CSV: {problem}; {advice}"


def _explain_width(cells: int, width: int) -> tuple[str, str]:
    """The reason code and the message."""
    if cells == width:
        return "nul", "the row contains a NUL byte: the file is damaged, or is not a text file"
    return "ragged_row", f"the row has {cells} cells but the header has {width}; check for a missing quote or separator"


def _has_nul(lines: Sequence[str]) -> bool:
    return any("\0" in line for line in lines)


def _declared_separator(lines: _LineSource) -> str:
    """The separator of Excel's own first line, `sep=;`, which is skipped; "" without one."""
    try:
        first = next(lines, "").strip().strip('"')
    except csv.Error:
        raise UnreadableFile(
            f"this is not a CSV file: its first line has more than {MAX_RECORD:,} characters", 1
        ) from None
    if first[:4].casefold() == "sep=" and len(first) == len("sep=;"):
        lines.start_row()
        return first[-1]
    lines.put_back(0)
    return ""


def _read_header(lines: _LineSource, separator: str) -> tuple[int, list[str]]:
    """The line and the names of the first row that is not blank."""
    reader = csv.reader(lines, delimiter=separator, strict=True)
    while True:
        line = lines.start_row()
        try:
            names = [name.strip().removeprefix("\ufeff") for name in next(reader)]
        except StopIteration:
            raise UnreadableFile("the file is empty") from None
        except csv.Error as exc:
            raise UnreadableFile(f"the header is not valid CSV: {exc}", line) from None
        if any(names):
            return line, names


def _check_header(header: list[str], line: int, has_title: Callable[[Header], bool]) -> None:
    while not header[-1]:
        header.pop()
    repeated = {
        name for name in header if name and header.count(name) > 1 and name.removeprefix("g:") not in _REPEATABLE
    }
    if repeated:
        names = _quote_names(sorted(repeated))
        raise UnreadableFile(f"the header has {names} more than once; rename or remove one of them", line)
    if not has_title(header):
        raise UnreadableFile(
            f"no column is recognised as the product's title: {_quote_names(header)}; make the first row the header, "
            "or name the column with `fields: {title: …}`",
            line,
        )


def _quote_names(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name[:40]) for name in names[:12])
    return f"{shown}, …" if len(names) > 12 else shown


def _to_record(header: Header, cells: list[str]) -> dict[str, Any]:
    """Cells by column. Columns without a name (a spreadsheet's index) are left out, repeated columns become lists."""
    record: dict[str, Any] = dict(zip(header, cells, strict=True))
    if len(record) < len(header):
        for name in {name for name in header if name in record and header.count(name) > 1}:
            record[name] = [cell for column, cell in zip(header, cells, strict=True) if column == name and cell]
    record.pop("", None)
    return record


def _detect_separator(head: str) -> str:
    """The separator that gives the most columns, weighed by how many of the first rows have as many as the header."""
    scores = {separator: _score(head, separator) for separator in SEPARATORS}
    return max(SEPARATORS, key=lambda separator: scores[separator])


def _score(head: str, separator: str) -> float:
    lines = (match[0] for match in _LINE.finditer(head))
    widths: list[int] = []
    with contextlib.suppress(csv.Error):  # a cell longer than the head, or a quote that is closed after it
        for cells in islice(csv.reader(lines, delimiter=separator), _SAMPLE_ROWS):
            widths += [len(cells)] if cells else []
    if not widths or widths[0] == 1:
        return 0.0
    return widths[0] * (widths.count(widths[0]) / len(widths))
