"""Components that do as a test says, and remember what was done with them."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from querygen_core.api import (
    Ask,
    Capabilities,
    Event,
    Outcome,
    Product,
    Query,
    Receipt,
    Reject,
    Request,
    Response,
    Usage,
    Want,
)

Script = Callable[[Request, int], Response | Exception]
"""What a model does with a request. The number counts the calls with that prompt, from 0."""

_SCHEMA = {"type": "object", "properties": {"questions": {"type": "array", "items": {"type": "object"}}}}


def questions(*texts: str) -> Response:
    """A model's answer to a prompt that asks for questions."""
    items = [{"text": text} for text in texts]
    return Response(text=json.dumps({"questions": items}), usage=Usage(input=10, output=5))


def three_questions(request: Request, _number: int) -> Response:
    """A script: three questions that begin with the first two words of the prompt."""
    subject = " ".join(request.prompt.split()[:2])
    return questions(*(f"Is {subject} good in way {number}?" for number in range(3)))


@dataclass
class ScriptedProvider:
    script: Script = three_questions
    """What it returns is the answer; an exception is raised."""

    seconds: float = 0.0
    """How long each call takes."""

    capabilities: Capabilities = field(default_factory=lambda: Capabilities(free=True))

    limit_key: str = "scripted"

    calls: Counter[str] = field(default_factory=Counter)
    """Number of calls by prompt."""

    in_flight: int = 0
    """Calls that wait for their answer now."""

    most_in_flight: int = 0
    """Highest number of calls that waited at the same time."""

    async def complete(self, request: Request) -> Response:
        number = self.calls[request.prompt]
        self.calls[request.prompt] += 1
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            await asyncio.sleep(self.seconds)
        finally:
            self.in_flight -= 1
        answer = self.script(request, number)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def aclose(self) -> None: ...


class AskingGenerator:
    """Sends one request per round, as core/prompt does; the accepted questions are in the prompt."""

    async def generate(self, product: Product, want: Want, ask: Ask) -> Sequence[Query]:
        prompt = f"{product.title} {want.query_type} {want.count} {want.round} {'|'.join(want.accepted)}"
        answer = await ask(Request(model="m", prompt=prompt, schema=_SCHEMA))
        return [Query(text=item["text"], request_key=answer.request_key) for item in answer.value["questions"]]


@dataclass
class ListInput:
    records: Iterable[Product | Reject | BaseException]
    """What it yields, in order. An exception among them is raised in its place."""

    read_so_far: int = 0
    """Records taken from it, over all reads."""

    def read(self) -> Iterator[Product | Reject]:
        for record in self.records:
            self.read_so_far += 1
            if isinstance(record, BaseException):
                raise record
            yield record


def _takes_everything(_outcome: Outcome) -> None:
    return None


@dataclass
class MemorySink:
    identity: str = "lab/table"

    check_error: Exception | None = None
    """Raised by `check`."""

    errors: list[BaseException] = field(default_factory=list)
    """Raised by the next calls of `apply`, in order, one each."""

    refuses: Callable[[Outcome], str | None] = _takes_everything
    """Why a product cannot be stored, None if it can."""

    outcomes: dict[str, Outcome] = field(default_factory=dict)
    """What it holds, by product key."""

    applied: list[int] = field(default_factory=list)
    """Number of outcomes in each call of `apply` that was successful."""

    @property
    def texts(self) -> dict[str, tuple[str, ...]]:
        """The questions that it holds, by product key."""
        return {key: tuple(query.text for query in outcome.queries) for key, outcome in self.outcomes.items()}

    async def check(self) -> None:
        if self.check_error is not None:
            raise self.check_error

    async def apply(self, outcomes: Sequence[Outcome]) -> Sequence[Receipt]:
        if self.errors:
            raise self.errors.pop(0)
        self.applied.append(len(outcomes))
        return [self._take(outcome) for outcome in outcomes]

    def _take(self, outcome: Outcome) -> Receipt:
        held = self.outcomes.get(outcome.product_key)
        older = "an older version than the one it holds" if held and outcome.version < held.version else None
        if error := self.refuses(outcome) or older:
            return Receipt(product_key=outcome.product_key, error=error)
        before = set(self.texts.get(outcome.product_key, ()))
        after = {query.text for query in outcome.queries}
        self.outcomes[outcome.product_key] = outcome
        return Receipt(
            product_key=outcome.product_key,
            delivered=len(after - before),
            unchanged=len(outcome.queries) - len(after - before),
            retired=len(before - after),
        )

    async def aclose(self) -> None: ...


@dataclass
class MemorySnapshotSink(MemorySink):
    identity: str = "lab/page"

    published: list[Outcome] | None = None
    """What a reader sees, in input order; None before the first `publish`."""

    publications: int = 0
    """Number of calls of `publish` that were successful."""

    async def publish(self) -> int:
        if self.errors:
            raise self.errors.pop(0)
        held = {outcome.product_key: outcome for outcome in self.published or ()}
        kept = (held.get(key) if one.state == "failed" else one for key, one in self.outcomes.items())
        self.published = [outcome for outcome in kept if outcome and outcome.state != "deleted"]
        self.outcomes = {}
        self.publications += 1
        return 0


@dataclass
class RecordingObserver:
    identity: str = "lab/ear"

    down: bool = False
    """Whether it takes no event now."""

    events: list[Event] = field(default_factory=list)
    """What it has taken, in order."""

    @property
    def seqs(self) -> list[int]:
        return [event.seq for event in self.events]

    @property
    def kinds(self) -> list[str]:
        return [event.kind for event in self.events]

    def on_event(self, event: Event) -> None:
        if self.down:
            raise ConnectionError("nobody listens")
        self.events.append(event)
