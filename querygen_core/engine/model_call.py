"""One call after the other until a model answers: throttle, budget, intent, call, and the answer durable before anybody
sees it.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import NoReturn, TypeVar

from querygen_core.answers import Parsed, read_answer
from querygen_core.contracts.errors import AnswerError, AnswerFailure, JournalError, PluginError, ProviderError, Stopped
from querygen_core.contracts.journal import Journal
from querygen_core.contracts.records import Answer, Event, Request, Response, Usage
from querygen_core.engine.breaker import Breaker, Failure
from querygen_core.engine.budget import Budget, Reservation
from querygen_core.engine.call_size import usage_of, with_usage
from querygen_core.engine.first_call import FirstCall
from querygen_core.engine.model import Model
from querygen_core.engine.provider_call import send
from querygen_core.engine.run_stats import RunStats
from querygen_core.engine.shutdown import Shutdown, cause_of
from querygen_core.engine.throttle import Slot, unnamed_pause
from querygen_core.secrets.masking import mask

T = TypeVar("T")
log = logging.getLogger("querygen.ask")

_SLACK = 30.0  # seconds that a call may take beyond its timeout until its answer is stored
_FAULTS = 6  # failed calls of one request, those that were throttled not counted
_PERHAPS_PAID = 3  # of them those that were sent without an answer: each may have been paid for
_LONGEST_BACKOFF = 30.0  # seconds
_TRANSIENT = ("retry", "throttled", "bad_answer")


@dataclass(frozen=True, slots=True)
class Call:
    """One request on its way to a model."""

    model: Model
    request: Request
    key: str
    """The request's key."""
    number: int
    """The try, from 0: unusable answers to the same request are kept under earlier numbers."""
    product_key: str
    """The product that is asked for; "" for a probe."""
    breaker: Breaker
    """Counts how the model does with the requests of this asker."""
    is_probe: bool = False
    """Sent whatever the breaker holds back, and told by itself what its result means."""
    is_refill: bool = False
    """An empty answer then means that the model knows no more."""


@dataclass(frozen=True, slots=True)
class ParsedResponse:
    """A response, and the value that could be read from it or why there is none."""

    response: Response
    value: Parsed | AnswerFailure
    moment: int = 0
    """When its call was sent, if it is usable; else when it failed."""

    @property
    def failure(self) -> AnswerFailure | None:
        return None if isinstance(self.value, Parsed) else self.value


@dataclass(frozen=True, slots=True)
class _Started:
    """A call that may be sent now."""

    sent: int
    """The moment, as breakers count it."""
    slot: Slot
    reservation: Reservation
    intent: int
    """The id under which the journal keeps it."""
    at: float = field(default_factory=time.monotonic)
    """When, in seconds of the monotonic clock."""


class CallFailedError(Exception):
    """No call of a request was answered, and none will be made for now."""

    def __init__(self, error: ProviderError | PluginError, moment: int) -> None:
        super().__init__(str(error))
        self.error = error
        self.moment = moment  # of the first call that failed
        self.failure = failure_of(error)


def failure_of(error: ProviderError | PluginError) -> Failure:
    """What the failure of one call tells of the model."""
    if isinstance(error, PluginError) or error.indeterminate or error.kind == "bad_answer":
        return "silent"
    return "refused" if error.kind == "bad_request" else "outage"


class NotYetError(Exception):
    """The call must not be made now: another process asks the same, or calls under way may use up the day's budget."""


