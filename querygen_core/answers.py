"""From what a model wrote to a value: a ladder of readings, the strictest first, each rung named.

Pure, total, and bounded: any text gives the same result on every machine, and none takes long.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, NoReturn

import json_repair
from pydantic_core import from_json

from querygen_core.errors import AnswerFailure
from querygen_core.records import Response

MAX_TEXT = 2 * 1024 * 1024
MAX_ITEMS = 2_000
MAX_ITEM = 5_000

_MAX_FENCES = 10
_MAX_REPAIR = 64 * 1024  # json_repair may need the square of the text's length, and of its quotes and brackets
_MAX_MARKS = 3_000
_MAX_UNBALANCED = 3

_FENCE = re.compile(r"```[a-zA-Z]*(.*?)(?:```|\Z)", re.DOTALL)
_QUESTIONS = re.compile(r'\{\s*"questions"\s*:')
_START = re.compile(r"""\{\s*(?:["'{]|[A-Za-z_]\w*\s*:)|\[\s*["'{]""")  # prose has brackets too, but not such ones
_MARK = re.compile(r"""[\[\]{}"'“”`]""")
_ITEM = re.compile(r"^[ \t]*(?:[-*•–]|\(?\d{1,3}[.):]|Q\d{1,3}[.:)])[ \t]+(\S.*)$", re.MULTILINE)
_QUESTION_MARKS = ("?", "？", "؟", "\u037e", "՞", "፧")
_AROUND = " \t\r*_`\"'“”„«»"
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")  # no database, file or log takes these
_TEXT_KEYS = ("text", "question", "query")
_TYPES = {"object": dict, "array": list, "string": str, "number": int | float, "integer": int, "boolean": bool}


@dataclass(frozen=True, slots=True)
class Parsed:
    """value: as the schema says; for a schema of questions always {"questions": [{"text": …, …}]}, or text without.

    rung: `strict`, `fence`, `span`, `prefix`, `repair`, `list`, `partial` or `text`. whole: False if it was cut.
    """

    value: Any
    rung: str
    whole: bool


def read_answer(response: Response, schema: Mapping[str, Any] | None) -> Parsed | AnswerFailure:
    """The value of an answer, or why there is none: `blocked`, `cut` (before it began), `empty` or `broken`."""
    if response.finish == "blocked":
        return "blocked"
    text = response.text.strip().removeprefix("\ufeff").strip()
    cut = response.finish == "length"
    if not text:
        return "cut" if cut else "empty"
    if len(text) > MAX_TEXT:
        return "broken"
    if schema is None:
        return Parsed(_UNSTORABLE.sub("", text), "text", whole=not cut)
    failure: AnswerFailure = "broken"
    for rung, value in _cut(text, schema) if cut else _ladder(text):
        fitted = _fit(value, schema)
        if fitted is not None:
            return Parsed(fitted, rung, whole=not cut)
        if _wants_questions(schema) and _listed(value) == []:
            failure = "empty"
    return failure


def _ladder(text: str) -> Iterator[tuple[str, Any]]:
    """Every reading of a whole answer; None where a rung does not hold."""
    yield "strict", _strict(text)
    for fence in islice(_FENCE.finditer(text), _MAX_FENCES):
        yield "fence", _strict(fence[1])
    if (start := _start(text)) is not None:
        yield "span", _strict(text[start : max(text.rfind("}"), text.rfind("]")) + 1])
        yield "prefix", _first(text[start:])
        yield "repair", _repaired(text[start:])
    yield "list", _questions_by_line(text)


def _cut(text: str, schema: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The complete items of an answer that was cut.

    Only here is a partial reading safe: of text that is malformed, not cut, it makes something shorter and wrong.
    """
    if (start := _start(text)) is not None:
        yield "partial", _without_stump(_partial(text[start:]), schema)
    yield "partial", _questions_by_line(text.rpartition("\n")[0])


def _start(text: str) -> int | None:
    """Where JSON seems to begin."""
    found = _QUESTIONS.search(text) or _START.search(text)
    return found.start() if found else None


def _strict(text: str) -> Any:
    try:
        value = json.loads(text, parse_constant=_refuse, parse_float=_finite)
    except (ValueError, RecursionError):
        return None
    return value if _has_only_storable(text) else _storable(value)


def _first(text: str) -> Any:
    """The value that `text` starts with, whatever comes after; line ends inside of strings are let pass."""
    try:
        return _storable(json.JSONDecoder(strict=False, parse_constant=_refuse).raw_decode(text)[0])
    except (ValueError, RecursionError):
        return None


def _repaired(text: str) -> Any:
    marks = len(_MARK.findall(text)) if len(text) <= _MAX_REPAIR else _MAX_MARKS + 1
    unbalanced = max(abs(text.count("{") - text.count("}")), abs(text.count("[") - text.count("]")))
    if marks > _MAX_MARKS or unbalanced > _MAX_UNBALANCED:
        return None
    try:
        return _storable(json_repair.loads(text))
    except Exception:  # noqa: BLE001 - a parser of anything may fail in any way
        return None


def _partial(text: str) -> Any:
    try:
        return _storable(from_json(text, allow_partial=True, allow_inf_nan=False))
    except (ValueError, RecursionError):
        return None


def _questions_by_line(text: str) -> Any:
    """`1. …?`, `2) …?`, `- …?`, `Q4: …?`: what models write that do not keep to JSON."""
    items = (item.strip(_AROUND) for item in _ITEM.findall(text))
    return [item for item in items if item.endswith(_QUESTION_MARKS)] or None


def _without_stump(value: Any, schema: Mapping[str, Any]) -> Any:
    """`value` without its last question, if that lacks what every question must have: it was cut in the middle."""
    items = _listed(value)
    required = schema.get("properties", {}).get("questions", {}).get("items", {}).get("required", ())
    if items and isinstance(items[-1], dict) and not items[-1].keys() >= set(required):
        return items[:-1] or None
    return value


def _fit(value: Any, schema: Mapping[str, Any]) -> Any:
    """`value` in the schema's shape, or None. What the schema says of details is for whoever uses the value."""
    if _wants_questions(schema):
        questions = [question for item in _listed(value) or () if (question := _question(item))]
        return {"questions": questions[:MAX_ITEMS]} if questions else None
    fits = isinstance(value, _TYPES.get(str(schema.get("type")), object))
    if fits and isinstance(value, dict) and not value.keys() >= set(schema.get("required", ())):
        return None
    return value if fits else None


def _wants_questions(schema: Mapping[str, Any]) -> bool:
    return "questions" in schema.get("properties", {})


def _listed(value: Any) -> list[Any] | None:
    items = value.get("questions") if isinstance(value, dict) else value
    return items if isinstance(items, list) else None


def _question(item: Any) -> dict[str, Any] | None:
    if isinstance(item, str):
        item = {"text": item}
    if not isinstance(item, dict):
        return None
    key = next((key for key in _TEXT_KEYS if isinstance(item.get(key), str)), None)
    text = item[key].strip() if key else ""
    if not text or len(text) > MAX_ITEM:
        return None
    return {"text": text, **{name: about for name, about in item.items() if name not in {"text", key}}}


def _storable(value: Any) -> Any:
    """`value` without characters that nothing can store.

    Raises:
        ValueError: it has a number that is none.
    """
    if isinstance(value, str):
        return _UNSTORABLE.sub("", value)
    if isinstance(value, dict):
        return {_storable(name): _storable(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_storable(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        _refuse(str(value))
    return value


def _has_only_storable(text: str) -> bool:
    """Most answers do, and looking through each of their values takes longer than reading them."""
    return "\\u" not in text and _UNSTORABLE.search(text) is None


def _finite(number: str) -> float:
    value = float(number)
    if not math.isfinite(value):
        _refuse(number)
    return value


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number of JSON")
