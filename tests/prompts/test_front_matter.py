from __future__ import annotations

from collections.abc import Callable

import pytest

from querygen_core.answers import can_hold_questions
from querygen_core.contracts.errors import ConfigError
from querygen_core.prompts import PromptFile
from querygen_core.prompts.front_matter import QUESTIONS

Load = Callable[..., PromptFile]

EVERYTHING = """\
---
name: shop questions
description: Questions of a shopper.
inputs:
  tone: {description: How it sounds., default: plain}
  market: {description: Which country.}
volatile: [price, currency]
plan: {features: 5, usage: 2.5}
output: {type: object, properties: {questions: {type: array}}, required: [questions]}
model: {temperature: 0.8, thinking: low, max_output_tokens: 16384}
---
{{ product | untrusted("product") }}
"""


def test_everything_that_front_matter_can_say(load: Load) -> None:
    prompt = load(EVERYTHING)
    assert (prompt.name, prompt.front.description) == ("shop questions", "Questions of a shopper.")
    assert prompt.front.inputs == {
        "tone": {"description": "How it sounds.", "default": "plain"},
        "market": {"description": "Which country."},
    }
    assert prompt.volatile == {"currency", "price"}
    assert prompt.front.plan == {"features": 5, "usage": 2.5}
    assert prompt.front.model == {"temperature": 0.8, "thinking": "low", "max_output_tokens": 16384}
    assert prompt.schema["required"] == ["questions"]


@pytest.mark.parametrize("text", ["Ask about {{ product.title }}", "---\n---\nAsk"])
def test_front_matter_is_not_needed(load: Load, text: str) -> None:
    prompt = load(text)
    assert (prompt.name, prompt.schema) == ("main", QUESTIONS)


def test_every_problem_is_told_with_its_place(load: Load) -> None:
    text = (
        "---\n"
        "nmae: x\n"
        "volatile: [price, prize]\n"
        "plan: {features: 0, usage: many}\n"
        "inputs:\n"
        "  tone: plain\n"
        "  style: {descripton: x}\n"
        "model: {temperature: [1]}\n"
        "output: text\n"
        "name: a\n"
        "name: b\n"
        "---\n"
        "{{ produkt.title }} {{ product.titel }}\n"
        "{{ want.count | uper }}\n"
    )
    with pytest.raises(ConfigError) as caught:
        load(text)
    found = [problem.partition("main.j2:")[2] for problem in caught.value.problems]
    assert [problem.split(": ")[0] for problem in found] == [
        "2:1",
        "3:19",
        "4:8",
        "4:21",
        "6:3",
        "7:11",
        "8:9",
        "9:1",
        "11:1",
        "13:4",
        "13:32",
        "14:17",
    ]
    assert "did you mean 'name'?" in found[0]
    assert "did you mean 'price'?" in found[1]
    assert "did you mean 'description'?" in found[5]
    assert "duplicate key" in found[8]
    assert "did you mean 'product'?" in found[9]
    assert "did you mean 'title'?" in found[10]
    assert "did you mean 'upper'?" in found[11]


@pytest.mark.parametrize(
    ("front", "message"),
    [
        ("name: [", "3:1"),
        ("name: &a x\nplan: *a", "alias"),
        ("- a", "should be a mapping"),
        ("name: !!python/object:os.system x", "a tag"),
    ],
)
def test_what_is_no_front_matter_is_refused(load: Load, front: str, message: str) -> None:
    with pytest.raises(ConfigError, match=r"main\.j2:") as caught:
        load(f"---\n{front}\n---\nAsk")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("schema", "place"),
    [
        ("{type: objekt}", "2:10"),
        ("{type: object, required: questions}", "2:24"),
        ("\n  properties:\n    questions: {type: array, items: {type: [string, texts]}}", "4:38"),
        ("{properties: [questions]}", "2:10"),
        ("{properties: {questions: {minItems: few}}}", "2:35"),
    ],
)
def test_an_output_that_is_no_json_schema_is_refused_with_its_place(load: Load, schema: str, place: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(f"---\noutput: {schema}\n---\nAsk")
    (problem,) = caught.value.problems
    assert f"main.j2:{place}: output" in problem
    assert "is no valid JSON Schema" in problem


@pytest.mark.parametrize(
    "text",
    [
        "{% import 'macros.j2' as m %}{% if product.audience %}{{ m.ruels() }}{% endif %}x",
        "{% from 'macros.j2' import ruels %}x",
        "{% from 'macros.j2' import ruels as rules with context %}x",
    ],
)
def test_a_macro_that_is_not_there_is_found_where_no_product_leads(load: Load, text: str) -> None:
    macros = "{% macro rules() %}r{% endmacro %}{% set style = 'plain' %}{% macro _own() %}{% endmacro %}"
    with pytest.raises(
        ConfigError, match=r"main\.j2:1:\d+: there is no macro 'ruels' in macros.j2; did you mean 'rules'"
    ):
        load(text, macros=macros)
    load("{% import 'macros.j2' as m %}{{ m.rules() }}{{ m.style }}", macros=macros)
    with pytest.raises(ConfigError, match="there is no macro '_own'"):
        load("{% import 'macros.j2' as m %}{{ m._own() }}", macros=macros)


def test_front_matter_that_is_not_closed_is_refused(load: Load) -> None:
    with pytest.raises(ConfigError, match=r"main.j2:1:1: the front matter is not closed"):
        load("---\nname: x\nAsk")


def test_windows_line_ends_are_line_ends(load: Load) -> None:
    assert load("---\r\nname: win\r\n---\r\nAsk\r\n").name == "win"


def test_one_array_per_sub_type_can_be_asked_for(load: Load) -> None:
    prompt = load("---\nplan: {features: 5, care: 1}\noutput: plan\nexamples: [Tamsel]\n---\nAsk")
    texts = {"type": "array", "items": {"type": "string"}}
    assert prompt.schema == {
        "type": "object",
        "properties": {"features": texts, "care": texts, "short": {"type": "string"}},
        "required": ["features", "care"],
        "additionalProperties": False,
    }
    assert can_hold_questions(prompt.schema)
    assert prompt.front.examples == ("Tamsel",)


def test_labels_are_asked_for_only_if_they_are_named(load: Load) -> None:
    prompt = load("---\nplan: {features: 5}\noutput: plan\nlabels: [facet, persona]\n---\nAsk")
    items = prompt.schema["properties"]["features"]["items"]
    assert items["required"] == list(items["properties"]) == ["text", "facet", "persona"]
    assert can_hold_questions(prompt.schema)


@pytest.mark.parametrize(
    ("front", "place", "message"),
    [
        ("output: plan", "2:1", "`plan` needs sub-types with their weights"),
        ("output: plans", "2:1", "should be a JSON Schema, or `plan`"),
        ("output: plan\nplan: {short: 1, care: 1}", "3:8", "'short' cannot be a sub-type"),
        ("output: plan\nplan: {questions: 1}", "3:8", "'questions' cannot be a sub-type"),
        ("output: plan\nplan: {care: 1}\nlabels: [facet, text]", "4:17", "'text' cannot be a label"),
        ("labels: [facet]", "2:1", "are for `output: plan`"),
        ("plan: {care: 1}\noutput: plan\nlabels: [3]", "4:10", "should be a name"),
        ("examples: Tamsel", "2:1", "a list of names in the prompt's style examples"),
    ],
)
def test_what_cannot_be_asked_for_is_told(load: Load, front: str, place: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(f"---\n{front}\n---\nAsk")
    assert f"main.j2:{place}: " in str(caught.value)
    assert message in str(caught.value)
