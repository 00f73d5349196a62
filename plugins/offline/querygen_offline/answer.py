"""The text of an answer, in the shape that the schema asks for."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from querygen_offline.question import LABELS, Question
from querygen_offline.task import Task

_SPACED, _COMPACT = (", ", ": "), (",", ":")
"""Comma and colon. The prompts that ask for one array per sub_type ask for few tokens, too."""


def write_answer(questions: Sequence[Question], task: Task) -> tuple[str, int]:
    """The answer, and the position behind its first question; its length if there is none."""
    if not task.groups:
        return _write({"questions": questions}, task, _SPACED)
    by_sub_type: dict[str, list[Question]] = {group: [] for group in task.groups}
    for question in questions:
        # What belongs to no array of the schema goes to the first, so that nothing is lost.
        by_sub_type.get(question.sub_type, by_sub_type[task.groups[0]]).append(question)
    has_run_out = task.may_be_short and len(questions) < task.count
    return _write(by_sub_type, task, _COMPACT, '"short":"facts"' if has_run_out else "")


def _write(
    arrays: Mapping[str, Sequence[Question]], task: Task, marks: tuple[str, str], last: str = ""
) -> tuple[str, int]:
    comma, colon = marks
    members: list[str] = []
    end = 0
    for name, questions in arrays.items():
        items = [json.dumps(_to_item(question, task), ensure_ascii=False) for question in questions]
        before = f"{json.dumps(name)}{colon}["
        if items and not end:
            end = len("{" + comma.join([*members, before + items[0]]))
        members.append(f"{before}{comma.join(items)}]")
    text = "{" + comma.join([*members, *([last] if last else [])]) + "}"
    return text, end or len(text)


def _to_item(question: Question, task: Task) -> str | dict[str, str]:
    if task.labels is None:
        return question.text
    return {label: getattr(question, label) for label in LABELS if not task.labels or label in task.labels}