@dataclass(slots=True)
class ModelCaller:
    """Makes the calls of a whole run."""

    journal: Journal
    """Keeps intents and answers."""
    slots: asyncio.Semaphore
    """Calls that may be under way at once. One is held until the answer is durable, so after a kill at most so many
    calls were paid for without a stored answer.
    """
    budget: Budget
    """Stops the run before a limit of calls, tokens or money is passed."""
    shutdown: Shutdown
    """Keeps further calls from starting when the run ends early."""
    stats: RunStats
    """Counts calls, tokens and money."""
    call_timeout: float
    """Seconds that one call may take."""
    retry_for: float
    """Seconds during which a request that fails is tried again."""
    first_call: FirstCall
    """Says when calls may be made at all."""
    day_budget: float | None = None
    """USD that all jobs of the store may spend in a day; None: no limit."""

    async def call(self, call: Call) -> ParsedResponse:
        """One answer, usable or not. A call that fails is repeated while that may help.

        Raises:
            CallFailedError: none came. NotYetError: the call must not be made now. Stopped: the run ends.
        """
        await self.first_call.allowed()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.retry_for
        failed: list[_Failed] = []
        while True:
            try:
                return await self._attempt(call)
            except _Failed as exc:
                failed.append(exc)
                error = exc.error
            self.stats.errors[error.kind if isinstance(error, ProviderError) else "plugin"] += 1
            pause = _pause(error, failed)
            is_late = loop.time() + max(pause, call.model.throttle.cooling()) > deadline
            if is_late or not self._may_repeat(call, failed):
                await self._give_up(call, error, failed[0].moment)
            await self.shutdown.sleep(pause)

    def _may_repeat(self, call: Call, failed: Sequence[_Failed]) -> bool:
        error = failed[-1].error
        if isinstance(error, PluginError) or error.kind not in _TRANSIENT:
            return False
        if call.is_probe and failure_of(error) == "silent":
            return False
        # Being throttled is no fault: it says that the limit is reached, not that the call cannot work.
        faults = [one.error for one in failed if one.error.kind != "throttled"]
        return len(faults) < _FAULTS and sum(failure_of(one) == "silent" for one in faults) < _PERHAPS_PAID

    async def _give_up(self, call: Call, error: ProviderError | PluginError, moment: int) -> NoReturn:
        """Report a request that failed permanently."""
        data = {"model": call.model.name, "kind": error.kind, "message": mask(str(error))}
        await self.journaled(self.journal.append_events([Event(kind="call_failed", data=data)]))
        if isinstance(error, ProviderError) and error.kind in ("auth", "quota"):
            message = f"model {call.model.name!r} fails ({error.kind}): {error}"
            self.shutdown.set(error.exit_code, message, cause_of(error), retry_after=error.retry_after)
        # If this failure ends the run, the caller gets Stopped: its product is then pending instead of failed.
        self.shutdown.check()
        if failure_of(error) == "outage" and not call.is_probe:
            call.breaker.gave_up(error)
        raise CallFailedError(error, moment)

    async def _attempt(self, call: Call) -> ParsedResponse:
        """One call, as soon as its breaker, its model's throttle and the run's own limits let it start."""
        usual, largest = call.model.usual.expect(call.request), call.model.largest(call.request)
        while True:
            if not call.is_probe:
                await call.breaker.admit(self.shutdown)
            try:
                # The model's own limit first: a call that waits for a throttled model must not occupy a slot of others.
                # The budget last, so that only calls under way have a share of it.
                async with (
                    call.model.throttle.slot(usual) as slot,
                    self.slots,
                    self.budget.reserved(largest.tokens, call.model.cost(largest)) as reservation,
                ):
                    # Waiting for all that may have taken minutes.
                    if call.is_probe or call.breaker.may_send():
                        return await self._make(call, slot, reservation)
                    slot.is_unused = True
                    self.budget.release(reservation)
            finally:
                if not call.is_probe:
                    call.breaker.leave()

    async def _make(self, call: Call, slot: Slot, reservation: Reservation) -> ParsedResponse:
        """One call. The order is what makes answers durable: intent, call, answer in the journal."""
        sent = call.breaker.send()
        self.stats.under_way += 1
        try:
            started = _Started(sent, slot, reservation, await self._begin(call, reservation))
            self.stats.mark("generate")
            self.stats.probes += call.is_probe
            try:
                response = await send(call.model.provider, call.request, self.call_timeout)
            except (ProviderError, PluginError) as error:
                raise await self._failed(call, error, started) from None
            except asyncio.CancelledError:
                self.stats.abandoned += 1
                _tell(call, started, "abandoned")
                await self.journaled(self.journal.end_call(started.intent, "abandoned"))
                raise
            return await _finish(asyncio.ensure_future(self._record(call, response, started)))
        finally:
            self.stats.under_way -= 1
            call.breaker.returned()

    async def _begin(self, call: Call, reservation: Reservation) -> int:
        """The id under which the journal keeps the call.

        Raises:
            NotYetError: the call must not be made now. Stopped: it could exceed the day's budget.
        """
        begun = await self.journaled(
            self.journal.begin_call(
                call.key,
                call.number,
                cost=reservation.cost,
                tokens=reservation.tokens,
                seconds=self.call_timeout + _SLACK,
                day_budget=self.day_budget,
            )
        )
        if isinstance(begun, int):
            return begun
        self.budget.release(reservation)
        if begun == "budget":
            self.budget.refuse_day(self.day_budget or 0.0, reservation.cost)
        raise NotYetError

    async def _record(self, call: Call, response: Response, started: _Started) -> ParsedResponse:
        """Account for the call; return the answer that the journal stored, possibly another process's."""
        usage, price = usage_of(call.request, response), call.model.price
        response = with_usage(response, usage)
        received = ParsedResponse(response, read_answer(response, call.request.schema))
        cost = price.of(usage.whole) if price else 0.0
        usable = received.failure is None
        stored = await self.journaled(
            self.journal.record(
                started.intent,
                call.key,
                call.number,
                response,
                usable=usable,
                cost=cost,
                product_key=call.product_key,
            )
        )
        self.stats.duplicate += stored.duplicate
        call.model.throttle.succeeded(started.slot, usage.tokens)
        call.model.usual.learn(usage.whole)
        moment = self._judge(call, received, started.sent)
        self.budget.settle(started.reservation, usage.tokens, cost)
        self.stats.answered(usage.whole, cost if price else None, price.of(usage.estimated) if price else 0.0)
        self.stats.paid_for.add(call.product_key)
        self.stats.mark("generate")
        outcome = received.failure or ("usable, but another process was faster" if stored.duplicate else "usable")
        _tell(call, started, outcome, usage.whole)
        if not stored.duplicate or call.is_probe:
            return replace(received, moment=moment)
        return ParsedResponse(stored.response, read_answer(stored.response, call.request.schema), moment)

    def _judge(self, call: Call, received: ParsedResponse, sent: int) -> int:
        """Tell the breaker what an answer shows of the model; the moment at which the call was sent or failed."""
        breaker, failure = call.breaker, received.failure
        if call.is_probe:
            return sent
        if failure is None:
            breaker.answered_usefully(sent)
        elif failure == "blocked":
            breaker.answered_blocked(sent)
        elif failure != "empty" or not call.is_refill:
            return breaker.failed("useless", unusable(call, received), sent)
        return sent

    async def _failed(self, call: Call, error: ProviderError | PluginError, started: _Started) -> _Failed:
        """Account for a call without an answer; what to raise."""
        if error.kind == "throttled":
            call.model.throttle.push_back(started.slot, error.retry_after if isinstance(error, ProviderError) else None)
        failure = failure_of(error)
        _tell(call, started, f"no answer ({error.kind})")
        self.stats.refused += failure == "refused"
        # A call without a known outcome may have been paid: what it reserved counts as spent.
        if failure != "silent":
            self.budget.release(started.reservation)
        await self.journaled(self.journal.end_call(started.intent, "lost" if failure == "silent" else "failed"))
        return _Failed(error, 0 if call.is_probe else call.breaker.failed(failure, error, started.sent))

    async def journaled(self, operation: Awaitable[T]) -> T:
        """The operation's result. A journal that fails ends the run: no call may start that cannot be kept."""
        try:
            return await operation
        except JournalError as error:
            self.shutdown.set_by(error)
            raise Stopped(str(error)) from None


