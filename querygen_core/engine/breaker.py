"""Keeps a dead model from being paid: counts failures in a row, and holds back further calls while there are any.

A *useful* answer is a usable one from the model itself; one from the journal says nothing about the model.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal

from querygen_core.api import Ask
from querygen_core.contracts.errors import QuerygenError
from querygen_core.engine.shutdown import Shutdown

Failure = Literal["refused", "useless", "silent", "outage"]
"""What one call tells of a model: it refuses the request (400, 404) · it answers, but nothing usable · the call was
sent and nothing readable came back (a time-out, an error that the provider's code did not foresee) · it cannot be
reached or is overloaded, which is waited out and never counts here.
"""

FIRST_CALLS = 4
"""Calls of a generator under way at most, until its first useful answer of the run, be it to a probe."""
LIMIT = 3
"""Failures in a row after which a probe decides."""
LIMIT_AFTER_PROBE = 8
"""The same after a probe was answered usefully, until a product's request is."""


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks: a generator or a postprocessor."""

    name: str
    """Its name, as messages give it."""
    prompt: str = ""
    """Its prompt's file; "" if it has none, or none that is known."""
    probe: Callable[[Ask], Awaitable[object]] | None = None
    """Makes it send its request for the probe's product. None: it cannot, since its requests depend on answers."""


@dataclass(slots=True)
class Row:
    """Failures in a row, in the order in which the calls were sent, and the calls under way that may add to them.

    The order of sending, because with many calls in flight answers to those that were sent before a model died still
    come in when others have failed: they say nothing for it.
    """

    limit: int = LIMIT
    """Failures at which a probe is due."""
    admitted: int = 0
    """Calls that may be sent as soon as the throttle lets them, and those that were sent."""
    sent: int = 0
    """Calls that were sent and have not returned."""
    _failed: list[int] = field(default_factory=list)
    _alive: int = 0

    @property
    def failures(self) -> int:
        """Failed calls that were sent later than any that was answered."""
        return len(self._failed)

    @property
    def is_due(self) -> bool:
        return self.failures >= self.limit

    def allows(self, calls: int) -> bool:
        """Whether one more may join `calls`: a model that has died costs what was in flight, not more."""
        return not self.failures or calls + self.failures < self.limit

    def fail(self, sent: int) -> None:
        """Count the failure of a call that was sent at that moment."""
        if sent > self._alive:
            self._failed.append(sent)

    def answer(self, sent: int) -> None:
        """The model was alive for a call that was sent at that moment."""
        self._alive = max(self._alive, sent)
        self._failed = [one for one in self._failed if one > self._alive]


@dataclass(slots=True)
class ModelState:
    """What the breakers of one model share."""

    row: Row = field(default_factory=Row)
    """Failures in a row of all its askers."""
    breakers: list[Breaker] = field(default_factory=list)
    """One per asker."""
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held by the one that probes."""
    _clock: int = 0
    _waiting: list[asyncio.Future[None]] = field(default_factory=list)

    def tick(self) -> int:
        """The next moment. Moments order what was sent and what failed."""
        self._clock += 1
        return self._clock

    async def change(self, shutdown: Shutdown) -> None:
        """Wait until a call may have become possible.

        Raises:
            Stopped: the run ended first.
        """
        changed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(changed)
        await shutdown.wait(changed)

    def notify(self) -> None:
        waiting, self._waiting = self._waiting, []
        for changed in waiting:
            if not changed.done():
                changed.set_result(None)


@dataclass(slots=True)
class _Undecided:
    """A failed request that waits for the verdict."""

    moment: int
    """When it failed. Only what was sent later shows that the model was alive then."""
    by_dead_model: bool
    """A model that has just died fails in the same way."""
    verdict: asyncio.Future[None]


@dataclass(slots=True)
class Breaker:
    """One asker's calls of one model. Counts the failures; whether a probe is made is for `Verdicts` to decide."""

    asker: Asker
    """The generator or postprocessor."""
    model: str
    """The model's name under `models:`."""
    state: ModelState
    """Shared by all askers of the model."""
    look: Callable[[Breaker], None]
    """Called when a probe may be due."""
    row: Row = field(default_factory=Row)
    """Its failures in a row."""
    outages: int = 0
    """Requests in a row that were given up because the model could not be reached."""
    useful: bool = False
    """Whether it had a useful answer in this run, be it to a probe."""
    probing: bool = False
    """While it is, none of its calls starts."""
    last: tuple[Failure, QuerygenError] | None = None
    """Its last failure."""
    _shown: int = 0
    """The last moment at which the model is known to have been alive: a call sent then was answered usefully."""
    _undecided: list[_Undecided] = field(default_factory=list)

    @property
    def is_due(self) -> bool:
        return self.row.is_due or self.state.row.is_due or self.outages >= LIMIT

    @property
    def has_undecided(self) -> bool:
        return bool(self._undecided)

    @property
    def is_alive(self) -> bool:
        """Whether what is undecided may be taken for the products' fault without a probe."""
        return self.useful and not any(one.by_dead_model for one in self._undecided)

    async def admit(self, shutdown: Shutdown) -> None:
        """Wait until a further call may be prepared; `leave` must follow."""
        while not self._allows(self.row.admitted, self.state.row.admitted) or (
            not self.useful and self.row.admitted >= FIRST_CALLS
        ):
            await self.state.change(shutdown)
        self.row.admitted += 1
        self.state.row.admitted += 1

    def may_send(self) -> bool:
        """Asked for an admitted call just before it is sent: the model may have failed meanwhile."""
        return self._allows(self.row.sent, self.state.row.sent)

    def _allows(self, own: int, all_askers: int) -> bool:
        # The probe of another asker speaks for this one too, as long as the model has answered nobody since.
        held = self.probing or (self.state.row.failures > 0 and any(one.probing for one in self.state.breakers))
        return not held and self.row.allows(own) and self.state.row.allows(all_askers)

    def leave(self) -> None:
        self.row.admitted -= 1
        self.state.row.admitted -= 1
        self.state.notify()
        self.look(self)

    def send(self) -> int:
        """Note that a call is sent; the moment."""
        self.row.sent += 1
        self.state.row.sent += 1
        return self.state.tick()

    def returned(self) -> None:
        self.row.sent -= 1
        self.state.row.sent -= 1

    def answered_usefully(self, sent: int) -> None:
        """Count a usable answer to the call that was sent at that moment."""
        self._answered(sent, LIMIT)
        self._decide(sent)

    def answered_blocked(self, sent: int) -> None:
        """Content was refused, by a model that works."""
        self.row.answer(sent)
        self.state.row.answer(sent)

    def probed(self, sent: int) -> None:
        """Count a useful answer to the probe that was sent at that moment."""
        self._answered(sent, LIMIT_AFTER_PROBE)
        self._decide(sent)

    def _answered(self, sent: int, limit: int) -> None:
        self.useful = True
        self.outages = 0
        for row in (self.row, self.state.row):
            row.answer(sent)
            row.limit = limit

    def failed(self, failure: Failure, error: QuerygenError, sent: int) -> int:
        """Count the failure of the call that was sent at that moment; the present moment."""
        if failure != "outage":
            self.last = (failure, error)
            self.row.fail(sent)
            self.state.row.fail(sent)
            self.look(self)
        return self.state.tick()

    def gave_up(self, error: QuerygenError) -> None:
        """Count a request that was given up because the model could not be reached, however often it was tried."""
        self.last = ("outage", error)
        self.outages += 1
        self.look(self)

    async def verdict(self, moment: int, shutdown: Shutdown, *, by_dead_model: bool) -> None:
        """Wait until it is clear that a request that failed at that moment failed for its product's sake.

        by_dead_model: a model that has just died fails in the same way.

        Raises:
            Stopped: the run ended first, perhaps because the model or the prompt is to blame.
        """
        if self._shown > moment:
            return
        undecided = _Undecided(moment, by_dead_model, asyncio.get_running_loop().create_future())
        self._undecided.append(undecided)
        try:
            self.look(self)
            await shutdown.wait(undecided.verdict)
        finally:
            if undecided in self._undecided:
                self._undecided.remove(undecided)

    def acquit(self) -> None:
        """Decide that all undecided requests failed for their products' sake."""
        self._decide(self.state.tick())

    def _decide(self, shown: int) -> None:
        """The model was alive at the moment `shown`: what failed earlier failed for its product's sake."""
        self._shown = max(self._shown, shown)
        for one in self._undecided:
            if one.moment < self._shown and not one.verdict.done():
                one.verdict.set_result(None)
        self._undecided = [one for one in self._undecided if not one.verdict.done()]
        self.state.notify()
