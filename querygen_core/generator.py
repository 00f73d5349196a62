"""`core/prompt`: render a prompt, ask a model, take its questions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from querygen_core.api import Answer, Ask, ConfigError, Context, Product, Query, Want
from querygen_core.prompts.file import PromptFile

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
    """An `api.Generator`."""

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

    async def generate(self, product: Product, want: Want, ask: Ask) -> Sequence[Query]:
        request = self._prompt.render(product, want, self._inputs)
        answer = await ask(replace(request, model=self._model))
        return [self._query(item, answer) for item in answer.value["questions"]]

    def _query(self, item: Mapping[str, Any], answer: Answer) -> Query:
        sub_type = item.get("sub_type")
        return Query(
            text=item["text"],
            sub_type=sub_type if isinstance(sub_type, str) else "",
            labels=_labels(item),
            provider=answer.provider,
            model=answer.response.model_version or answer.model,
            prompt_hash=self._prompt.hash,
            request_key=answer.request_key,
        )


def _check(prompt: PromptFile, inputs: Mapping[str, Any]) -> None:
    prompt.bind(inputs)
    if "questions" not in prompt.schema.get("properties", {}):
        raise ConfigError(f"prompt {prompt.name!r}: its `output` has no property `questions`, which core/prompt reads")


def _labels(item: Mapping[str, Any]) -> dict[str, str]:
    """What else the model said of a question, in short texts."""
    texts = {
        name: value
        for name, value in item.items()
        if name not in _NO_LABELS
        and isinstance(value, str)
        and len(name) <= _MAX_LABEL
        and 0 < len(value) <= _MAX_LABEL
    }
    return dict(list(texts.items())[:_MAX_LABELS])
