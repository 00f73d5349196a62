"""The rate of calls under one rate limit, such as that of a provider's project or of a server.

Additive increase, multiplicative decrease over the number of calls in flight; requests and tokens per minute; and one
shared cool-down. A 429 that names a pause stops all callers of the limit for as long; one that names none stops the
request that it hit, and all of them only if no call has succeeded since the 429 before: it may be a stray one.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from querygen_core.contracts.errors import Exit
from querygen_core.engine.shutdown import Shutdown

log = logging.getLogger("querygen.throttle")

_START = 16.0
_DECREASE = 0.7
_WINDOW = 20  # successes per additional call in flight, close to where the last 429 came
_NEAR = 0.9  # of the limit at which the last 429 came: up to there every success adds one call
_COOL_DOWN = 1.0  # seconds, when the provider names none; doubled each time until a call succeeds
LONGEST_UNNAMED = 60.0  # seconds
_LONGEST_COOL_DOWN = 900.0
_BURST = 5.0  # seconds' worth of a rate that may be used at once
SHARE_OF_RATE = 0.95
"""Share of a configured rate that is used, since the provider has a clock of its own."""


class Bucket:
    """A token bucket that may go into debt: a caller takes its amount at once and waits until the debt is paid off.

    So no caller overtakes another, and an amount above the bucket's size still passes.
    """

    def __init__(self, per_minute: float, now: float) -> None:
        self._rate = per_minute * SHARE_OF_RATE / 60
        self._burst = max(self._rate * _BURST, 1.0)
        self._level = self._burst
        self._at = now

    def take(self, amount: float, now: float) -> float:
        """Take `amount` and return the seconds to wait before using it. A negative amount gives it back."""
        self._level = min(self._burst, self._level + (now - self._at) * self._rate)
        self._at = now
        self._level -= amount
        return max(0.0, -self._level / self._rate)


@dataclass(slots=True)
class Slot:
    """Permission for one call."""

    epoch: int
    """Number of reductions before the call: of a burst of 429s only the first reduces the limit."""
    tokens: float
    """Tokens taken from `tpm`."""
    is_unused: bool = False
    """Nothing was sent: what was taken from the rates is for others."""


@dataclass(slots=True)
class Throttle:
    """Limits the calls in flight, and the rates, of all models that share a rate limit.

    The number of calls in flight doubles per round trip at first, drops after a 429, returns quickly to near the value
    at which that came, and grows slowly from there. So a stray 429 costs little, and a real limit is found again.
    """

    shutdown: Shutdown
    """Wakes the waiting callers when the run ends."""
    ceiling: int
    """Calls in flight at most."""
    rpm: Bucket | None = None
    """Requests per minute; None: no limit."""
    tpm: Bucket | None = None
    """Tokens per minute; None: no limit."""
    longest_wait: float = float("inf")
    """Seconds; a longer cool-down ends the run, to be continued later."""
    longest_unnamed: float = LONGEST_UNNAMED
    """Seconds of a cool-down whose length no provider has named."""
    limit: float = 0.0
    """Calls that may be in flight at the moment."""
    in_flight: int = 0
    """Calls in flight."""
    paced: int = 0
    """Calls that wait for the rates of requests and tokens."""
    _epoch: int = 0
    _successes: int = 0
    _in_vain: int = 0  # reductions since the last success
    _too_much: float = float("inf")
    _cool_until: float = 0.0
    _queue: deque[asyncio.Future[None]] = field(default_factory=deque)
    _timer: asyncio.TimerHandle | None = None

    def __post_init__(self) -> None:
        self.limit = min(float(self.ceiling), _START)

    @asynccontextmanager
    async def slot(self, tokens: float) -> AsyncIterator[Slot]:
        """Wait until a call may start. tokens: that it may use.

        Raises:
            Stopped: the run ended first.
        """
        await self._wait_for_rates(tokens)
        await self._enter()
        slot = Slot(self._epoch, tokens)
        try:
            yield slot
        finally:
            if slot.is_unused:
                self._give_back(tokens)
            self.in_flight -= 1
            self._admit()

    def succeeded(self, slot: Slot, tokens: float | None) -> None:
        """Report a call that was answered. tokens: as billed, to correct the amount that was taken; None if unknown."""
        self._successes += 1
        self._in_vain = 0
        near = self._too_much * _NEAR
        if self.limit < near:
            self._raise(min(self.limit + 1, near))
        elif self._successes >= _WINDOW:
            self._raise(self.limit + 1)
        if self.tpm is not None and tokens is not None:
            self.tpm.take(tokens - slot.tokens, _now())

    def _raise(self, limit: float) -> None:
        self._successes = 0
        before, self.limit = int(self.limit), min(float(self.ceiling), limit)
        if int(self.limit) > before:
            log.debug("%d calls in flight at most, %d before", int(self.limit), before)

    def push_back(self, slot: Slot, retry_after: float | None) -> None:
        """Report a call that was answered with 429. retry_after: seconds that the provider named, or None."""
        self._successes = 0
        # Calls that started before the last reduction say nothing about the reduced limit.
        if slot.epoch == self._epoch:
            self._epoch += 1
            self._in_vain += 1
            self._too_much = self.limit
            self.limit = max(1.0, self.limit * _DECREASE)
            log.debug("throttled: %d calls in flight at most, %d before", int(self.limit), int(self._too_much))
        if retry_after is not None and retry_after > 0:
            self._cool(min(retry_after, _LONGEST_COOL_DOWN))
        elif self._in_vain > 1:
            self._cool(min(unnamed_pause(self._in_vain - 1), self.longest_unnamed))

    def _cool(self, seconds: float) -> None:
        """Start no call for so long."""
        self._cool_until = max(self._cool_until, _now() + seconds)
        log.debug("throttled: no call starts for %.1f s", self.cooling())
        if (pause := self.cooling()) > self.longest_wait:
            message = f"the provider asks for a pause of {pause:.0f} s, and --no-wait was given"
            self.shutdown.set(Exit.TRY_AGAIN, message, "provider_wait", retry_after=round(pause, 1))

    def cooling(self) -> float:
        """Seconds until the cool-down ends."""
        return max(0.0, self._cool_until - _now())

    async def _wait_for_rates(self, tokens: float) -> None:
        now = _now()
        delay = max((bucket.take(amount, now) for bucket, amount in self._amounts(tokens)), default=0.0)
        if delay > 0:
            self.paced += 1
            try:
                await self.shutdown.sleep(delay)
            except BaseException:
                self._give_back(tokens)
                raise
            finally:
                self.paced -= 1

    def _amounts(self, tokens: float) -> list[tuple[Bucket, float]]:
        return [(bucket, amount) for bucket, amount in ((self.rpm, 1.0), (self.tpm, tokens)) if bucket]

    def _give_back(self, tokens: float) -> None:
        """Nothing was sent: the amounts are for others."""
        for bucket, amount in self._amounts(tokens):
            bucket.take(-amount, _now())

    async def _enter(self) -> None:
        self.shutdown.check()
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append(turn)
        self._admit()
        try:
            await self.shutdown.wait(turn)
        except BaseException:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self.in_flight -= 1  # it was admitted just before it was cancelled
            else:
                turn.cancel()
            self._admit()
            raise

    def _admit(self) -> None:
        """Admit the callers that may start now; during a cool-down, do so when it ends."""
        while self._queue and self.in_flight < int(self.limit):
            if (pause := self.cooling()) > 0:
                self._admit_after(pause)
                return
            turn = self._queue.popleft()
            # A caller that was cancelled while it waited is skipped.
            if not turn.done():
                self.in_flight += 1
                turn.set_result(None)

    def _admit_after(self, seconds: float) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(seconds, self._cooled)

    def _cooled(self) -> None:
        self._timer = None
        self._admit()


def unnamed_pause(times: int) -> float:
    """Seconds to wait after a push-back that names none (or none above 0). times: with this one, without a success."""
    return float(min(_COOL_DOWN * 2 ** min(times - 1, 10), LONGEST_UNNAMED) * random.uniform(0.8, 1.2))


def _now() -> float:
    return asyncio.get_running_loop().time()
