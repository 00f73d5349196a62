from __future__ import annotations

import json
import time
from typing import Any, Literal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from querygen_core.answers.question_shapes import MAX_ITEMS
from querygen_core.answers.read import MAX_TEXT, Parsed, read_answer
from querygen_core.answers.texts import MAX_ITEM
from querygen_core.contracts.records import Response

ITEM = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text", "sub_type"]}
QUESTIONS = {"type": "object", "properties": {"questions": {"type": "array", "items": ITEM}}, "required": ["questions"]}
VERDICT = {"type": "object", "properties": {"score": {"type": "integer"}}, "required": ["score"]}
Finish = Literal["stop", "length", "blocked", "other", "refused"]


def read(text: str, finish: Finish = "stop", schema: Any = QUESTIONS) -> Any:
    return read_answer(Response(text=text, finish=finish), schema)


def texts(parsed: Any) -> list[str]:
    assert isinstance(parsed, Parsed), parsed
    return [question["text"] for question in parsed.value["questions"]]


GOOD = '{"questions": [{"text": "Is it red?", "sub_type": "features"}, {"text": "Is it big?", "sub_type": "usage"}]}'


@pytest.mark.parametrize(
    ("rung", "text"),
    [
        ("strict", GOOD),
        ("strict", f"\ufeff \n{GOOD}\n"),
        ("span", f"```json\n{GOOD}\n```"),
        ("span", f"```json\n{GOOD}"),
        ("span", f"Sure! Here you go:\n{GOOD}\nI hope that helps"),
        ("span", f"{GOOD}\n{GOOD}"),
        ("span", GOOD.replace("Is it red?", "Is it\tred?")),
        ("repair", GOOD.replace('"}, {', '"} {')),
        ("repair", GOOD.replace('"', "'")),
        ("list", "1. Is it red?\n2. Is it big?"),
    ],
)
def test_each_rung_reads_its_kind_of_answer(rung: str, text: str) -> None:
    parsed = read(text)
    assert [text.replace("\t", " ") for text in texts(parsed)] == ["Is it red?", "Is it big?"]
    assert (parsed.rung, parsed.whole) == (rung, True)
    assert rung == "list" or parsed.value["questions"][1]["sub_type"] == "usage"


def test_an_unescaped_quote_does_not_shorten_a_question() -> None:
    parsed = read('{"questions": ["Is it "waterproof"?", "Is it big?"]}')
    assert texts(parsed) == ['Is it "waterproof"?', "Is it big?"]
    assert parsed.rung == "repair"


def test_what_is_no_text_in_a_list_of_questions_is_left_out() -> None:
    text = '{"questions": [{"text": " Is it red? "}, 7, null, {"note": "x"}, [], {"text": 3}, "", "?!", "Is it big?"]}'
    assert texts(read(text)) == ["Is it red?", "Is it big?"]


def test_what_else_is_said_of_a_question_stays() -> None:
    item = {"question": "Is it red?", "facet": "colour", "uses_facts": ["title"], "stage": None}
    parsed = read(json.dumps({"questions": [item], "note": "x"}))
    assert parsed.value == {
        "questions": [{"text": "Is it red?", "facet": "colour", "uses_facts": ["title"], "stage": None}]
    }


@pytest.mark.parametrize("question", ["これは防水ですか？", "هل هو مقاوم للماء؟", "Is het rood?"])
def test_question_marks_of_other_scripts_end_a_line_too(question: str) -> None:
    assert texts(read(f"1. {question}")) == [question]


def test_an_answer_at_the_token_limit_is_never_whole() -> None:
    parsed = read(GOOD, "length")
    assert (texts(parsed), parsed.rung, parsed.whole) == (["Is it red?", "Is it big?"], "strict", False)
    parsed = read(GOOD[:-9], "length")
    assert (texts(parsed), parsed.rung, parsed.whole) == (["Is it red?", "Is it big?"], "partial", False)


@pytest.mark.parametrize(
    ("text", "finish", "failure"),
    [
        ("", "stop", "empty"),  # L1
        (" \n\ufeff", "other", "empty"),
        (GOOD, "blocked", "blocked"),
        ("", "blocked", "blocked"),
        ("", "length", "cut"),
        ("", "refused", "refused"),
        (GOOD, "refused", "refused"),
        ("Bananas are yellow.", "stop", "broken"),  # L2
        ('{"questions": [{"text": "Is it r', "length", "cut"),  # L5, nothing complete
        ('{"questions": [{"text": "Is it r', "stop", "broken"),
        ("[1, 2, 3]", "stop", "broken"),  # L6
        ('{"answer": 42}', "stop", "broken"),
        ("null", "stop", "broken"),
        ('{"questions": []}', "stop", "empty"),  # L8
        ("[]", "stop", "empty"),
        ("I'm sorry, I cannot help with that.", "stop", "broken"),  # L16
        ("I cannot do [that] for {this product}.", "stop", "broken"),
        ("I can't:\n- it is against my rules\n- it is not nice\n", "stop", "broken"),
        ("x" * (MAX_TEXT + 1), "stop", "cut"),
        ('{"questions": [' + "[" * 100_000, "stop", "broken"),
        ("[" * 100_000, "length", "cut"),
        ('{"questions": [{"text": NaN}]}', "stop", "broken"),
        ('{"questions": [{"text": 1e999}]}', "stop", "broken"),
    ],
)
def test_what_cannot_be_used_says_why(text: str, finish: Finish, failure: str) -> None:
    assert read(text, finish) == failure


