"""Of several values in one text: which are parts of the answer, and which were only drafts of it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from querygen_core.answers.json_values import Found
from querygen_core.answers.question_schema import plain_name
from querygen_core.answers.question_shapes import Questions
from querygen_core.answers.reasoning import announces_answer, announces_draft, tells_apart

_SEPARATOR = re.compile(
    r"```\w*|<\|[^|<>]{0,40}\|>|\b(?:and|part|object|question|item|q|json)\b|\d{1,4}|[\W_]+", re.IGNORECASE
)
_LONGEST_SEPARATOR = 200
_LONGEST_REMARK = 80


@dataclass(slots=True)
class Run:
    """Values that follow each other and are one answer together."""

    questions: Questions
    end: int
    """Where the last of its values ends."""
    whole: bool
    """False if the text ends within it."""
    valid: bool
    """Whether all of it is JSON, with nothing to mend."""
    draft: bool
    """Whether the words before it say that it is not the answer."""
    final: bool
    """Whether they say that it is."""
    single: bool
    """Whether each of its values holds one question only."""


def choose(text: str, found: Iterable[tuple[Found, Questions]], names: Collection[str]) -> Run | None:
    """The run of values that is the answer: the last whole one, or what there is of it; None if there is no value.

    A value in another shape than the schema's is the answer only if no value before it holds more questions.
    """
    runs = [run for run in _runs(text, found, {plain_name(name): name for name in names}) if run.questions.items]
    best: Run | None = None
    for run in [run for run in runs if not run.draft] or runs:
        if best is None or _supersedes(run, best):
            best = run
    return best


def _supersedes(later: Run, earlier: Run) -> bool:
    if later.final:
        return True
    if not later.whole:
        return False
    return later.questions.exact or len(later.questions.items) >= len(earlier.questions.items)


def _runs(text: str, found: Iterable[tuple[Found, Questions]], names: dict[str, str]) -> list[Run]:
    runs: list[Run] = []
    seen: set[str] = set()
    end = 0
    for value, questions in found:
        before = text[end : value.start]
        end = value.end
        texts = {item["text"] for item in questions.items}
        group = names.get(plain_name(_without_separators(before)), "") if not questions.exact else ""
        if runs and _goes_on(runs[-1], questions, before, group, is_new=seen.isdisjoint(texts)):
            run = runs[-1]
            run.questions.take(questions, group)
            run.end, run.whole, run.valid = value.end, value.whole, run.valid and value.valid
            run.single = run.single and len(texts) <= 1
        elif questions.items:
            first = Questions(is_json=True)
            first.take(questions, group)
            draft, final = announces_draft(before), announces_answer(before)
            runs.append(Run(first, value.end, value.whole, value.valid, draft, final, len(texts) <= 1))
            seen = set()
        seen |= texts
    return runs


def _goes_on(run: Run, questions: Questions, before: str, group: str, *, is_new: bool) -> bool:
    """Whether a value that comes after `before` is a further part of `run`."""
    single = run.single and len(questions.items) <= 1
    if len(before) > _LONGEST_SEPARATOR:
        return False
    if group or not _without_separators(before):
        return single or is_new
    if tells_apart(before):
        return False
    return (single and len(before) <= _LONGEST_REMARK) or (
        is_new and not run.questions.exact and not questions.exact and _is_heading(before)
    )


def _without_separators(before: str) -> str:
    return _SEPARATOR.sub(" ", before[: _LONGEST_SEPARATOR + 1]).strip()


def _is_heading(before: str) -> bool:
    lines = [line.strip() for line in before.replace("```json", "").replace("```", "").split("\n") if line.strip()]
    return len(lines) == 1 and len(lines[0]) <= _LONGEST_REMARK and (lines[0][0] in "#*" or lines[0][-1] == ":")
