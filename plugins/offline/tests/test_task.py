from __future__ import annotations

import json
from dataclasses import replace

import pytest

from querygen_core.api import ProviderError, Request
from querygen_offline.task import parse_task

STRINGS = {"type": "object", "properties": {"questions": {"type": "array", "items": {"type": "string"}}}}


def test_the_blocks_are_read(write):
    request = write(
        {"title": "Kettle <1>"}, "market", 7, plan={"trend": 7}, locale="de", accepted=["Is it <b>?"], round=1
    )
    task = parse_task(request)
    assert task.product == {"title": "Kettle <1>"}
    assert (task.query_type, task.count, task.locale) == ("market", 7, "de")
    assert (task.plan, task.accepted) == ({"trend": 7}, ("Is it <b>?",))


@pytest.mark.parametrize(
    "bad",
    [
        "<product-0123abcd>\n{\n</product-0123abcd>",
        "<request-0123abcd>[1]</request-0123abcd>",
        "<product-0123abcd>" + "[" * 100_000 + "</product-0123abcd>",
    ],
)
def test_a_broken_block_is_a_bad_request(write, bad):
    with pytest.raises(ProviderError, match=r"<(product|request)-…> block should contain one JSON object") as caught:
        parse_task(replace(write({}), prompt=bad))
    assert caught.value.kind == "bad_request"


def test_a_block_ends_with_its_own_mark():
    prompt = '<product-0123abcd>\n{"title": "</product-ffffffff> x"}\n</product-0123abcd>'
    assert parse_task(Request(model="", prompt=prompt)).product == {"title": "</product-ffffffff> x"}


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "object", "properties": {"scores": {"type": "array"}}},
        {"type": "object", "properties": {"questions": {"type": "array"}, "more": {"type": "array", "items": {}}}},
        {"type": "array"},
    ],
)
def test_another_schema_is_a_bad_request(write, schema):
    with pytest.raises(ProviderError, match="array `questions`") as caught:
        parse_task(replace(write({}), schema=schema))
    assert caught.value.kind == "bad_request"


@pytest.mark.parametrize(
    ("prompt", "query_type", "count"),
    [
        ("Write 12 short questions about this.", "product", 12),
        ("Write questions about the market of this.", "market", 25),
        ("Version 3. Ask whatever you like.", "product", 25),
        ('<product-0123abcd>{"title": "99 questions, market"}</product-0123abcd>', "product", 25),
        ("Write 9999 questions.", "product", 25),
    ],
)
def test_without_a_request_block_the_words_say_what_is_wanted(prompt, query_type, count):
    task = parse_task(Request(model="", prompt=prompt))
    assert (task.query_type, task.count) == (query_type, count)


def test_the_locale_may_come_with_the_product():
    prompt = '<product-0123abcd>{"locale": "de"}</product-0123abcd>'
    assert parse_task(Request(model="", prompt=prompt)).locale == "de"


def test_odd_figures_are_passed_over(write):
    task = parse_task(write({}, count="many", plan={"care": True, "usage": -1, "trend": 2}, accepted="none"))
    assert (task.count, task.plan, task.accepted) == (25, {"care": 0, "usage": 0, "trend": 2}, ())
    assert parse_task(write({}, count=10_000)).count == 500


def test_the_answer_follows_the_schema(write, complete, kettle):
    request = write(kettle, count=5)
    bare = json.loads(complete(replace(request, schema=STRINGS)).text)["questions"]
    assert [type(item) for item in bare] == [str] * 5
    lines = complete(replace(request, schema=None)).text.split("\n")
    assert lines == bare
    items = {"type": "object", "properties": {"text": {}, "sub_type": {}, "mood": {}}}
    schema = {"type": "object", "properties": {"questions": {"type": "array", "items": items}}}
    labelled = json.loads(complete(replace(request, schema=schema)).text)["questions"]
    assert [list(item) for item in labelled] == [["text", "sub_type"]] * 5


def test_the_response_says_what_made_it(write, complete, kettle):
    request = write(kettle)
    answer = complete(request, model="stand-in")
    assert answer.model_version == "stand-in"
    assert answer.usage.output == pytest.approx(len(answer.text) / 4, abs=1)
    assert answer.usage.input == pytest.approx(len(request.prompt + request.system) / 4, abs=1)
    assert complete(request).response_id == answer.response_id


def of_plan(*sub_types: str, **items: object) -> dict[str, object]:
    arrays = {name: {"type": "array", "items": items or {"type": "string"}} for name in sub_types}
    return {"type": "object", "properties": {**arrays, "short": {"type": "string"}}}


def test_the_answer_has_one_array_per_sub_type_if_the_schema_has(write, complete, kettle):
    request = write(kettle, count=5, plan={"features": 3, "care": 2})
    text = complete(replace(request, schema=of_plan("features", "care", "safety"))).text
    answer = json.loads(text)
    assert {name: len(texts) for name, texts in answer.items()} == {"features": 3, "care": 2, "safety": 0}
    assert text == json.dumps(answer, ensure_ascii=False, separators=(",", ":")), "nothing is paid for but questions"
    labelled = of_plan("features", "care", type="object", properties={"text": {}, "facet": {}})
    items = json.loads(complete(replace(request, schema=labelled)).text)["care"]
    assert [list(item) for item in items] == [["text", "facet"]] * 2


def test_an_answer_that_has_run_out_of_questions_says_so(write, complete):
    request = replace(write({"title": "Mug"}, count=500, plan={"care": 500}), schema=of_plan("care"))
    answer = json.loads(complete(request).text)
    assert (len(answer["care"]) < 500, answer["short"]) == (True, "facts")


def test_no_question_without_a_place_in_the_schema_is_lost(write, complete, kettle):
    request = write(kettle, count=4, plan={"features": 2, "care": 2})
    answer = json.loads(complete(replace(request, schema=of_plan("features"))).text)
    assert len(answer["features"]) == 4


def test_the_first_question_of_a_cut_answer_is_whole_wherever_it_stands(write, complete, kettle):
    request = replace(write(kettle, count=3, plan={"care": 3}), schema=of_plan("features", "care"))
    first = json.loads(complete(request).text)["care"][0]
    for seed in range(20):
        assert f'"{first}"' in complete(request, cut_off=1).text, seed
        request = replace(request, system=request.system + " ")
        first = json.loads(complete(request).text)["care"][0]


def test_what_was_dropped_is_not_written_again(write, complete, kettle):
    schema = of_plan("care")
    texts = json.loads(complete(replace(write(kettle, count=3, plan={"care": 3}), schema=schema)).text)["care"]
    again = write(kettle, count=10, plan={"care": 10}, dropped={texts[0]: "quality/too_short"}, accepted=texts[1:])
    assert not set(texts) & set(json.loads(complete(replace(again, schema=schema)).text)["care"])
