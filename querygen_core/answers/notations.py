"""Questions in a text that has no JSON: whichever notation holds the most of them."""

from __future__ import annotations

from collections.abc import Collection

from querygen_core.answers.lines import read_lines
from querygen_core.answers.question_shapes import Questions
from querygen_core.answers.tables import read_csv, read_tables, read_tags

_MAX_LINES = 20_000


def read_notation(text: str, names: Collection[str]) -> Questions:
    text = "".join(text.splitlines(keepends=True)[:_MAX_LINES])
    # Lines come last: of a table's row or of what is between tags they would take the names for words of the question.
    if (table := read_csv(text)).items:
        return table
    readings: list[Questions] = []
    if "|" in text:
        readings.append(read_tables(text))
    if "</" in text:
        readings.append(read_tags(text))
    readings.append(read_lines(text, names))
    return max(readings, key=lambda questions: len(questions.items))
