"""The limits on calls, tokens and money. A call reserves the most that it can use before it starts."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from querygen_core.contracts.errors import Exit
from querygen_core.contracts.journal import Spent
from querygen_core.engine.shutdown import Shutdown


@dataclass(slots=True, eq=False)
class Reservation:
    """The share of the budget that a call under way may use up."""

    tokens: int
    """Most tokens, in and out."""
    cost: float = 0.0
    """Most USD; 0 if the price is not known."""
    is_open: bool = True
    """Whether the call is under way."""


@dataclass(slots=True)
class Budget:
    """The budget of a job over all its runs: a Spot machine replaced four times must not spend five budgets.

    Near a limit a call waits for those under way, which mostly use less than they have reserved. The run ends when
    there are none and the call still does not fit: less than one call's worst case is left then. Callers wait in turn,
    so that small calls do not keep a large one waiting. Whatever else a waiting caller holds, it keeps nobody from
    ending: calls under way have all that they need.
    """

    shutdown: Shutdown
    """Ends the run when a limit is reached."""
    spent: Spent
    """Calls, tokens and money of earlier runs."""
    max_calls: int | None = None
    """None: no limit."""
    max_tokens: int | None = None
    """In and out, reasoning included. None: no limit."""
    max_cost: float | None = None
    """In USD. None: no limit."""
    _calls: int = 0
    _tokens: int = 0
    _cost: float = 0.0
    _unanswered: int = 0
    _under_way: int = 0
    _queue: deque[tuple[Reservation, asyncio.Future[None]]] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self._calls = self.spent.calls + self.spent.unanswered_calls
        self._tokens = self.spent.tokens + self.spent.unanswered_tokens
        self._cost = self.spent.cost + self.spent.unanswered_cost
        self._unanswered = self.spent.unanswered_calls

    @asynccontextmanager
    async def reserved(self, tokens: int, cost: float = 0.0) -> AsyncIterator[Reservation]:
        """Set tokens and USD aside for one call. Unless it is settled or released within, it may have been paid.

        Raises:
            Stopped: the call could pass a limit, which ends the run; or the run ended first.
        """
        reservation = await self._reserve(tokens, cost)
        try:
            yield reservation
        finally:
            if reservation.is_open:
                self._unanswered += 1
                self._end(reservation)

    async def _reserve(self, tokens: int, cost: float) -> Reservation:
        self.shutdown.check()
        reservation = Reservation(tokens, cost)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append((reservation, turn))
        self._admit()
        try:
            await self.shutdown.wait(turn)
            self.shutdown.check()  # it may have ended between this call's turn and now
        except BaseException:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self.release(reservation)
            else:
                turn.cancel()
                self._admit()
            raise
        return reservation

    def settle(self, reservation: Reservation, tokens: int, cost: float = 0.0) -> None:
        """Account for a call that was answered. tokens: in and out. cost: in USD."""
        self._tokens += tokens - reservation.tokens
        self._cost += cost - reservation.cost
        self._end(reservation)

    def release(self, reservation: Reservation) -> None:
        """Give back what was reserved for a call that was not made, or failed and cost nothing."""
        self._calls -= 1
        self._tokens -= reservation.tokens
        self._cost -= reservation.cost
        self._end(reservation)

    def _end(self, reservation: Reservation) -> None:
        self._under_way -= reservation.is_open
        reservation.is_open = False
        self._admit()

    def _admit(self) -> None:
        """Let the callers go on whose turn it is. If the first one's call can never fit, end the run."""
        while self._queue:
            reservation, turn = self._queue[0]
            lack = None if turn.done() else self._lack(reservation)
            if lack is not None:
                if self._under_way == 0:
                    self._end_run(lack)
                return
            self._queue.popleft()
            if turn.done():  # cancelled while it waited
                continue
            # Counted before the call starts, since others may be reserving meanwhile.
            self._under_way += 1
            self._calls += 1
            self._tokens += reservation.tokens
            self._cost += reservation.cost
            turn.set_result(None)

    def _lack(self, reservation: Reservation) -> str | None:
        """The limit that the call could pass, what is spent, and what the call needs at most; None if it fits."""
        if self.max_calls is not None and self._calls + 1 > self.max_calls:
            return f"max_calls {self.max_calls}: {self._calls} calls made{self._doubtful()}"
        if self.max_tokens is not None and self._tokens + reservation.tokens > self.max_tokens:
            needed = f"the next call may use {reservation.tokens}"
            return f"max_tokens {self.max_tokens}: {self._tokens} tokens used{self._doubtful()}, and {needed}"
        if self.max_cost is not None and self._cost + reservation.cost > self.max_cost:
            needed = f"the next call may cost {reservation.cost:.4f} USD"
            return f"max_cost {self.max_cost:g}: {self._cost:.4f} USD spent{self._doubtful()}, and {needed}"
        return None

    def _doubtful(self) -> str:
        calls = f"{self._unanswered} call{'s' if self._unanswered > 1 else ''} without an answer"
        return f" ({calls} included, at most)" if self._unanswered else ""

    def refuse_day(self, limit: float, cost: float) -> None:
        """End the run because all jobs together could spend more than `limit` USD today with a call of `cost`."""
        spent = "all jobs of the store have spent or reserved the rest today (UTC)"
        what = f"max_cost_per_day {limit:g}: {spent}, and the next call may cost {cost:.4f} USD"
        self._end_run(what, "run again tomorrow, or raise it to continue today")
        self.shutdown.check()

    def _end_run(self, lack: str, advice: str = "raise it to continue") -> None:
        smaller = "" if lack.startswith("max_calls") else ", or lower the model's max_output_tokens"
        message = f"budget reached: runtime.{lack}; {advice}{smaller}"
        self.shutdown.set(Exit.PROVIDER_REFUSES, message, "budget")
