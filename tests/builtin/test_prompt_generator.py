from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from querygen_core.answers import Parsed, read_answer
from querygen_core.api import Answer, Context, HasPlan, Product, Request, Response, Want
from querygen_core.builtin.prompt_generator import PromptGenerator
from querygen_core.contracts.errors import ConfigError
from querygen_core.prompts import PromptLibrary

PROMPT = """\
---
inputs: {tone: {description: How it sounds., default: plain}}
volatile: [price]
model: {temperature: 0.5}
---
{% block system %}Be {{ inputs.tone }}.{% endblock %}
{% block user %}{{ want.count }} about {{ product.title }}{% endblock %}
"""
PRODUCT = Product(product_id="1", title="Kettle")
WANT = Want(query_type="product", count=2)


@dataclass(frozen=True)
class Chosen:
    prompt: str = "ask"
    model: str = "flash"
    inputs: Mapping[str, Any] = field(default_factory=dict)


class Canned:
    """An `Ask` that reads one prepared text as the engine would."""

    def __init__(self, items: Any, model_version: str = "flash-001") -> None:
        self.response = Response(text=json.dumps({"questions": items}), model_version=model_version)
        self.requests: list[Request] = []

    async def __call__(self, request: Request) -> Answer:
        self.requests.append(request)
        parsed = read_answer(self.response, request.schema)
        assert isinstance(parsed, Parsed)
        return Answer(
            value=parsed.value,
            rung=parsed.rung,
            whole=parsed.whole,
            response=self.response,
            request_key="key",
            provider="test/model",
            model="flash-latest",
            from_journal=False,
        )


def build(folder: Path, text: str = PROMPT, **options: Any) -> PromptGenerator:
    (folder / "ask.j2").write_text(text)
    context = Context(
        job_id="job",
        component="core/prompt",
        state_dir=folder,
        config_dir=folder,
        load_prompt=PromptLibrary([folder]).load,
        describe_model=lambda name: {"use": "test/model", "name": name},
    )
    return PromptGenerator(Chosen(**options), context)


def test_one_request_becomes_queries_with_their_provenance(tmp_path: Path) -> None:
    ask = Canned([{"text": "Is it red?", "sub_type": "features", "facet": "colour", "stage": "decision"}, "Is it big?"])
    generator = build(tmp_path)
    first, second = asyncio.run(generator.generate(PRODUCT, WANT, ask))
    assert ask.requests == [
        Request(
            model="flash",
            system="Be plain.",
            prompt="2 about Kettle",
            schema=ask.requests[0].schema,
            parameters={"temperature": 0.5},
        )
    ]
    assert (first.text, first.sub_type) == ("Is it red?", "features")
    assert first.labels == {"facet": "colour", "stage": "decision"}
    assert (first.provider, first.model, first.request_key) == ("test/model", "flash-001", "key")
    assert first.prompt_hash == generator.fingerprint["prompt"]
    assert (second.text, second.sub_type, second.labels) == ("Is it big?", "", {})


def test_the_model_is_named_as_configured_if_the_answer_does_not_say(tmp_path: Path) -> None:
    (query,) = asyncio.run(build(tmp_path).generate(PRODUCT, WANT, Canned(["Is it red?"], model_version="")))
    assert query.model == "flash-latest"


def test_labels_are_short_texts_and_not_too_many(tmp_path: Path) -> None:
    item = {"text": "Is it red?", "sub_type": 3, "list": ["x"], "long": "x" * 201, "none": None, "empty": ""}
    item |= {f"label{n}": "x" for n in range(30)}
    (query,) = asyncio.run(build(tmp_path).generate(PRODUCT, WANT, Canned([item])))
    assert query.sub_type == ""
    assert list(query.labels) == [f"label{n}" for n in range(20)]


def test_the_fingerprint_tells_whatever_changes_a_result(tmp_path: Path) -> None:
    plain = build(tmp_path)
    assert plain.volatile == {"price"}
    assert plain.fingerprint["model"] == {"use": "test/model", "name": "flash"}
    assert build(tmp_path).fingerprint == plain.fingerprint
    assert build(tmp_path, model="pro").fingerprint != plain.fingerprint
    assert build(tmp_path, inputs={"tone": "warm"}).fingerprint != plain.fingerprint
    assert build(tmp_path, PROMPT + " ").fingerprint != plain.fingerprint


def test_wrong_inputs_stop_the_build(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"unknown input 'tune'; did you mean 'tone'\?"):
        build(tmp_path, inputs={"tune": "x"})


def test_a_prompt_without_questions_is_not_for_this_generator(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="has no place for questions"):
        build(tmp_path, "---\noutput: {type: object, properties: {score: {type: integer}}}\n---\nJudge")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "---\noutput:\n  properties: {questions: {items: {properties: {name: {type: string}}}}}\n---\nx",
            "ask.j2:2: `output`",
        ),
        ("---\nplan: {a: 1}\n---\nx{% if want.round %}{{ want.count.x }}{% endif %}", "ask.j2:4: "),
    ],
)
def test_a_prompt_that_cannot_give_questions_stops_the_build(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build(tmp_path, text)
    assert said in str(caught.value)


def test_a_plan_is_divided_for_the_engine_too(tmp_path: Path) -> None:
    planned = build(tmp_path, "---\nplan: {features: 3, care: 1}\noutput: plan\n---\nAsk")
    assert isinstance(planned, HasPlan)
    assert planned.plan(8) == {"features": 6, "care": 2}
    assert build(tmp_path).plan(8) == {}


def test_one_array_per_sub_type_becomes_queries_with_sub_types(tmp_path: Path) -> None:
    generator = build(tmp_path, "---\nplan: {features: 3, care: 1}\noutput: plan\n---\nAsk")
    ask = Canned([])
    ask.response = Response(text='{"features":["Is it red?","Is it big?"],"care":["Can it be washed?"]}')
    made = asyncio.run(generator.generate(PRODUCT, WANT, ask))
    assert [(query.text, query.sub_type, query.labels) for query in made] == [
        ("Is it red?", "features", {}),
        ("Is it big?", "features", {}),
        ("Can it be washed?", "care", {}),
    ]


def test_a_question_about_the_prompts_own_example_is_dropped(tmp_path: Path) -> None:
    generator = build(tmp_path, "---\nexamples: [Tamsel, Kettle]\n---\nAsk")
    texts = ["Is the tamsel orbit loud?", "Is the Kettle loud?", "Is it a Tamselino?"]
    made = asyncio.run(generator.generate(PRODUCT, WANT, Canned(texts)))
    assert [query.dropped for query in made] == ["prompt/example", None, None], "the product is a kettle itself"
