"""`offline/model`: a provider without a network, which answers from question templates, not with a language model."""

from __future__ import annotations

import asyncio
from hashlib import blake2b

from querygen_core.api import Capabilities, ProviderError, Request, Response, Usage
from querygen_offline.answer import write_answer
from querygen_offline.flaws import SeededRandom, add_flaws, cut_position
from querygen_offline.languages import load_grammar
from querygen_offline.options import OfflineOptions
from querygen_offline.selection import write_questions
from querygen_offline.task import parse_task

NOTE = "not a language model: it fills question templates with the products' own facts, for demos and tests"

_CHARS_PER_TOKEN = 4
_THROTTLED_SECONDS = 0.05


class OfflineModel:
    """The answer depends on the request and the seed only.

    Whether a call fails also depends on the attempt, so that a retry helps. Attempts are counted per request in this
    object, since the last answer to it.
    """

    capabilities = Capabilities(free=True, note=NOTE)
    limit_key = "offline"

    def __init__(self, options: OfflineOptions) -> None:
        self._options = options
        self._attempts: dict[str, int] = {}

    async def complete(self, request: Request) -> Response:
        await asyncio.sleep(self._options.latency_ms / 1000)
        key = self._key(request)
        rng = _seeded_random(key)
        self._maybe_fail(key, rng)
        text, is_whole = self._answer(request, key, rng)
        return Response(
            text=text,
            finish="stop" if is_whole else "length",
            reason="" if is_whole else "cut_off",
            model_version=self._options.model,
            response_id=f"offline-{key}",
            usage=Usage(input=_estimate_tokens(request.system + request.prompt), output=_estimate_tokens(text)),
        )

    async def aclose(self) -> None:
        self._attempts.clear()

    def _key(self, request: Request) -> str:
        content = f"{self._options.seed}\n{request.system}\n{request.prompt}"
        return blake2b(content.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()

    def _maybe_fail(self, key: str, rng: SeededRandom) -> None:
        # Removed when the call succeeds, so that the dictionary holds only requests that are failing.
        attempt = self._attempts.pop(key, 0)
        if rng(f"error {attempt}") >= self._options.errors:
            return
        self._attempts[key] = attempt + 1
        if rng(f"which error {attempt}") < 0.5:
            raise ProviderError("throttled", "too many requests (option `errors`)", retry_after=_THROTTLED_SECONDS)
        raise ProviderError("retry", "the service is unavailable (option `errors`)")

    def _answer(self, request: Request, key: str, rng: SeededRandom) -> tuple[str, bool]:
        """The answer's text, and whether it is complete."""
        options = self._options
        task = parse_task(request)
        questions = add_flaws(
            write_questions(task, key),
            rng,
            duplicates=options.duplicates,
            numbering=options.numbering,
            leaks=options.leaks,
            polite_opening=load_grammar(task.locale).lexicon.polite_opening,
        )
        if request.schema is None:
            return "\n".join(question.text for question in questions), True
        text, first_question_end = write_answer(questions, task)
        if rng("cut") >= options.cut_off:
            return text, True
        # The first question stays whole, so that there is something to recover from a cut answer.
        return text[: cut_position(len(text), first_question_end, rng("where"))], False


def _seeded_random(key: str) -> SeededRandom:
    """Numbers from a hash instead of `random`: one decision never shifts the outcome of the others."""

    def rng(decision: str) -> float:
        return int.from_bytes(blake2b(f"{key}{decision}".encode(), digest_size=4).digest(), "big") / 2**32

    return rng


def _estimate_tokens(text: str) -> int:
    return -(-len(text) // _CHARS_PER_TOKEN)
