"""From a model's text to a value: of all that it says, what a person would take for its answer.

Pure and bounded: a text gives the same result on every machine, and none takes long.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from querygen_core.answers.choice import Run, choose
from querygen_core.answers.json_values import Found, find_values, strict
from querygen_core.answers.notations import read_notation
from querygen_core.answers.plain_values import cleaned, has_stump
from querygen_core.answers.question_schema import names_of_lists
from querygen_core.answers.question_shapes import Questions, read_strict, read_value
from querygen_core.answers.reasoning import without_reasoning
from querygen_core.answers.texts import has_only_storable, storable, unescaped_once
from querygen_core.contracts.errors import AnswerFailure
from querygen_core.contracts.records import Response

READING_VERSION = 2
"""Part of every outcome key: raised when the same answer is read differently, so that outcomes are made anew of the
stored answers, without a call.
"""

MAX_TEXT = 1024 * 1024
"""Characters of an answer; what comes after them is as if the model had been cut there."""

_MAX_DEPTH = 3
_MAX_ESCAPED = 3
_ESCAPED = re.compile(r"[{\[](?:\s|\\n)*\\+[\"n]")
_QUOTED = re.compile(
    r'^[ \t]*"((?:\\+")*[{\[](?:\s|\\n)*\\+"(?:[^"\\]|\\.)*)(?:"|\\?\Z)', re.MULTILINE
)  # JSON as a text
_KEY_END = re.compile(r'"\s*:')
_ENDED = re.compile(r"\s*(?:```)?\s*\Z")
_OWN_LINE = re.compile(r"(?:\A|\n)\s*(?:```\w*)?\s*\Z")
_TYPES = {"object": dict, "array": list, "string": str, "number": int | float, "integer": int, "boolean": bool}


@dataclass(frozen=True, slots=True)
class Parsed:
    """A value that was read from an answer."""

    value: Any
    """JSON by the schema; text if there is no schema. For a schema of questions always {"questions": [{"text": …, …}]},
    and `short`, why there are fewer than were asked for, if the model says so.
    """
    rung: str
    """`strict` (JSON and nothing else) · `span` (JSON among other things) · `repair` (nearly JSON) · `list` (lines, a
    table) · `partial` (of any of them, cut) · `text`.
    """
    whole: bool
    """False if the answer was cut, and only its complete items are here."""


def read_answer(response: Response, schema: Mapping[str, Any] | None) -> Parsed | AnswerFailure:
    """The value of an answer, or why there is none: `blocked`, `refused`, `cut` (before its first item ended), `empty`,
    `broken`.
    """
    if response.finish in ("blocked", "refused"):
        return response.finish
    text = response.text.lstrip().removeprefix("\ufeff").lstrip()
    cut = response.finish == "length" or len(text) > MAX_TEXT
    if not text.rstrip():
        return "cut" if cut else "empty"
    text = text[:MAX_TEXT]
    if schema is None:
        return Parsed(storable(text.rstrip()), "text", whole=not cut)
    names = names_of_lists(schema)
    if not names:
        return _read_other(text, schema, cut=cut)
    rung, questions = _Reading(names).read(text, cut=cut)
    if questions.items or questions.short:
        short = {"short": questions.short} if questions.short else {}
        return Parsed({"questions": questions.items, **short}, rung, whole=questions.whole and not cut)
    if questions.empty and not cut:
        return "empty"
    return "cut" if cut else "broken"


class _Reading:
    """Reads the questions of one answer."""

    def __init__(self, names: Collection[str]) -> None:
        self._names = names

    def read(self, text: str, *, cut: bool) -> tuple[str, Questions]:
        """The rung, and the questions."""
        try:
            value = strict(text)
        except (ValueError, RecursionError):
            pass
        else:
            questions = self._of_json(text, value)
            if questions.items or questions.short or questions.empty:
                return "strict", questions
        return self._of_text(text, cut=cut)

    def _of_json(self, text: str, value: Any) -> Questions:
        if isinstance(value, dict) and len(_KEY_END.findall(text)) > _count_keys(value):
            value = next(find_values(text)).value  # a key comes twice, and its first value must not be lost
        questions = read_strict(value, self._names) if has_only_storable(text) else None
        return questions or read_value(value, self._names, self._within)

    def _of_text(self, text: str, *, cut: bool) -> tuple[str, Questions]:
        text, thought = without_reasoning(text)
        for _ in range(_MAX_ESCAPED):
            text = _QUOTED.sub(lambda match: unescaped_once(match[1]), text)
        for _ in range(_MAX_ESCAPED):
            if not _ESCAPED.search(text) or any(True for _ in find_values(text)):
                break
            text = unescaped_once(text)
        rung, questions = self._best(text)
        if not questions.items and thought and not cut and (run := self._last_of(thought)):
            return "span", run.questions
        return rung, questions

    def _best(self, text: str) -> tuple[str, Questions]:
        found = self._found(text)
        run = choose(text, found, self._names)
        if run is None or run.draft or not run.questions.exact:
            listed = read_notation(text, self._names)
            if len(listed.items) > (0 if run is None or run.draft else len(run.questions.items)):
                return "list" if listed.whole else "partial", listed
        if run is None:
            return "partial", self._nothing(found)
        run.questions.whole = run.questions.whole and run.whole
        return ("span" if run.valid else "repair") if run.questions.whole else "partial", run.questions

    def _found(self, text: str) -> list[tuple[Found, Questions]]:
        return [(found, read_value(found.value, self._names, self._within)) for found in find_values(text)]

    def _nothing(self, found: list[tuple[Found, Questions]]) -> Questions:
        """Why nothing was read: there is a list, and it is empty; or there are only stumps."""
        exact = [questions for value, questions in found if questions.exact and value.whole and questions.whole]
        return exact[-1] if exact else Questions(whole=all(value.whole for value, _ in found))

    def _last_of(self, thought: str) -> Run | None:
        """The answer at the end of a thought whose end a model forgot to mark: a whole value, on lines of its own."""
        found = self._found(thought)
        if not found or not (found[-1][0].whole and found[-1][1].items):
            return None
        last = found[-1][0]
        if not _ENDED.match(thought, last.end) or not _OWN_LINE.search(thought[: last.start][-100:]):
            return None
        return choose(thought, found[-1:], self._names)

    def _within(self, text: str, cut: bool, depth: int) -> Questions:
        """The questions of a text within a value, such as a list that was made a string."""
        if depth > 2 * _MAX_DEPTH:
            return Questions()
        if text.lstrip()[:1] == '"':
            try:
                inner = strict(text)
            except (ValueError, RecursionError):
                return (
                    self._within(unescaped_once(text.strip()[1:].rstrip("\\")), True, depth + 1) if cut else Questions()
                )
            return self._within(inner, cut, depth + 1) if isinstance(inner, str) else Questions()
        found = [(value, read_value(value.value, self._names, self._within, depth + 1)) for value in find_values(text)]
        if found:
            run = choose(text, found, self._names)
            questions = run.questions if run else Questions(empty=any(one.empty for _, one in found))
            questions.is_json = True
            questions.whole = questions.whole and found[-1][0].whole and not cut
            return questions
        return read_notation(text, self._names)


def _count_keys(value: dict[str, Any]) -> int:
    listed = (item for one in value.values() if isinstance(one, list) for item in one if isinstance(item, dict))
    return len(value) + sum(map(len, listed))


def _read_other(text: str, schema: Mapping[str, Any], *, cut: bool) -> Parsed | AnswerFailure:
    """The last whole value that fits a schema of something else; a cut one only if no text in it is."""
    for rung, found in _values(text):
        if _fits(value := cleaned(found), schema) and not has_stump(found):
            return Parsed(value, rung, whole=not cut and rung != "partial")
    return "cut" if cut else "broken"


def _values(text: str) -> Iterator[tuple[str, Any]]:
    with contextlib.suppress(ValueError, RecursionError):
        yield "strict", strict(text)
    found = list(find_values(without_reasoning(text)[0]))
    yield from (("span" if one.valid else "repair", one.value) for one in reversed(found) if one.whole)
    yield from (("partial", one.value) for one in reversed(found) if not one.whole)


def _fits(value: Any, schema: Mapping[str, Any]) -> bool:
    """Whether `value` has the schema's outer shape. Details are not checked: the value's user decides about them."""
    if not isinstance(value, _TYPES.get(str(schema.get("type")), object)):
        return False
    return not isinstance(value, dict) or value.keys() >= set(schema.get("required", ()))
