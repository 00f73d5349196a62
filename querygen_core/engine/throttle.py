"""How fast one limit (a provider's project, a server) may be called.

Additive increase, multiplicative decrease over the number of calls in flight; requests and tokens per minute; and one
shared cool-down. A 429 is feedback to all callers of the limit, not only a reason for one of them to come back later.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from querygen_core.engine.halt import Halt
from querygen_core.errors import Exit

_START = 16.0
_DECREASE = 0.7
_WINDOW = 20  # successes per additional call in flight, close to where the last push-back came
_NEAR = 0.9  # of the last limit that was pushed back: up to there every success adds one
_COOL_DOWN = 2.0  # seconds, when the provider names none
_LONGEST_COOL_DOWN = 900.0
_BURST = 5.0  # seconds' worth of a rate that may be used at once
_SHARE = 0.95  # of a configured rate: the provider's clock is not ours


class Bucket:
    """A rate per minute. Callers take at once and wait off their debt, so nobody overtakes and large takes pass."""

    def __init__(self, per_minute: float, now: float) -> None:
        self._rate = per_minute * _SHARE / 60
        self._burst = max(self._rate * _BURST, 1.0)
        self._level = self._burst
        self._at = now

    def take(self, amount: float, now: float) -> float:
        """Seconds to wait before using `amount`. A negative amount gives back."""
        self._level = min(self._burst, self._level + (now - self._at) * self._rate)
        self._at = now
        self._level -= amount
        return max(0.0, -self._level / self._rate)


@dataclass(slots=True)
class Slot:
    """Permission for one call. epoch: of the limit when it was given, so that one burst of 429s shrinks it once."""

    epoch: int
    tokens: float


@dataclass(slots=True)
class Throttle:
    """One limit. ceiling: calls in flight at most. rpm, tpm: requests and tokens per minute, or None.

    The limit doubles per round trip at first, drops when pushed back, comes back quickly to near where that was, and
    probes slowly from there: a stray push-back costs little, a real limit is found again.
    longest_wait: a cool-down beyond so many seconds ends the run instead, to be continued later.
    """

    halt: Halt
    ceiling: int
    rpm: Bucket | None = None
    tpm: Bucket | None = None
    longest_wait: float = float("inf")
    limit: float = 0.0
    in_flight: int = 0
    pushed_back: int = 0
    _epoch: int = 0
    _successes: int = 0
    _too_much: float = float("inf")
    _cool_until: float = 0.0
    _queue: deque[asyncio.Future[None]] = field(default_factory=deque)
    _timer: asyncio.TimerHandle | None = None

    def __post_init__(self) -> None:
        self.limit = min(float(self.ceiling), _START)

    @asynccontextmanager
    async def slot(self, tokens: float) -> AsyncIterator[Slot]:
        """Wait for the cool-down, the rates and a place in flight. Raises Stopped if the run ends first."""
        await self._wait_for_rates(tokens)
        await self._enter()
        try:
            yield Slot(self._epoch, tokens)
        finally:
            self.in_flight -= 1
            self._admit()

    def succeeded(self, slot: Slot, tokens: float | None) -> None:
        """Feedback of a call that was answered; `tokens` as billed, to correct what was taken."""
        self._successes += 1
        near = self._too_much * _NEAR
        if self.limit < near:
            self._successes = 0
            self.limit = min(float(self.ceiling), self.limit + 1, near)
        elif self._successes >= _WINDOW:
            self._successes = 0
            self.limit = min(float(self.ceiling), self.limit + 1)
        if self.tpm is not None and tokens is not None:
            self.tpm.take(tokens - slot.tokens, _now())

    def push_back(self, slot: Slot, retry_after: float | None) -> None:
        """Feedback of a call that was told to slow down."""
        self.pushed_back += 1
        pause = _COOL_DOWN * random.uniform(0.8, 1.2) if retry_after is None else retry_after
        self._cool_until = max(self._cool_until, _now() + min(pause, _LONGEST_COOL_DOWN))
        self._successes = 0
        if slot.epoch == self._epoch:
            self._epoch += 1
            self._too_much = self.limit
            self.limit = max(1.0, self.limit * _DECREASE)
        if (pause := self.cooling()) > self.longest_wait:
            self.halt.set(Exit.TRY_AGAIN, f"the provider asks for a pause of {pause:.0f} s, and --no-wait was given")

    def cooling(self) -> float:
        """Seconds until the cool-down ends."""
        return max(0.0, self._cool_until - _now())

    async def _wait_for_rates(self, tokens: float) -> None:
        now = _now()
        taken = [(bucket, amount) for bucket, amount in ((self.rpm, 1.0), (self.tpm, tokens)) if bucket]
        delay = max((bucket.take(amount, now) for bucket, amount in taken), default=0.0)
        if delay > 0:
            try:
                await self.halt.sleep(delay)
            except BaseException:
                for bucket, amount in taken:
                    bucket.take(-amount, _now())
                raise

    async def _enter(self) -> None:
        self.halt.check()
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append(turn)
        self._admit()
        try:
            await self.halt.wait(turn)
        except BaseException:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self.in_flight -= 1  # it had been let in just before it was cancelled
            else:
                turn.cancel()
            self._admit()
            raise

    def _admit(self) -> None:
        """Let in whoever may enter now; come back when the cool-down ends."""
        while self._queue and self.in_flight < int(self.limit):
            if (pause := self.cooling()) > 0:
                self._admit_after(pause)
                return
            turn = self._queue.popleft()
            if not turn.done():
                self.in_flight += 1
                turn.set_result(None)

    def _admit_after(self, seconds: float) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(seconds, self._cooled)

    def _cooled(self) -> None:
        self._timer = None
        self._admit()


def _now() -> float:
    return asyncio.get_running_loop().time()
