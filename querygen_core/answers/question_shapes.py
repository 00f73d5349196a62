"""Questions in a value of JSON, in whatever shape a model has put them."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from querygen_core.answers.json_values import Stump
from querygen_core.answers.plain_values import cleaned, is_storable
from querygen_core.answers.question_schema import LIST, SHORT, TEXT_KEYS, WEAK_TEXT_KEYS, plain_name
from querygen_core.answers.texts import asks, clean, is_usable, looks_like_question, storable

MAX_ITEMS = 2_000
"""Questions of one answer; what comes after them is not read."""

_MAX_DEPTH = 6
_MAX_LABEL = 100

_NUMBERED = re.compile(r"(?:q|question|query|item|entry|no|nr|frage)?_?\d{1,4}\Z")
_WRAPPERS = frozenset(TEXT_KEYS) | frozenset(
    [
        "questions",
        "queries",
        "question_list",
        "query_list",
        "items",
        "entries",
        "list",
        "results",
        "result",
        "data",
        "output",
        "answer",
        "answers",
        "response",
        "json",
        "content",
        "final",
        "final_answer",
        "final_questions",
        "final_list",
        "array",
        "texts",
        "value",
        "values",
        "payload",
        "object",
        "product_questions",
        "market_questions",
        "generated_questions",
    ]
)
_ASIDE = frozenset(
    [
        "draft",
        "drafts",
        "first_draft",
        "scratch",
        "scratchpad",
        "thought",
        "thoughts",
        "thinking",
        "reasoning",
        "reason",
        "reasons",
        "analysis",
        "explanation",
        "explanations",
        "note",
        "notes",
        "comment",
        "comments",
        "remark",
        "remarks",
        "warning",
        "warnings",
        "facts",
        "uses_facts",
        "used_facts",
        "keywords",
        "tags",
        "labels",
        "topics",
        "sub_types",
        "subtypes",
        "categories",
        "plan",
        "coverage",
        "coverage_plan",
        "metadata",
        "meta",
        "schema",
        "examples",
        "example",
        "rejected",
        "discarded",
        "dropped",
        "request",
        "product",
        "input",
        "accepted",
        "previous",
        "count",
        "total",
        "short",
        "error",
        "status",
    ]
)
_RIVALS = frozenset(TEXT_KEYS) - {"text"}
_GROUP_NAMES = ("sub_type", "subtype", "type", "category", "topic", "group", "name", "label", "section", "title")
_NOT_SHORT = frozenset({"", "no", "none", "null", "false", "n_a", "na", "ok", "enough", "not_short"})

TextReader = Callable[[str, bool, int], "Questions"]
"""Reads a text within a value. Arguments: the text, whether its end is missing, how deep it is."""
_Accepts = Callable[[str], bool]


@dataclass(slots=True)
class Questions:
    """What was read of one value or text."""

    items: list[dict[str, Any]] = field(default_factory=list)
    """Each has a `text`, perhaps a `sub_type`, and whatever else was said of it."""
    whole: bool = True
    """False if the end of a question is missing, so that it is not here."""
    exact: bool = False
    """Whether the value has the outer shape of the schema, and cannot be something else."""
    short: str = ""
    """Why there are fewer than were asked for, in the model's word; "" if it does not say."""
    empty: bool = False
    """Whether there is a list for them with nothing in it."""
    is_json: bool = False
    """Whether they were read of JSON."""

    def add(self, text: str, sub_type: str = "", labels: Mapping[str, Any] | None = None) -> None:
        if len(self.items) < MAX_ITEMS:
            self.items.append({"text": text, **({"sub_type": sub_type} if sub_type else {}), **(labels or {})})

    def take(self, other: Questions, sub_type: str = "") -> None:
        """Add what `other` holds. sub_type: of those that have none."""
        for item in other.items[: MAX_ITEMS - len(self.items)]:
            self.items.append({"sub_type": sub_type, **item} if sub_type else item)
        self.whole = self.whole and other.whole
        self.exact = self.exact or other.exact
        self.short = self.short or other.short


