"""CSV and TSV: a header, then one record a row. A row that is not as the header says is given back as broken."""

from __future__ import annotations

import contextlib
import csv
import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

from querygen_files.formats.rows import LONGEST_RECORD, TOO_LONG, Broken, Row, Unreadable
from querygen_files.text import Text

SEPARATORS = (",", ";", "\t", "|")
_MOST_LINES = 1_000
_SAMPLE = 20
_LINE = re.compile(r"[^\r\n]*(?:\r\n?|\n|$)")
_REPEATABLE = frozenset({"additional_image_link", "product_highlight", "product_detail", "image_link"})
"""Columns that Merchant feeds may have several times."""

Header = Sequence[str]


def read_table(text: Text, separator: str, is_titled: Callable[[Header], bool]) -> Iterator[Row]:
    """The rows below the header. separator: "" to find it out. is_titled: whether these columns can name a product.

    Raises:
        Unreadable: there is no usable header, or nothing below it.
    """
    lines = _Lines(text)
    separator = _declared(lines) or separator or _sniff_separator(text.head)
    header_line, header = _read_header(lines, separator)
    _check_header(header, header_line, is_titled)
    empty = True
    for line, cells in _read_rows(lines, separator, len(header)):
        empty = False
        yield line, cells if isinstance(cells, Broken) else _to_record(header, cells)
    if empty:
        raise Unreadable("the file has a header and no rows below it")


class _Lines:
    """Lines one by one for the csv module, which asks for more while a quote is open; those it took can be put back."""

    def __init__(self, text: Text) -> None:
        self._text = text
        self._back: deque[str] = deque()
        self._line = 0
        self.taken: list[str] = []
        self._size = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._back.popleft() if self._back else self._text.readline()
        if not line:
            raise StopIteration
        self.taken.append(line)
        self._size += len(line)
        if len(self.taken) > _MOST_LINES or self._size >= LONGEST_RECORD:
            raise csv.Error("unexpected end of data")  # what the csv module says of a quote that is never closed
        return line

    def start(self) -> int:
        """Forget what was taken; the number of the line that comes next."""
        self._line += len(self.taken)
        self.taken = []
        self._size = 0
        return self._line + 1

    def put_back(self, keep: int) -> None:
        """All but the first `keep` of the lines taken are given again."""
        self._back.extendleft(reversed(self.taken[keep:]))
        del self.taken[keep:]


def _read_rows(lines: _Lines, separator: str, width: int) -> Iterator[tuple[int, list[str] | Broken]]:
    csv.field_size_limit(max(LONGEST_RECORD, csv.field_size_limit()))
    reader = csv.reader(lines, delimiter=separator, strict=True)
    while True:
        line = lines.start()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as exc:
            yield line, _blame_first(lines, separator, width, *_explain(str(exc)))
            continue
        if len(cells) > width and not any(cells[width:]):
            del cells[width:]  # a spreadsheet's habit
        if not any(cells):
            continue
        if len(cells) == width and not _has_nul(lines.taken):
            yield line, cells
        else:
            yield line, _blame_first(lines, separator, width, *_misfit(len(cells), width))


def _blame_first(lines: _Lines, separator: str, width: int, reason: str, message: str) -> list[str] | Broken:
    """Of the lines taken, the first is broken, for it opened the quote; reading goes on with the second.

    Unless no other line could be a row: then they are the lines of one cell. Tabs often separate cells that nobody
    quotes, so there a quote may be just a quote.
    """
    first = lines.taken[0]
    cells = first.rstrip("\r\n").split(separator)
    if separator == "\t" and len(cells) == width and not _has_nul([first]):
        lines.put_back(1)
        return cells
    if reason == "open_quote" or _any_fits(lines.taken[1:], separator, width):
        lines.put_back(1)
    raw = "".join(lines.taken)
    return Broken("too_long", TOO_LONG, raw) if len(first) >= LONGEST_RECORD else Broken(reason, message, raw)


def _any_fits(lines: Sequence[str], separator: str, width: int) -> bool:
    with contextlib.suppress(csv.Error):
        return any(len(cells) == width for cells in csv.reader(lines, delimiter=separator))
    return True


def _explain(problem: str) -> tuple[str, str]:
    advice = 'write a quote inside a cell as ""'
    if "end of data" in problem:
        return "open_quote", f"a quote that this row opens is never closed; {advice}"
    return "bad_csv", f"the row is no valid CSV: {problem}; {advice}"


def _misfit(cells: int, width: int) -> tuple[str, str]:
    if cells == width:
        return "nul", "the row holds a NUL byte: the file is damaged, or not a text file"
    return "ragged_row", f"the row has {cells} cells, the header {width}; is a quote or a separator missing?"


def _has_nul(lines: Sequence[str]) -> bool:
    return any("\0" in line for line in lines)


def _declared(lines: _Lines) -> str:
    """Excel's own first line, `sep=;`."""
    first = next(lines, "").strip().strip('"')
    if first[:4].casefold() == "sep=" and len(first) == len("sep=;"):
        lines.start()
        return first[-1]
    lines.put_back(0)
    return ""


def _read_header(lines: _Lines, separator: str) -> tuple[int, list[str]]:
    reader = csv.reader(lines, delimiter=separator, strict=True)
    while True:
        line = lines.start()
        try:
            names = [name.strip().removeprefix("\ufeff") for name in next(reader)]
        except StopIteration:
            raise Unreadable("the file is empty") from None
        except csv.Error as exc:
            raise Unreadable(f"the header is no valid CSV: {exc}", line) from None
        if any(names):
            return line, names


def _check_header(header: list[str], line: int, is_titled: Callable[[Header], bool]) -> None:
    while not header[-1]:
        header.pop()
    twice = {name for name in header if name and header.count(name) > 1 and name.removeprefix("g:") not in _REPEATABLE}
    if twice:
        raise Unreadable(f"the header has {_quoted(sorted(twice))} more than once; rename or remove one of them", line)
    if not is_titled(header):
        raise Unreadable(
            f"no column is known as a product's title: {_quoted(header)}; the first row must be the header, and "
            "`fields: {title: …}` can name the column",
            line,
        )


def _quoted(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name[:40]) for name in names[:12])
    return f"{shown}, …" if len(names) > 12 else shown


def _to_record(header: Header, cells: list[str]) -> dict[str, Any]:
    """Cells by column; those without a name (a spreadsheet's index) are left out, repeated columns become lists."""
    record: dict[str, Any] = dict(zip(header, cells, strict=True))
    if len(record) < len(header):
        for name in {name for name in header if name in record and header.count(name) > 1}:
            record[name] = [cell for column, cell in zip(header, cells, strict=True) if column == name and cell]
    record.pop("", None)
    return record


def _sniff_separator(head: str) -> str:
    """The one that gives the most columns, weighed by how many of the first rows have as many cells as the first."""
    scores = {separator: _score(head, separator) for separator in SEPARATORS}
    return max(SEPARATORS, key=lambda separator: scores[separator])


def _score(head: str, separator: str) -> float:
    lines = (line[0] for line in _LINE.finditer(head))
    widths: list[int] = []
    with contextlib.suppress(csv.Error):  # a cell longer than the head, or a quote that is not closed in it
        for cells in islice(csv.reader(lines, delimiter=separator), _SAMPLE):
            widths += [len(cells)] if cells else []
    if not widths or widths[0] == 1:
        return 0.0
    return widths[0] * (widths.count(widths[0]) / len(widths))