def _tell(call: Call, started: _Started, outcome: str, usage: Usage | None = None) -> None:
    """Tell of a call at DEBUG, without what was asked or answered."""
    if not log.isEnabledFor(logging.DEBUG):
        return
    milliseconds = (time.monotonic() - started.at) * 1000
    tokens = f", {usage.input} tokens in, {usage.output} out, {usage.thinking or 0} thinking" if usage else ""
    kind = "probe" if call.is_probe else "request"
    what = (kind, call.key, call.model.name, call.number, outcome, milliseconds, tokens)
    log.debug("%s %.16s to model %s, try %d: %s after %.0f ms%s", *what)


async def _finish(recording: asyncio.Future[ParsedResponse]) -> ParsedResponse:
    """Wait for it even if cancelled meanwhile, because an answer that was received is paid for and must be kept."""
    try:
        return await asyncio.shield(recording)
    except asyncio.CancelledError:
        with suppress(Stopped):
            await recording
        raise


class _Failed(Exception):
    """One call was not answered."""

    def __init__(self, error: ProviderError | PluginError, moment: int) -> None:
        super().__init__(str(error))
        self.error = error
        self.moment = moment


def as_answer(parsed: Parsed, response: Response, model: Model, key: str, *, from_journal: bool = False) -> Answer:
    """A usable answer, as a generator gets it."""
    return Answer(
        value=parsed.value,
        rung=parsed.rung,
        whole=parsed.whole,
        response=response,
        request_key=key,
        provider=model.provider.use,
        model=model.model,
        from_journal=from_journal,
    )


def unusable(call: Call, received: ParsedResponse) -> AnswerError:
    """The error for an answer that cannot be used."""
    value, response, name = received.value, received.response, call.model.name
    kind: AnswerFailure = "broken" if isinstance(value, Parsed) else value
    if response.finish in ("refused", "failed"):
        does = "refuses" if response.finish == "refused" else "has failed in two runs for"
        return AnswerError("refused", f"model {name!r} {does} the request: {response.reason}")
    reason = f" ({response.reason})" if response.reason else ""
    return AnswerError(kind, f"{kind} answer from model {name!r}{reason}", raw=response.text)


def _pause(error: ProviderError | PluginError, failed: Sequence[_Failed]) -> float:
    """Seconds before the next attempt; after a push-back that names a pause the shared cool-down does the waiting."""
    if isinstance(error, PluginError):
        return 0.0
    push_backs = sum(one.error.kind == "throttled" for one in failed)
    if error.kind == "throttled":
        return 0.0 if (error.retry_after or 0.0) > 0 else unnamed_pause(push_backs)
    faults = len(failed) - push_backs
    # Drawn from the whole range, so that calls that failed together are not all repeated at the same moment.
    backoff = random.uniform(0, min(_LONGEST_BACKOFF, 0.5 * 2**faults))
    return max(backoff, error.retry_after or 0.0)
