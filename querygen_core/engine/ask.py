"""The only way to a model. An answer that is in the journal is used; else the model is called until one is usable."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from querygen_core.answers import Parsed, read_answer
from querygen_core.contracts.errors import PluginError, QuerygenError, Stopped
from querygen_core.contracts.journal import NO_CALL, Journal, StoredAnswer
from querygen_core.contracts.records import Answer, Request, Response
from querygen_core.engine.bound_ask import BoundAsk
from querygen_core.engine.breaker import Breaker
from querygen_core.engine.model import RequestKeys
from querygen_core.engine.model_call import (
    Call,
    CallFailedError,
    ModelCaller,
    NotYetError,
    ParsedResponse,
    as_answer,
    unusable,
)
from querygen_core.engine.run_stats import RunStats
from querygen_core.engine.shutdown import Shutdown
from querygen_core.engine.verdicts import Verdicts
from querygen_core.secrets.masking import mask

_TRIES = 2  # an unusable answer is asked for once more, then only by `querygen retry`
_SHORTEST_LOOK, _LONGEST_LOOK = 0.02, 0.5  # seconds between looks at whether a call may be made
_FINAL = ("blocked", "cut", "refused")  # unusable in a way that the same request would be again


@dataclass(slots=True)
class ModelClient:
    """Answers the requests of a whole run."""

    journal: Journal
    """Keeps the answers."""
    keys: RequestKeys
    """Knows the models."""
    caller: ModelCaller
    """Makes the calls."""
    shutdown: Shutdown
    """Keeps further calls from starting when the run ends early."""
    stats: RunStats
    """Counts what comes from the journal."""
    verdicts: Verdicts
    """Decides whether a failure is the product's, the model's or the prompt's."""
    postponed: dict[str, str] = field(default_factory=dict)
    """Why products are left to the next run, by their keys: the model could not be reached for their sake."""
    _in_flight: dict[str, _Asked] = field(default_factory=dict)
    """Requests under way, by key."""

    def key(self, request: Request, edition: str | None = None) -> str:
        """See `request_key`."""
        return self.keys.key(request, edition)

    async def ask(self, request: Request, key: str, origin: BoundAsk) -> Answer:
        """The answer to `request`, as `api.Ask`. If the same request is under way already, its answer is awaited."""
        asked = self._in_flight.get(key)
        if asked is None:
            asked = self._in_flight[key] = _Asked(origin)
            # A task of its own, shielded: a caller that is cancelled must not take another one's paid call with it.
            task = asked.task = asyncio.create_task(self._answer(request, key, asked))
            task.add_done_callback(lambda done: self._forget(key, done))
        else:
            task = asked.join(origin)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled():  # `abandon` has cancelled the call; nobody has cancelled the caller
                raise Stopped("the call was abandoned") from None
            raise

    def abandon(self) -> None:
        """Cancel the calls that are still under way. They are counted as abandoned, since they may have been paid."""
        for asked in self._in_flight.values():
            asked.task.cancel()
        self.verdicts.abandon()

    async def completed(self) -> None:
        """Wait until no call is under way and every answer that was received is durable."""
        while self._in_flight:
            await asyncio.wait([asked.task for asked in self._in_flight.values()])
        await self.verdicts.completed()
        await self.caller.first_call.close()

    def _forget(self, key: str, task: asyncio.Task[Answer]) -> None:
        del self._in_flight[key]
        if not task.cancelled():
            task.exception()  # its callers may be gone; asyncio logs exceptions that nobody has retrieved

    async def _answer(self, request: Request, key: str, asked: _Asked) -> Answer:
        pause = _SHORTEST_LOOK
        product_key = asked.origin.product_key
        model = self.keys.model(request)
        while True:
            stored = await self.caller.journaled(self.journal.answers(key, product_key))
            # The lowest usable try counts, so that a later, better one never changes an outcome that exists.
            for answer in stored:
                if isinstance(parsed := read_answer(answer.response, request.schema), Parsed):
                    self.stats.from_journal += 1
                    return as_answer(parsed, answer.response, model, key, from_journal=True)
            number = stored[-1].number + 1 if stored else 0
            breaker = self.verdicts.breaker(asked.origin.asker, model)
            call = Call(model, request, key, number, product_key, breaker, is_refill=asked.origin.round > 0)
            try:
                return await self._ask_model(call, [answer for answer in stored if answer.ours], asked)
            except NotYetError:
                await self.shutdown.sleep(pause)
                pause = min(2 * pause, _LONGEST_LOOK)
            except QuerygenError as error:
                error.model, error.request_key = model.name, key
                raise

    async def _ask_model(self, call: Call, tries: Sequence[StoredAnswer], asked: _Asked) -> Answer:
        """Call the model until an answer is usable or the tries are used up. tries: earlier answers, all unusable."""
        # An unusable answer is a try of the job that paid for it, in whatever run: a request that keeps failing is not
        # paid for again in every run, and another job is not told that it has asked when it has not.
        granted = await self.caller.journaled(self.journal.tries(call.key)) if tries else 0
        made = len(tries)
        received: ParsedResponse | None = None
        if tries:
            last = tries[-1].response
            received = ParsedResponse(last, read_answer(last, call.request.schema))
        asked_now = False
        while received is None or made < granted + tries_of(received):
            try:
                received = await self.caller.call(call)
            except CallFailedError as failed:
                raise await self._given_up(call, failed, tries, asked) from None
            if isinstance(received.value, Parsed):
                return self._accept(received.value, received.response, call)
            asked_now = True
            made += 1
            call = replace(call, number=call.number + 1)
        if asked_now and received.value != "blocked":
            await self._await_verdict_on_answers(call, received, made, asked)
        raise unusable(call, received)

    async def _await_verdict_on_answers(self, call: Call, received: ParsedResponse, made: int, asked: _Asked) -> None:
        """made: tries, all of them useless."""
        try:
            await asked.verdict(call.breaker, received.moment, self.shutdown, by_dead_model=False)
        except Stopped:
            # Perhaps the model or the prompt was to blame, so the next run may try once more.
            await self.caller.journaled(self.journal.grant({call.key: made - tries_of(received) + 1}))
            raise

    async def _given_up(
        self, call: Call, failed: CallFailedError, tries: Sequence[StoredAnswer], asked: _Asked
    ) -> QuerygenError:
        """Keep a request that failed for its product's sake from being sent in every run; what to raise for it.

        That is Stopped in the first run in which the model could not be reached: the product stays pending.

        Raises:
            Stopped: the run ends, perhaps because the model is to blame.
        """
        dies_so = failed.failure in ("refused", "outage")
        await asked.verdict(call.breaker, failed.moment, self.shutdown, by_dead_model=dies_so)
        error, is_outage = failed.error, failed.failure == "outage" or failed.error.kind == "retry"
        response = Response(text="", finish="failed" if is_outage else "refused", reason=mask(str(error)))
        recording = self.journal.record(
            NO_CALL, call.key, call.number, response, usable=False, product_key=call.product_key
        )
        if (await self.caller.journaled(recording)).duplicate:
            raise NotYetError  # another process has an answer by now, perhaps a usable one
        earlier = sum(answer.response.finish == "failed" for answer in tries)
        if is_outage and not earlier:
            self.postponed[call.product_key] = str(error)
            return Stopped(f"left to the next run: {error}")
        if isinstance(error, PluginError):
            return error
        return unusable(call, ParsedResponse(response, "refused"))

    def _accept(self, parsed: Parsed, response: Response, call: Call) -> Answer:
        self.stats.rungs[parsed.rung] += 1
        return as_answer(parsed, response, call.model, call.key)


def tries_of(received: ParsedResponse) -> int:
    """How often a request is sent whose last answer was this one."""
    return 1 if received.value in _FINAL else _TRIES


@dataclass(slots=True)
class _Asked:
    """A request under way, and who waits for its answer."""

    origin: BoundAsk
    """Who asked first."""
    task: asyncio.Task[Answer] = field(init=False)
    """Gets the answer."""
    _waiting: list[BoundAsk] = field(default_factory=list)
    _is_undecided: bool = False

    def join(self, origin: BoundAsk) -> asyncio.Task[Answer]:
        """Wait for the same answer."""
        self._waiting.append(origin)
        if self._is_undecided:
            origin.park()
        return self.task

    async def verdict(self, breaker: Breaker, moment: int, shutdown: Shutdown, *, by_dead_model: bool) -> None:
        """See `Breaker.verdict`. Meanwhile none of the products that wait for this request keeps others from being
        made, since their answers may decide.
        """
        self._is_undecided = True
        for origin in (self.origin, *self._waiting):
            origin.park()
        await breaker.verdict(moment, shutdown, by_dead_model=by_dead_model)
        self._is_undecided = False
