"""Rewrites the errors of the YAML parser so that they say what to do."""

from __future__ import annotations

from typing import Any

import yaml

_TAB = "a tab cannot be used for indentation; use spaces"
_AT_PROBLEM = {
    "found a tab": _TAB,
    "mapping values are not allowed": "':' is not expected here: check the indentation, or quote the value",
    "did not find expected key": "a key is expected here: check the indentation, and that quotes enclose whole values",
    "did not find expected '-'": "'- ' is expected here, as in the list above: check the indentation",
    "did not find expected node content": "a value is expected here",
    "expected <document start>": "nothing more is expected here: check indentation, quotes and brackets above",
    "found unknown escape": "an unknown escape in double quotes: write '\\\\' for '\\', or use single quotes",
}
_AT_CONTEXT = {
    "found unexpected end of stream": "this quote is not closed",
    "could not find expected ':'": "'key: value' is expected here",
}


def explain(error: yaml.MarkedYAMLError, text: str, first_line: int) -> tuple[Any, str]:
    """The mark to report, and the message."""
    problem: str = error.problem or ""
    mark: Any = error.problem_mark
    opened = error.context_mark or mark
    if "cannot start any token" in problem:
        char = _char_at(text, mark)
        return mark, _TAB if char == "\t" else f"a value cannot start with {char!r}; quote it"
    if "did not find expected ',' or" in problem:
        return opened, _unclosed(text, opened, mark, first_line)
    if "expected node content" in problem and not _char_at(text, mark):
        return mark, "a value is expected here, but the file ends: is a bracket not closed?"
    for start, message in _AT_PROBLEM.items():
        if start in problem:
            return mark, message
    for start, message in _AT_CONTEXT.items():
        if start in problem:
            return opened, message
    return mark, f"cannot be read as YAML: {problem}"


def _unclosed(text: str, opened: Any, mark: Any, first_line: int) -> str:
    message = f"this '{_char_at(text, opened)}' is not closed"
    if _char_at(text, mark):
        message += f", or a ',' is missing before line {mark.line + first_line}, column {mark.column + 1}"
    return f'{message}; inside braces, quote "${{…}}"' if "${" in text.split("\n")[opened.line] else message


def _char_at(text: str, mark: Any) -> str:
    rows = text.split("\n")
    return rows[mark.line][mark.column : mark.column + 1] if mark.line < len(rows) else ""
