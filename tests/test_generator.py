from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from querygen_core.answers import Parsed, read_answer
from querygen_core.api import Answer, Context, Product, Request, Response, Want
from querygen_core.errors import ConfigError
from querygen_core.generator import PromptGenerator
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
    with pytest.raises(ConfigError, match="has no property `questions`"):
        build(tmp_path, "---\noutput: {type: object, properties: {score: {type: integer}}}\n---\nJudge")