def test_more_fewer_and_repeated_questions_are_for_others_to_judge() -> None:
    assert len(texts(read(json.dumps(["Is it red?"] * 3)))) == 3  # L7, L9
    assert len(texts(read(json.dumps([f"Is it {n}?" for n in range(MAX_ITEMS + 9)])))) == MAX_ITEMS


def test_an_endless_question_is_left_out() -> None:
    assert texts(read(json.dumps({"questions": ["a" * (MAX_ITEM + 1), "b" * MAX_ITEM]}))) == ["b" * MAX_ITEM]  # L10


def test_what_cannot_be_stored_is_removed_and_the_rest_is_left_to_the_filters() -> None:
    text = '["Is it\\u0000 \\ud800red\\u202e \\u0007 <script>?"]'
    assert texts(read(text)) == ["Is it red\u202e \x07 <script>?"]  # L12, L14


def test_of_several_values_for_another_schema_the_last_whole_one_that_fits_is_read() -> None:
    text = '<think>{"score": 9}</think>First {"score": 1}, finally {"score": 2}. It is {"points": 5} of {"score": '
    parsed = read(text, schema=VERDICT)
    assert (parsed.value, parsed.rung, parsed.whole) == ({"score": 2}, "span", True)
    parsed = read('{"score": 3, "reason": "it is', schema=VERDICT)
    assert parsed == "broken"
    parsed = read('{"score": 3, "reason": "it is"', schema=VERDICT)
    assert (parsed.value, parsed.rung, parsed.whole) == ({"score": 3, "reason": "it is"}, "partial", False)


def test_other_schemas_want_their_type_and_what_is_required() -> None:
    parsed = read('Sure: {"score": 3, "reason": "x"}', schema=VERDICT)
    assert (parsed.value, parsed.rung) == ({"score": 3, "reason": "x"}, "span")
    assert read('{"points": 3}', schema=VERDICT) == "broken"
    assert read("[3]", schema=VERDICT) == "broken"
    assert read('["a"]', schema={"type": "array"}).value == ["a"]


def test_without_a_schema_the_text_is_the_value() -> None:
    parsed = read(" Yes.\x00 ", schema=None)
    assert (parsed.value, parsed.rung, parsed.whole) == ("Yes.", "text", True)
    assert read("Yes, b", "length", schema=None).whole is False
    assert read("", schema=None) == "empty"


@pytest.mark.parametrize(
    "unit",
    [
        '{"',
        '{{"',
        "]a{",
        "[{",
        "```{",
        "```",
        '{"a"::',
        "{1",
        '."',
        '"a" // ',
        "{ ",
        "[ ",
        "- x ",
        '{"questions":',
        "\\",
    ],
)
def test_no_degenerate_answer_holds_up_the_job(unit: str) -> None:
    start = time.process_time()
    for finish in ("stop", "length"):
        read("{" + unit * (200_000 // len(unit)), finish)  # type: ignore[arg-type]
        read("{" + unit * 700, finish)  # type: ignore[arg-type]
    assert time.process_time() - start < 5


JSONISH = st.text(st.sampled_from('{}[]",:\\ \n`?10eNa-*.tex') | st.characters(), max_size=120)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["questions", "text", "question", "query", "x"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=100, deadline=None)
@given(JSONISH | VALUES.map(json.dumps), st.sampled_from(["stop", "length", "blocked", "other", "refused"]))
@example('{"questions": ["', "length")
@example('{"questions": [{"questions": ["a?"]}]}', "stop")
def test_any_text_is_a_value_or_a_reason(text: str, finish: Finish) -> None:
    parsed = read(text, finish)
    if isinstance(parsed, Parsed):
        assert all(0 < len(question) <= MAX_ITEM for question in texts(parsed))
        json.dumps(parsed.value, allow_nan=False, ensure_ascii=False).encode()
        assert parsed == read(text, finish)
    else:
        assert parsed in {"blocked", "refused", "cut", "empty", "broken"}
