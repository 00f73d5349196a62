from __future__ import annotations

from typing import Any

import pytest

from querygen_core.answers import can_hold_questions
from querygen_core.prompts.front_matter import QUESTIONS

TEXT = {"type": "string"}
TEXTS = {"type": "array", "items": TEXT}


def of(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def many(**properties: Any) -> dict[str, Any]:
    return {"type": "array", "items": of(**properties)}


@pytest.mark.parametrize(
    "schema",
    [
        QUESTIONS,
        of(questions=TEXTS),
        of(questions={"type": "array"}),
        of(questions={}),
        of(questions=many(question=TEXT, facet=TEXT)),
        of(questions=many(query_text={"type": ["string", "null"]}), count={"type": "integer"}),
        of(questions=of(features=TEXTS, usage=TEXTS)),
        of(questions={"type": "object", "additionalProperties": TEXTS}),
        of(features=TEXTS, usage=TEXTS),
        of(features=TEXTS, short=TEXT),
        of(features=many(text=TEXT, facet=TEXT), usage=many(text=TEXT), short=TEXT),
        {"$defs": {"list": many(text=TEXT)}, "properties": {"questions": {"$ref": "#/$defs/list"}}},
        {"$ref": "#/$defs/all", "$defs": {"all": of(care=TEXTS)}},
    ],
)
def test_questions_can_be_read_from_answers_to_these(schema):
    assert can_hold_questions(schema)


@pytest.mark.parametrize(
    "schema",
    [
        {},
        TEXT,
        TEXTS,
        of(),
        of(score={"type": "integer"}),
        of(questions=TEXT),
        of(questions=False),
        of(questions={"type": "array", "items": False}),
        of(questions={"type": "array", "items": {"type": "integer"}}),
        of(questions=many(topic=TEXT, persona=TEXT)),
        of(questions=many(text={"type": "integer"})),
        of(questions=of(score={"type": "integer"})),
        of(features={"type": "array"}),
        of(keep={"type": "boolean"}, reasons=TEXTS),
        of(verdicts=many(text=TEXT, keep={"type": "boolean"})),
        of(short=TEXT),
        {"properties": {"questions": {"$ref": "#/$defs/missing"}}},
        {"$ref": "#"},
        {
            "properties": {"questions": {"$ref": "#/$defs/a"}},
            "$defs": {"a": {"type": "object", "additionalProperties": {"$ref": "#/$defs/a"}}},
        },
        {"properties": "questions"},
    ],
)
def test_no_questions_can_be_read_from_answers_to_these(schema):
    assert not can_hold_questions(schema)