def read_strict(value: Any, names: Collection[str]) -> Questions | None:
    """The questions of a value that follows its schema, as most do; None if it does not, or anything is unusual."""
    if not isinstance(value, dict):
        return None
    questions = Questions(exact=True, is_json=True)
    for name, listed in value.items():
        if name in names and isinstance(listed, list):
            if not _addplain_name(questions, listed, "" if name == LIST else name):
                return None
            questions.empty = True
        elif name == SHORT and isinstance(listed, str):
            questions.short = _short(listed)
        else:
            return None
    return questions


def _addplain_name(questions: Questions, listed: list[Any], sub_type: str) -> bool:
    items = questions.items
    for item in listed:
        if isinstance(item, str):
            question = {"text": item}
        elif isinstance(item, dict) and isinstance(item.get("text"), str) and item.keys().isdisjoint(_RIVALS):
            question = item
        else:
            return False
        text = clean(question["text"])
        if not is_usable(text) or text[0] in '[{"' or "\n" in text:
            return False
        question["text"] = text
        if sub_type:
            question.setdefault("sub_type", sub_type)
        items.append(question)
    del items[MAX_ITEMS:]
    return True


def read_value(value: Any, names: Collection[str], read_text: TextReader, depth: int = 0) -> Questions:
    """The questions of any value. names: the lists that the schema has; what is in them is taken for a question."""
    shape = _Shape(names, read_text)
    if depth == 0 and isinstance(value, list):
        texts = [item for item in value if isinstance(item, str)]
        most = 2 * sum(map(looks_like_question, texts)) >= len(texts)
        shape.any(value, "", 0, is_usable if most else looks_like_question)
    else:
        shape.any(value, "", depth, asks)
    return shape.questions


class _Shape:
    def __init__(self, names: Collection[str], read_text: TextReader) -> None:
        self._names = {plain_name(name): name for name in names}
        self._read_text = read_text
        self.questions = Questions(is_json=True)

    def any(self, value: Any, sub_type: str, depth: int, accepts: _Accepts) -> None:
        """accepts: whether a text at this place is a question."""
        if depth > _MAX_DEPTH:
            return
        if isinstance(value, list):
            self._list(value, sub_type, depth, accepts)
        elif isinstance(value, dict):
            self._object(value, sub_type, depth)
        elif isinstance(value, str | Stump):
            self._text(value, sub_type, depth, accepts)

    def _list(self, items: list[Any], sub_type: str, depth: int, accepts: _Accepts) -> None:
        if not items and accepts is is_usable:
            self.questions.empty = True
        for item in items[: 2 * MAX_ITEMS]:
            if isinstance(item, dict):
                self._object(item, sub_type, depth + 1, grouped=True)
            else:  # a list is a row of a table, or a list of lists
                self.any(item, sub_type, depth + 1, asks if isinstance(item, list) else accepts)

    def _text(
        self, value: str | Stump, sub_type: str, depth: int, accepts: _Accepts, labels: Mapping[str, Any] | None = None
    ) -> None:
        cut = isinstance(value, Stump)
        raw = value.text if isinstance(value, Stump) else value
        text = clean(raw)
        lines = text.count("\n")
        if lines or raw.lstrip()[:1] in ("[", "{", '"'):
            inner = self._read_text(raw if not lines else text, cut, depth)
            if inner.is_json or len(inner.items) > lines - cut:
                before = len(self.questions.items)
                self.questions.take(inner, sub_type)
                for item in self.questions.items[before:]:
                    item.update(labels or {})
                return
        if cut:
            self.questions.whole = False
        elif accepts(text):
            self.questions.add(text, sub_type, labels)

    def _object(self, value: dict[str, Any], sub_type: str, depth: int, *, grouped: bool = False) -> None:
        """grouped: it is part of a list, so that it is a question, or a group of them with a name."""
        if depth > _MAX_DEPTH:
            return
        plain = {plain_name(name): name for name in value}
        if isinstance(said := value.get(SHORT), str | bool):
            self.questions.short = self.questions.short or _short(said)
        key = _text_key(value, plain)
        listed = value.get(plain.get(LIST, ""))
        if isinstance(listed, list | dict) or (listed is not None and key is None):
            self.questions.exact = self.questions.exact or (depth == 0 and LIST in self._names)
            group = (_group_name(value, plain) if grouped else "") or sub_type
            self.any(listed, group, depth + 1, is_usable if isinstance(listed, list) else asks)
        elif depth == 0 and any(name in self._names for name in plain):
            self.questions.exact = True
            self._members(value, sub_type, depth)
        elif key is not None:
            is_item = grouped or "sub_type" in plain
            accepts = asks if plain_name(key) not in TEXT_KEYS else is_usable if is_item else looks_like_question
            self._text(value[key], sub_type, depth, accepts, _labels(value, key))
        else:
            self._members(value, (_group_name(value, plain) if grouped else "") or sub_type, depth)

    def _members(self, value: Mapping[str, Any], sub_type: str, depth: int) -> None:
        for name, member in value.items():
            plain = plain_name(name)
            if asks(asked := clean(name)):
                self.questions.add(asked, sub_type, _labels_of_asked(member))
            elif plain in self._names:
                self.any(member, self._names[plain], depth + 1, is_usable if isinstance(member, list) else asks)
            elif plain not in _ASIDE:
                is_wrapper = not plain or plain in _WRAPPERS or _NUMBERED.match(plain)
                is_numbered = plain and _NUMBERED.match(plain)
                accepts = looks_like_question if is_numbered or isinstance(member, list) else asks
                self.any(member, sub_type or ("" if is_wrapper else storable(name)), depth + 1, accepts)


