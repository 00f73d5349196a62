"""Each answer is read as a person would read it: every question, in order, and nothing that is none."""

from __future__ import annotations

import json
from typing import Any

import pytest

from querygen_core.answers import Parsed, read_answer
from querygen_core.contracts.records import Response
from querygen_core.prompts.front_matter import QUESTIONS
from tests.answers.drafts import DRAFTS, STUMPS, Finish
from tests.answers.shapes import SHAPES, A, B

TEXTS = {"type": "array", "items": {"type": "string"}}
NAMES = ("features", "usage", "care")
PLAN = {
    "type": "object",
    "properties": {**dict.fromkeys(NAMES, TEXTS), "short": {"type": "string"}},
    "required": [*NAMES],
    "additionalProperties": False,
}
both_schemas = pytest.mark.parametrize("schema", [QUESTIONS, PLAN], ids=["questions", "plan"])


def read(text: str, schema: Any = PLAN, finish: Finish = "stop") -> Parsed:
    parsed = read_answer(Response(text=text, finish=finish), schema)
    assert isinstance(parsed, Parsed), parsed
    return parsed


def texts(parsed: Parsed) -> list[str]:
    return [question["text"] for question in parsed.value["questions"]]


def sub_types(parsed: Parsed) -> list[str | None]:
    return [question.get("sub_type") for question in parsed.value["questions"]]


@both_schemas
@pytest.mark.parametrize("name", SHAPES)
def test_every_shape_is_read(name: str, schema: Any) -> None:
    assert texts(read(SHAPES[name], schema)) == [A, B]


@both_schemas
@pytest.mark.parametrize("name", DRAFTS)
def test_no_draft_is_taken_for_the_answer(name: str, schema: Any) -> None:
    text, expected = DRAFTS[name]
    parsed = read(text, schema)
    assert (texts(parsed), parsed.whole) == (expected, True)


@both_schemas
@pytest.mark.parametrize("name", STUMPS)
def test_no_stump_is_taken_for_a_question(name: str, schema: Any) -> None:
    text, finish, expected = STUMPS[name]
    if expected:
        parsed = read(text, schema, finish)
        assert (texts(parsed), parsed.whole) == (expected, False)
    else:
        failure = read_answer(Response(text=text, finish=finish), schema)
        assert failure == ("cut" if finish == "length" else "broken")


@pytest.mark.parametrize(
    "name",
    [
        "as asked",
        "groups",
        "groups with names",
        "one text for each sub_type",
        "headings",
        "labels before",
        "table",
        "YAML",
    ],
)
def test_the_sub_type_of_a_question_is_kept_wherever_it_stands(name: str) -> None:
    assert sub_types(read(SHAPES[name])) == ["features", "usage"]


def test_of_a_plan_each_list_is_a_sub_type() -> None:
    answer = {"features": [A], "usage": [], "care": [{"text": B, "facet": "size"}], "short": "facts"}
    assert read(json.dumps(answer)).value == {
        "questions": [
            {"text": A, "sub_type": "features"},
            {"text": B, "facet": "size", "sub_type": "care"},
        ],
        "short": "facts",
    }


def test_lists_of_a_plan_that_the_prompt_has_no_longer_are_read_too() -> None:
    parsed = read(json.dumps({"features": [A], "box": [B, "box"], "notes": ["I have kept them short and simple"]}))
    assert (texts(parsed), sub_types(parsed)) == ([A, B], ["features", "box"])


@pytest.mark.parametrize(
    ("said", "short"),
    [
        ("facts", "facts"),
        (" facts ", "facts"),
        ("", None),
        ("none", None),
        ("No", None),
        (True, "facts"),
        (False, None),
    ],
)
def test_why_there_are_fewer_is_handed_on(said: object, short: str | None) -> None:
    for text in (json.dumps({"usage": [A], "short": said}), f"Sure: {json.dumps({'usage': [A], 'short': said})}"):
        assert read(text).value.get("short") == short


def test_a_model_may_have_nothing_to_ask() -> None:
    assert read('{"features": [], "usage": [], "short": "facts"}').value == {"questions": [], "short": "facts"}
    assert read_answer(Response(text='{"features": [], "usage": [], "care": []}'), PLAN) == "empty"


@both_schemas
@pytest.mark.parametrize(
    "text",
    [
        '{"title": "Alva Kettle", "brand": "Alva"}',
        '{"questions": [{"sub_type": "features", "facet": "colour", "persona": "anyone"}]}',
        '{"questions": [{"topic": "colour"}, {"topic": "size"}]}',
        '{"questions": "none"}',
        '{"questions": ["", " ", "...", "?!"]}',
        '{"answer": "I cannot help with that"}',
        '{"error": "Which product do you mean?"}',
        '{"notes": ["I have kept them short and simple"], "reasons": ["Why not?"]}',
        '["title", "brand", "colour"]',
        '{"query": "features"}',
        '{"type": "object", "properties": {"questions": {"type": "array", "items": {"type": "string"}}}}',
        "## Questions\n\nHere are the questions that you have asked for:\n",
        "- Features: steel, 1.7 l\n- Usage: daily\n",
        "I am sorry, but what do you mean?\n",
        "Would you like me to go on?\nShall I write more?\nCould you please provide the title?\n",
        "| sub_type | count |\n|---|---|\n| features | 5 |\n",
        "sub_type: features\nfacet: colour\nexplanation: why would anyone ask that?\n",
        "1. Introduce the product\n2. Tell what it does\n",
        "<question></question>",
        "text,sub_type\n,features",
    ],
)
def test_what_is_no_question_is_never_made_one(text: str, schema: Any) -> None:
    assert read_answer(Response(text=text), schema) in {"broken", "empty"}


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (r"Is the Caf\\u00e9 mug 3\/4 full?", "Is the Café mug 3/4 full?"),
        (r"Is the Caf\\\\u00e9 mug big?", "Is the Café mug big?"),
        (r"Has it a \\ud83d\\ude00 on it?", "Has it a 😀 on it?"),
        (r"Has it a \\ud83d on it\\u0000?", "Has it a  on it?"),
        (r"Is it \\\"hot\\\"?\\n", 'Is it "hot"?'),
        (r"Does it fit\\nthe drawer?", "Does it fit\nthe drawer?"),
        (r"Can I copy it to C:\\new\\temp?", r"Can I copy it to C:\new\temp?"),
        (r"Is 5 &lt; 6 &amp; so on?", "Is 5 &lt; 6 &amp; so on?"),
        (r"Text: Is it red?", "Is it red?"),
        (r"Question 3: Is it red?", "Is it red?"),
        ("Is it 5' 10\\\" tall?", "Is it 5' 10\" tall?"),
    ],
)
def test_texts_are_as_a_person_would_have_typed_them(raw: str, text: str) -> None:
    assert texts(read(f'{{"questions": ["{raw}"]}}', QUESTIONS)) == [text]
    assert texts(read(f'Sure: {{"usage": ["{raw}",]}}')) == [text]
