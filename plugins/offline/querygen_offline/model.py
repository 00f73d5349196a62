"""A model without a network. Its answers are made by patterns, not by a language model."""

from __future__ import annotations

import asyncio
import json
from hashlib import blake2b

from querygen_core.api import Capabilities, ProviderError, Request, Response, Usage
from querygen_offline import OfflineOptions
from querygen_offline.flaws import Draw, cut_at, spoil
from querygen_offline.languages import grammar_of
from querygen_offline.question import LABELS, Question
from querygen_offline.selection import write_questions
from querygen_offline.task import Task, read_task

NOTE = "no language model; its questions are made from the products' own facts by patterns, for demos and tests"

_CHARS_PER_TOKEN = 4
_SLOW_DOWN = 0.05


class OfflineModel:
    """What it answers depends on the request and the seed.

    Whether a call fails depends on the try, too, so that trying again helps. Tries are counted by this object, from the
    last answer that the request got.
    """

    capabilities = Capabilities(free=True, note=NOTE)
    limit_key = "offline"

    def __init__(self, options: OfflineOptions) -> None:
        self._options = options
        self._tries: dict[str, int] = {}

    async def complete(self, request: Request) -> Response:
        await asyncio.sleep(self._options.latency_ms / 1000)
        key = self._key(request)
        draw = _draws(key)
        self._fail_sometimes(key, draw)
        text, whole = self._answer(request, key, draw)
        return Response(
            text=text,
            finish="stop" if whole else "length",
            reason="" if whole else "cut_off",
            model_version=self._options.model,
            response_id=f"offline-{key}",
            usage=Usage(input=_estimate_tokens(request.system + request.prompt), output=_estimate_tokens(text)),
        )

    async def aclose(self) -> None:
        self._tries.clear()

    def _key(self, request: Request) -> str:
        said = f"{self._options.seed}\n{request.system}\n{request.prompt}"
        return blake2b(said.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()

    def _fail_sometimes(self, key: str, draw: Draw) -> None:
        tries = self._tries.pop(key, 0)
        if draw(f"error {tries}") >= self._options.errors:
            return
        self._tries[key] = tries + 1
        if draw(f"which error {tries}") < 0.5:
            raise ProviderError("throttled", "too many requests (option `errors`)", retry_after=_SLOW_DOWN)
        raise ProviderError("retry", "the service is unavailable (option `errors`)")

    def _answer(self, request: Request, key: str, draw: Draw) -> tuple[str, bool]:
        options = self._options
        task = read_task(request)
        questions = spoil(
            write_questions(task, key),
            draw,
            duplicates=options.duplicates,
            numbering=options.numbering,
            leaks=options.leaks,
            polite=grammar_of(task.locale).words.polite,
        )
        if request.schema is None:
            return "\n".join(question.text for question in questions), True
        items = [json.dumps(_item(question, task), ensure_ascii=False) for question in questions]
        text = f'{{"questions": [{", ".join(items)}]}}'
        if draw("cut") >= options.cut_off:
            return text, True
        return text[: cut_at(len(text), len(f'{{"questions": [{"".join(items[:1])}'), draw("where"))], False


def _draws(key: str) -> Draw:
    def draw(name: str) -> float:
        return int.from_bytes(blake2b(f"{key}{name}".encode(), digest_size=4).digest(), "big") / 2**32

    return draw


def _item(question: Question, task: Task) -> str | dict[str, str]:
    if task.labels is None:
        return question.text
    return {name: getattr(question, name) for name in LABELS if not task.labels or name in task.labels}


def _estimate_tokens(text: str) -> int:
    return -(-len(text) // _CHARS_PER_TOKEN)
