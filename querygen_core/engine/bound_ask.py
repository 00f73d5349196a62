"""`api.Ask` as a generator or postprocessor gets it, and the keys of its requests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from querygen_core.contracts.canonical import digest
from querygen_core.contracts.records import Answer, Request
from querygen_core.engine.breaker import Asker
from querygen_core.engine.loops import loops, texts_of
from querygen_core.engine.run_stats import RunStats

KEY_VERSION = 1
"""Part of every request key. Another one means that no answer of earlier versions is found."""


def request_key(request: Request, identity: Mapping[str, Any], edition: str | None, job: str | None) -> str:
    """SHA-256 (hex) of everything that the answer depends on.

    identity: the model's part of the config. job: the job whose answers alone may be used, None for every job's.
    """
    # Neither generator nor product nor, by default, job is part of the key: equal requests share one paid answer.
    return digest(
        {
            "v": KEY_VERSION,
            **identity,
            "parameters": request.parameters,
            "system": request.system,
            "prompt": request.prompt,
            "schema": request.schema,
            **({} if edition is None else {"edition": edition}),
            **({} if job is None else {"job": job}),
        }
    )


class Answers(Protocol):
    """What answers the requests of a whole run."""

    @property
    def stats(self) -> RunStats:
        """Counts what comes of the answers."""
        ...

    def key(self, request: Request, edition: str | None = None) -> str:
        """See `request_key`."""
        ...

    async def ask(self, request: Request, key: str, origin: BoundAsk) -> Answer:
        """The answer to `request`."""
        ...


def nobody() -> None:
    """Nobody waits for the product."""


@dataclass(slots=True)
class BoundAsk:
    """`api.Ask` for one generator or postprocessor and one product.

    The key of a refill's request is made of the first round's key and the round, not of its text: the text holds the
    accepted questions, and these change when a postprocessor's options do. So every answer ever paid for still counts.
    """

    model_client: Answers
    """Sends the requests."""
    asker: Asker
    """Who asks."""
    product_key: str = ""
    """The product that is asked for."""
    edition: str | None = None
    """The generator's `edition`: another one is how a user asks everything anew."""
    park: Callable[[], None] = nobody
    """Called when a request has failed and it is not clear yet whether for its product's sake: others must go on."""
    round: int = 0
    """0 for the first requests, then one more per refill."""
    wanted: int = 0
    """Questions that this round asks for."""
    whole: bool = True
    """Whether all answers of this round were complete, not cut at the token limit."""
    short: bool = False
    """Whether an answer of this round says that the product's facts carry no more questions."""
    loops: bool = False
    """Whether the model got into a loop in an answer of this round."""
    _texts: list[str] = field(default_factory=list)
    """Questions of all answers so far."""
    _first_keys: list[str] = field(default_factory=list)
    """Request keys of the first round, in the order in which they were asked."""
    _asked: int = 0
    """Requests of this round so far."""

    def start_round(self, number: int, wanted: int = 0) -> None:
        """wanted: the questions that are asked for, 0 if that is not known."""
        self.round, self.wanted, self._asked = number, wanted, 0
        self.whole, self.short, self.loops = True, False, False

    async def __call__(self, request: Request) -> Answer:
        answer = await self.model_client.ask(request, self._key(request), self)
        self.whole = self.whole and answer.whole
        texts = texts_of(answer.value)
        self.loops = self.loops or loops(texts, self._texts, asked=self.wanted, cut=answer.response.finish == "length")
        self._texts += texts
        self.short = self.short or (isinstance(answer.value, dict) and answer.value.get("short") == "facts")
        return answer

    def _key(self, request: Request) -> str:
        position, self._asked = self._asked, self._asked + 1
        if self.round > 0 and position < len(self._first_keys):
            return digest({"v": 1, "first": self._first_keys[position], "round": self.round})
        key = self.model_client.key(request, self.edition)
        if self.round == 0:
            self._first_keys.append(key)
        return key
