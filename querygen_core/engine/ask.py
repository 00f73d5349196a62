"""The only way to a model: journal, throttle, retry, budget; every answer durable before anybody sees it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from querygen_core.answers import Parsed, read_answer
from querygen_core.canonical import digest
from querygen_core.engine.breaker import Breaker
from querygen_core.engine.budget import Budget, Expected, Reservation
from querygen_core.engine.call import send
from querygen_core.engine.halt import Halt
from querygen_core.engine.meter import Meter
from querygen_core.engine.throttle import Slot, Throttle
from querygen_core.errors import (
    AnswerError,
    AnswerFailure,
    Exit,
    JournalError,
    PluginError,
    ProviderError,
    Stopped,
)  # fmt: skip
from querygen_core.journal.interface import Journal, Stored
from querygen_core.masking import mask
from querygen_core.price import Price
from querygen_core.records import Answer, Fact, Request, Response, Usage

_TRIES = 2  # an answer that cannot be used is asked for once more, then only by `querygen retry`
_FINAL = ("blocked", "cut")  # the same request would be answered in the same way
_FAULTS = 6  # failed calls of one request, push-backs not counted
_LONGEST_BACKOFF = 30.0  # seconds
_TRANSIENT = ("retry", "throttled", "bad_answer")


@dataclass(frozen=True, slots=True)
class Model:
    """A name under `models:`, ready to be asked. identity: what its answers depend on; part of every request key."""

    name: str
    use: str
    model: str
    provider: Any
    identity: Mapping[str, Any]
    throttle: Throttle
    breaker: Breaker
    price: Price | None = None

    def expects_to_cost(self, expected: Expected) -> float:
        """In USD; 0 if nobody knows."""
        usage = Usage(input=expected.input, output=expected.output)
        return self.price.of(usage) if self.price else 0.0


@dataclass(slots=True)
class Conversation:
    """`api.Ask` for one generator (or postprocessor) and one product.

    The requests of a refill round are known by the first round's keys and the round, not by their text: so the list
    of accepted questions in them may change, with a filter say, and every answer ever paid for still counts.
    """

    asker: Asker
    round: int = 0
    whole: bool = True
    _first_keys: list[str] = field(default_factory=list)
    _asked: int = 0

    def start_round(self, number: int) -> None:
        self.round, self._asked, self.whole = number, 0, True

    async def __call__(self, request: Request) -> Answer:
        answer = await self.asker.ask(request, self._key(request))
        self.whole = self.whole and answer.whole
        return answer

    def _key(self, request: Request) -> str:
        place, self._asked = self._asked, self._asked + 1
        if self.round > 0 and place < len(self._first_keys):
            return digest({"v": 1, "first": self._first_keys[place], "round": self.round})
        key = self.asker.key(request)
        if self.round == 0:
            self._first_keys.append(key)
        return key


@dataclass(frozen=True, slots=True)
class _Call:
    """One request on its way to a model. number: its try."""

    model: Model
    request: Request
    key: str
    number: int


_Found = tuple[Response, Parsed | AnswerFailure]
"""An answer, and what could be read of it."""


@dataclass(slots=True)
class Asker:
    """Shared by all conversations of a run. `slots` bounds the calls that can be paid in vain by a kill."""

    journal: Journal
    models: Mapping[str, Model]
    slots: asyncio.Semaphore
    budget: Budget
    halt: Halt
    meter: Meter
    call_timeout: float
    retry_for: float
    _in_flight: dict[str, asyncio.Task[Answer]] = field(default_factory=dict)

    def key(self, request: Request) -> str:
        model = self._model(request)
        return digest({
            "v": 1, "model": model.identity, "parameters": request.parameters, "system": request.system,
            "prompt": request.prompt, "schema": request.schema,
        })  # fmt: skip

    async def ask(self, request: Request, key: str) -> Answer:
        """The answer to `request`. One that is under way already is awaited, not sent twice."""
        task = self._in_flight.get(key)
        if task is None:
            task = asyncio.create_task(self._answer(request, key))
            self._in_flight[key] = task
            task.add_done_callback(lambda done: self._forget(key, done))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled():  # the call was given up, not its waiter
                raise Stopped("the call was abandoned") from None
            raise

    def abandon(self) -> None:
        """Give up the calls that are still under way; they are counted, since they may have been paid."""
        for task in self._in_flight.values():
            task.cancel()

    async def settled(self) -> None:
        """Wait until no call is under way and whatever was received is durable."""
        while self._in_flight:
            await asyncio.wait(self._in_flight.values())

    def _forget(self, key: str, task: asyncio.Task[Answer]) -> None:
        del self._in_flight[key]
        if not task.cancelled():
            task.exception()  # its waiters may be gone; asking for it keeps asyncio from complaining

    def _model(self, request: Request) -> Model:
        if request.model not in self.models:
            raise PluginError(f"a request names the model {request.model!r}, which is not under `models:`")
        return self.models[request.model]

    async def _answer(self, request: Request, key: str) -> Answer:
        model = self._model(request)
        stored = await self._journaled(self.journal.answers(key))
        for one in stored:
            if isinstance(parsed := read_answer(one.response, request.schema), Parsed):
                self.meter.from_journal += 1
                return self._accept(parsed, one.response, model, key, from_journal=True)
        return await self._ask_anew(model, request, key, stored)

    async def _ask_anew(self, model: Model, request: Request, key: str, stored: list[Stored]) -> Answer:
        granted = await self._journaled(self.journal.tries(key)) if stored else 0
        number = stored[-1].number + 1 if stored else 0
        last = stored[-1].response if stored else None
        found: Parsed | AnswerFailure = read_answer(last, request.schema) if last else "broken"
        while number < granted + (1 if found in _FINAL else _TRIES):
            last, found = await self._complete(_Call(model, request, key, number))
            if isinstance(found, Parsed):
                return self._accept(found, last, model, key, from_journal=False)
            number += 1
        kind: AnswerFailure = "broken" if isinstance(found, Parsed) else found
        said = f" ({last.reason})" if last and last.reason else ""
        raise AnswerError(kind, f"{kind} answer from model {model.name!r}{said}", raw=last.text if last else "")

    def _accept(self, parsed: Parsed, response: Response, model: Model, key: str, *, from_journal: bool) -> Answer:
        self.meter.rungs[parsed.rung] += 1
        return Answer(
            value=parsed.value, rung=parsed.rung, whole=parsed.whole, response=response, request_key=key,
            provider=model.use, model=model.model, from_journal=from_journal,
        )  # fmt: skip

    async def _complete(self, call: _Call) -> _Found:
        """One paid answer, whatever it is worth; retried while that can help."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.retry_for
        faults = 0
        while True:
            try:
                return await self._attempt(call)
            except ProviderError as error:
                self.meter.errors[error.kind] += 1
                faults += error.kind != "throttled"
                pause = _pause(error, faults)
                late = loop.time() + max(pause, call.model.throttle.cooling()) > deadline
                if error.kind not in _TRANSIENT or faults >= _FAULTS or late:
                    await self._give_up(call.model, error)
            await self.halt.sleep(pause)

    async def _give_up(self, model: Model, error: ProviderError) -> None:
        data = {"model": model.name, "kind": error.kind, "message": mask(str(error))}
        await self._journaled(self.journal.tell([Fact(kind="call_failed", data=data)]))
        model.breaker.failed(error)
        self.halt.check()
        if error.kind == "bad_request":
            raise AnswerError("refused", f"model {model.name!r} refuses the request: {error}") from None
        raise error

    async def _attempt(self, call: _Call) -> _Found:
        expected = self.budget.expect(len(call.request.prompt) + len(call.request.system))
        async with call.model.throttle.slot(expected.tokens) as slot, self.slots:
            self.halt.check()
            reservation = self.budget.reserve(expected.tokens, call.model.expects_to_cost(expected))
            intent = await self._journaled(self.journal.intend(call.key, call.number))
            self.meter.mark("generate")
            try:
                response = await send(call.model.provider, call.model.use, call.request, self.call_timeout)
            except ProviderError as error:
                await self._failed(error, call.model, slot, intent, reservation)
                raise
            except asyncio.CancelledError:
                self.meter.abandoned += 1
                await self._journaled(self.journal.end(intent, "abandoned"))
                raise
            found = read_answer(response, call.request.schema)
            received = self._received(call, (response, found), slot, intent, reservation)
            return await _finish(asyncio.ensure_future(received))

    async def _received(self, call: _Call, found: _Found, slot: Slot, intent: int, reservation: Reservation) -> _Found:
        """What was paid for is counted; what is made of it is what the journal kept, which may be another's answer."""
        response, usable = found[0], isinstance(found[1], Parsed)
        used = response.usage
        output = (used.output or 0) + (used.thinking or 0)
        tokens = (used.input or 0) + output
        price = call.model.price
        cost = price.of(used) if price else None
        record = self.journal.record(intent, call.key, call.number, response, usable=usable, cost=cost or 0.0)
        kept = await self._journaled(record)
        call.model.throttle.succeeded(slot, tokens or None)
        call.model.breaker.answered(None if isinstance(found[1], Parsed) else found[1], response.reason)
        self.budget.settle(reservation, tokens or reservation.tokens, output, cost or 0.0)
        self.meter.answered(response, cost)
        self.meter.mark("generate")
        return found if kept is response else (kept, read_answer(kept, call.request.schema))

    async def _failed(
        self, error: ProviderError, model: Model, slot: Slot, intent: int, reservation: Reservation
    ) -> None:
        if error.kind == "throttled":
            model.throttle.push_back(slot, error.retry_after)
        if not error.indeterminate:
            self.budget.release(reservation)
            await self._journaled(self.journal.end(intent, "failed"))

    async def _journaled(self, operation: Any) -> Any:
        """No call may start while answers cannot be kept: a journal that fails ends the run."""
        try:
            return await operation
        except JournalError as error:
            self.halt.set(Exit.TRY_AGAIN, str(error))
            raise Stopped(str(error)) from None


async def _finish(recording: asyncio.Future[_Found]) -> _Found:
    """Wait for it even when cancelled meanwhile: an answer that was received is kept."""
    try:
        return await asyncio.shield(recording)
    except asyncio.CancelledError:
        with suppress(Stopped):
            await recording
        raise


def _pause(error: ProviderError, faults: int) -> float:
    """Seconds before the next attempt; after a push-back the shared cool-down does the waiting."""
    if error.kind == "throttled":
        return 0.0
    backoff = random.uniform(0, min(_LONGEST_BACKOFF, 0.5 * 2**faults))
    return max(backoff, error.retry_after or 0.0)
