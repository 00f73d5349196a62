"""Which JSON Schemas ask for questions, and where in them a question's text stands."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

LIST = "questions"
"""The property that holds a list of questions; any other list of texts is named for its sub_type."""
SHORT = "short"
"""The property in which a model says why there are fewer questions than it was asked for."""
TEXT_KEYS = ("text", "question", "query", "question_text", "query_text", "questiontext", "querytext", "q")
"""Under which a question's text may stand, as `plain_name` writes them, the most telling first."""
WEAK_TEXT_KEYS = ("content", "title", "prompt", "value")
"""The same, but what stands there may be something else, so it must be a question beyond doubt."""

_PLAIN = re.compile(r"[\W_]+")
_MAX_REFERENCES = 8
_MAX_DEPTH = 3


def plain_name(name: str) -> str:
    """`Sub Type`, `sub-type` and `sub_type` are one name."""
    return _PLAIN.sub("_", name.lower()).strip("_")


def can_hold_questions(schema: Mapping[str, Any]) -> bool:
    """Whether an answer that follows `schema` holds questions that `read_answer` finds.

    So do a list `questions`, and lists of questions that are each named for a sub_type, with no other property than
    texts beside them. Their items are texts, or objects with a text under one of `TEXT_KEYS`.
    """
    properties = _properties(schema, schema)
    if LIST in properties:
        return _holds_texts(properties[LIST], schema)
    return _has_lists_by_sub_type(properties, schema)


def names_of_lists(schema: Mapping[str, Any]) -> frozenset[str]:
    """The properties of `schema` that hold questions, whether or not it says where their texts are.

    Empty if it asks for something else.
    """
    return _names_of_lists(json.dumps(schema, default=dict))


@lru_cache(maxsize=64)
def _names_of_lists(schema_json: str) -> frozenset[str]:
    """For each answer again, which would take longer than to read most of them."""
    schema = json.loads(schema_json)
    properties = _properties(schema, schema)
    if LIST in properties:
        return frozenset({LIST})
    if not _has_lists_by_sub_type(properties, schema):
        return frozenset()
    return frozenset(name for name, about in properties.items() if _is_list_of_questions(about, schema))


def _has_lists_by_sub_type(properties: Mapping[str, Any], root: Mapping[str, Any]) -> bool:
    # A verdict may have lists too ("reasons"), but it has a score, a flag or a choice beside them.
    lists = [about for about in properties.values() if _is_list_of_questions(about, root)]
    others = [about for about in properties.values() if not _is_list_of_questions(about, root)]
    return bool(lists) and all(_is_free_text(about, root) for about in others)


def _is_list_of_questions(about: Any, root: Mapping[str, Any]) -> bool:
    about = _resolved(about, root)
    if not _is_of("array", about) or "items" not in about or not _holds_texts(about, root):
        return False
    items = _properties(about["items"], root)
    return not any(_is_of(kind, _resolved(one, root)) for one in items.values() for kind in _OF_VERDICTS)


_OF_VERDICTS = ("boolean", "integer", "number")


def _holds_texts(about: Any, root: Mapping[str, Any], depth: int = 0) -> bool:
    """Whether `about` is the schema of a list of questions, or of lists of questions by sub_type."""
    about = _resolved(about, root)
    if about is None or depth > _MAX_DEPTH:
        return False
    if groups := about.get("properties"):
        return isinstance(groups, Mapping) and _has_lists_by_sub_type(groups, root)
    if "type" in about and not _is_of("array", about):
        return _is_of("object", about) and _holds_texts(about.get("additionalProperties"), root, depth + 1)
    items = _resolved(about.get("items", {}), root)
    if items is None:
        return False
    properties = _properties(items, root)
    if not properties:
        return "type" not in items or _is_of("string", items)
    named = {plain_name(name): about for name, about in properties.items()}
    return any(_is_free_text(named.get(key), root) for key in (*TEXT_KEYS, *WEAK_TEXT_KEYS))


def _is_free_text(about: Any, root: Mapping[str, Any]) -> bool:
    about = _resolved(about, root)
    return about is not None and ("type" not in about or _is_of("string", about))


def _is_of(kind: str, about: Mapping[str, Any] | None) -> bool:
    kinds = about.get("type") if about else None
    return kind in kinds if isinstance(kinds, list) else kind == kinds


def _properties(schema: Any, root: Mapping[str, Any]) -> Mapping[str, Any]:
    resolved = _resolved(schema, root)
    properties = resolved.get("properties") if resolved else None
    return properties if isinstance(properties, Mapping) else {}


def _resolved(schema: Any, root: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """`schema`, or what it refers to within `root`; None if that is not a schema of something."""
    for _ in range(_MAX_REFERENCES):
        if schema is True:
            return {}
        if not isinstance(schema, Mapping):
            return None
        reference = schema.get("$ref")
        if not isinstance(reference, str):
            return schema
        schema = _referred(reference, root)
    return None


def _referred(reference: str, root: Mapping[str, Any]) -> Any:
    place: Any = root
    for name in reference.removeprefix("#").strip("/").split("/"):
        if name:
            place = place.get(name.replace("~1", "/").replace("~0", "~")) if isinstance(place, Mapping) else None
    return place