def _text_key(value: Mapping[str, Any], plain: Mapping[str, str]) -> str | None:
    """The member that is the question's text; None if `value` is a group of questions, or something else."""
    strong = [plain[key] for key in TEXT_KEYS if key in plain and isinstance(value[plain[key]], str | Stump)]
    weak = [plain[key] for key in WEAK_TEXT_KEYS if key in plain]
    asking = [name for name in (*strong, *weak) if isinstance(value[name], str) and asks(value[name])]
    if strong or asking:
        return asking[0] if asking and (asking[0] in strong or not strong) else strong[0]
    if len(value) < 2 or any(isinstance(one, list | dict) and one for one in value.values()):
        return None
    asking = [
        name for name, one in value.items() if isinstance(one, str) and asks(one) and plain_name(name) not in _ASIDE
    ]
    return asking[0] if len(asking) == 1 else None


def _group_name(value: Mapping[str, Any], plain: Mapping[str, str]) -> str:
    for name in _GROUP_NAMES:
        text = value.get(plain.get(name, ""))
        if isinstance(text, str) and 0 < len(text) <= _MAX_LABEL:
            return storable(text)
    return ""


def _labels_of_asked(about: Any) -> dict[str, Any]:
    """What is said of a question that is the name of a member."""
    if isinstance(about, dict):
        return _labels(about, "")
    return {"sub_type": storable(about)} if isinstance(about, str) and about and " " not in about[:_MAX_LABEL] else {}


def _labels(about: Mapping[str, Any], key: str) -> dict[str, Any]:
    labels = {}
    for name, value in about.items():
        if name not in ("text", key) and is_storable(value):
            labels["sub_type" if plain_name(name) in ("sub_type", "subtype") else storable(name)] = cleaned(value)
    return labels


def _short(said: str | bool) -> str:
    if isinstance(said, bool):
        return "facts" if said else ""
    return "" if plain_name(said) in _NOT_SHORT else storable(said.strip())[:_MAX_LABEL]
