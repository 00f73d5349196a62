"""`core/prompt`: renders a prompt, asks a model, and turns its answer into queries."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from querygen_core.answers import can_hold_questions
from querygen_core.api import Answer, Ask, ConfigError, Context, Product, Query, Want
from querygen_core.contracts.canonical import canonical_json
from querygen_core.prompts.file import PromptFile
from querygen_core.prompts.trial_renders import find_render_problem

EXAMPLE = "prompt/example"
"""The reason of a question that names what only the prompt's style examples are about."""

_NO_LABELS = ("text", "sub_type")
_MAX_LABELS = 20
_MAX_LABEL = 200


class PromptOptions(Protocol):
    @property
    def prompt(self) -> str: ...

    @property
    def model(self) -> str: ...

    @property
    def inputs(self) -> Mapping[str, Any]: ...


class PromptGenerator:
    """Also has the abilities `HasFingerprint`, `HasPlan` and `ReadsVolatile`."""

    def __init__(self, options: PromptOptions, context: Context) -> None:
        """Raises ConfigError if the prompt is wrong or does not take these inputs."""
        self._prompt = context.prompt(options.prompt)
        self._model = options.model
        self._inputs = dict(options.inputs)
        if isinstance(self._prompt, PromptFile):
            _check(self._prompt, self._inputs)
        self.volatile = self._prompt.volatile
        self.fingerprint = {
            "prompt": self._prompt.hash,
            "model": context.model(options.model),
            "inputs": self._inputs,
        }

    def plan(self, count: int) -> Mapping[str, int]:
        return self._prompt.plan(count) if isinstance(self._prompt, PromptFile) else {}

    async def generate(self, product: Product, want: Want, ask: Ask) -> Sequence[Query]:
        request = self._prompt.render(product, want, self._inputs)
        answer = await ask(replace(request, model=self._model))
        foreign = self._foreign_names(product)
        return [self._query(item, answer, foreign) for item in answer.value["questions"]]

    def _foreign_names(self, product: Product) -> re.Pattern[str] | None:
        """Names of the prompt's style examples, without those that the product has too. None if there are none."""
        examples = self._prompt.front.examples if isinstance(self._prompt, PromptFile) else ()
        if not examples:
            return None
        own = canonical_json(product.visible()).casefold()
        names = [re.escape(name) for name in examples if name.casefold() not in own]
        return re.compile(rf"\b(?:{'|'.join(names)})\b", re.IGNORECASE) if names else None

    def _query(self, item: Mapping[str, Any], answer: Answer, foreign: re.Pattern[str] | None) -> Query:
        sub_type = item.get("sub_type")
        return Query(
            text=item["text"],
            sub_type=sub_type if isinstance(sub_type, str) else "",
            labels=_labels(item),
            provider=answer.provider,
            model=answer.response.model_version or answer.model,
            prompt_hash=self._prompt.hash,
            request_key=answer.request_key,
            dropped=EXAMPLE if foreign and foreign.search(item["text"]) else None,
        )


def _check(prompt: PromptFile, inputs: Mapping[str, Any]) -> None:
    prompt.bind(inputs)
    if not can_hold_questions(prompt.schema):
        raise ConfigError(
            f"{prompt.place('output')}: `output` has no place for questions, which core/prompt reads: a list "
            "`questions`, or one list for each sub_type, of texts or of objects with a `text`"
        )
    if problem := find_render_problem(prompt, inputs):
        raise problem


def _labels(item: Mapping[str, Any]) -> dict[str, str]:
    """The other short texts that the model gave with a question, limited so that a chatty answer fills no database."""
    texts = {
        name: value
        for name, value in item.items()
        if name not in _NO_LABELS
        and isinstance(value, str)
        and len(name) <= _MAX_LABEL
        and 0 < len(value) <= _MAX_LABEL
    }
    return dict(list(texts.items())[:_MAX_LABELS])
