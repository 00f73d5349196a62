from __future__ import annotations

from collections.abc import Callable

import pytest

from querygen_core.errors import ConfigError
from querygen_core.prompts import PromptFile
from querygen_core.prompts.front import QUESTIONS

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
    assert prompt.describe() | {"files": []} == {
        "name": "shop questions",
        "description": "Questions of a shopper.",
        "inputs": {
            "tone": {"description": "How it sounds.", "default": "plain"},
            "market": {"description": "Which country."},
        },
        "volatile": ["currency", "price"],
        "plan": {"features": 5, "usage": 2.5},
        "model": {"temperature": 0.8, "thinking": "low", "max_output_tokens": 16384},
        "hash": prompt.hash,
        "files": [],
    }
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
        "2:1", "3:19", "4:8", "4:21", "6:3", "7:11", "8:9", "9:1", "11:1", "13:4", "13:32", "14:17",
    ]  # fmt: skip
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
        ("- a", "should hold keys and values"),
        ("name: !!python/object:os.system x", "a tag"),
    ],
)
def test_what_is_no_front_matter_is_refused(load: Load, front: str, message: str) -> None:
    with pytest.raises(ConfigError, match=r"main\.j2:") as caught:
        load(f"---\n{front}\n---\nAsk")
    assert message in str(caught.value)


def test_front_matter_that_is_not_closed_is_refused(load: Load) -> None:
    with pytest.raises(ConfigError, match=r"main.j2:1:1: the front matter is not closed"):
        load("---\nname: x\nAsk")


def test_windows_line_ends_are_line_ends(load: Load) -> None:
    assert load("---\r\nname: win\r\n---\r\nAsk\r\n").name == "win"
