"""Questions in tables (Markdown, CSV) and between tags, from models that ignore the JSON format."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence

from querygen_core.answers.question_schema import TEXT_KEYS, plain_name
from querygen_core.answers.question_shapes import Questions
from querygen_core.answers.texts import asks, clean, is_usable, storable

_RULE = re.compile(r"\s*\|?\s*:?-{2,}:?\s*(?:\|\s*:?-{2,}:?\s*)*\|?\s*\Z")
_CELL = re.compile(r"(?<!\\)\|")
_AROUND = ' \t*_`"“”'
_TAG = re.compile(r"<(/?)(question|query|text|q|li)(?:\s[^<>]{0,200})?>", re.IGNORECASE)
_NAME = re.compile(r"[A-Za-z][\w -]{0,30}")
_MAX_COLUMNS = 20
_MAX_HEADER = 400  # characters


def read_tables(text: str) -> Questions:
    """The questions of all tables of Markdown in `text`."""
    questions = Questions()
    lines = text.split("\n")
    header: list[str] = []
    for number, line in enumerate(lines):
        if "|" not in line:
            header = []
            continue
        if _RULE.match(line):
            header = _cells(lines[number - 1]) if number and not header else header
            continue
        is_header = number + 1 < len(lines) and _RULE.match(lines[number + 1]) is not None
        if not is_header and (header or line.strip().startswith("|")):
            _add_row(questions, _cells(line), header, ended=number + 1 < len(lines) or line.rstrip()[-1:] == "|")
    return questions


def read_csv(text: str) -> Questions:
    """The questions of a table whose first line names its columns, one of them as a question's text."""
    questions = Questions()
    lines = text.split("\n")
    found = ((number, *_csv_header(line)) for number, line in enumerate(lines) if len(line) <= _MAX_HEADER)
    begin, separator, header = next(((at, mark, names) for at, mark, names in found if names), (0, "", []))
    rows = lines[begin + 1 :] if header else []
    end = next((at for at, line in enumerate(rows) if not line.strip() or line.startswith("```")), len(rows))
    is_ended, rows = end < len(rows), rows[:end]
    if sum(row.count('"') for row in rows) % 2:
        rows[-1:] = [""]
        questions.whole = False
    try:
        for number, row in enumerate(csv.reader(rows, delimiter=separator or ",", skipinitialspace=True)):
            if len(row) >= len(header):
                _add_row(questions, _joined(row, header, separator), header, ended=is_ended or number + 1 < len(rows))
    except csv.Error:
        questions.whole = False
    return questions


def _csv_header(line: str) -> tuple[str, list[str]]:
    """The separator of a line that names columns, and the names; none if it is another line."""
    separator = next((mark for mark in "\t;," if mark in line), "")
    names = [name.strip().strip('"') for name in line.split(separator)] if separator else []
    is_header = any(plain_name(name) in TEXT_KEYS for name in names) and all(map(_NAME.fullmatch, names))
    return separator, names if is_header and len(names) <= _MAX_COLUMNS else []


def _joined(row: Sequence[str], header: Sequence[str], separator: str) -> list[str]:
    """The row without the separators that its text has without quotation marks."""
    more = len(row) - len(header)
    at = next(column for column, name in enumerate(header) if plain_name(name) in TEXT_KEYS)
    return [*row[:at], f"{separator} ".join(row[at : at + more + 1]), *row[at + more + 1 :]]


def read_tags(text: str) -> Questions:
    """The texts between tags such as `<question>…</question>`."""
    questions = Questions()
    begin: re.Match[str] | None = None
    for tag in _TAG.finditer(text):
        if not tag[1]:
            begin = tag
        elif begin is not None and begin[2].lower() == tag[2].lower():
            inner = clean(text[begin.end() : tag.start()])
            # An item of a list may be anything.
            if "<" not in inner and (asks(inner) if begin[2].lower() == "li" else is_usable(inner)):
                questions.add(inner)
            begin = None
    questions.whole = begin is None
    return questions


def _cells(line: str) -> list[str]:
    cells = [cell.replace("\\|", "|").strip(_AROUND) for cell in _CELL.split(line.strip(), maxsplit=_MAX_COLUMNS)]
    return cells[1 if line.lstrip().startswith("|") else 0 : len(cells) - line.rstrip().endswith("|")]


def _add_row(questions: Questions, cells: Sequence[str], header: Sequence[str], *, ended: bool) -> None:
    names = [plain_name(name) for name in header]
    columns = [column for column, name in enumerate(names) if name in TEXT_KEYS and column < len(cells)]
    asking = [column for column, cell in enumerate(cells) if asks(clean(cell))]
    if columns and (column := columns[0]) < len(cells) and is_usable(clean(cells[column])):
        if not ended and column == len(cells) - 1 and column not in asking:
            questions.whole = False
            return
    elif asking:
        column = asking[0]
    else:
        return
    kind = next(
        (at for at, name in enumerate(names) if name in ("sub_type", "subtype", "type", "category", "topic")), -1
    )
    sub_type = storable(cells[kind]) if 0 <= kind < len(cells) and kind != column else ""
    questions.add(clean(cells[column]), sub_type)
