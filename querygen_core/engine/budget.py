"""The caps on calls, tokens and money: reserved before a call starts, so that they are never passed."""

from __future__ import annotations

from dataclasses import dataclass

from querygen_core.engine.halt import Halt
from querygen_core.errors import Exit
from querygen_core.journal.interface import Spent

_FIRST_GUESS = 2_000  # output tokens of a call, thinking included, until one was seen


@dataclass(frozen=True, slots=True)
class Expected:
    """What a call may use, in tokens, before it is made."""

    input: int
    output: int

    @property
    def tokens(self) -> int:
        return self.input + self.output


@dataclass(frozen=True, slots=True)
class Reservation:
    """cost: in USD."""

    tokens: int
    cost: float = 0.0


@dataclass(slots=True)
class Budget:
    """Counts the whole job, all its runs: a Spot machine that is replaced four times must not spend five budgets."""

    halt: Halt
    spent: Spent
    max_calls: int | None = None
    max_tokens: int | None = None
    max_cost: float | None = None
    _calls: int = 0
    _tokens: int = 0
    _cost: float = 0.0
    _largest_output: int = 0

    def __post_init__(self) -> None:
        self._calls = self.spent.calls
        self._tokens = self.spent.tokens
        self._cost = self.spent.cost
        if self.spent.calls:  # of earlier runs only the sum is known, the prompts' tokens included
            self._largest_output = self.spent.tokens // self.spent.calls

    def expect(self, characters: int) -> Expected:
        """Of a call whose prompt has so many characters: a quarter of them in, and out as the longest output so far."""
        return Expected(characters // 4, self._largest_output or _FIRST_GUESS)

    def reserve(self, tokens: int, cost: float = 0.0) -> Reservation:
        """Raises Stopped, and ends the run, if the call could pass a cap."""
        if self.max_calls is not None and self._calls + 1 > self.max_calls:
            self._refuse(f"max_calls {self.max_calls}: {self._calls} calls made or under way")
        if self.max_tokens is not None and self._tokens + tokens > self.max_tokens:
            self._refuse(f"max_tokens {self.max_tokens}: {self._tokens} used or reserved, {tokens} more wanted")
        if self.max_cost is not None and self._cost + cost > self.max_cost:
            self._refuse(f"max_cost {self.max_cost:g}: {self._cost:.4f} USD spent or reserved, {cost:.4f} more wanted")
        self._calls += 1
        self._tokens += tokens
        self._cost += cost
        return Reservation(tokens, cost)

    def settle(self, reservation: Reservation, tokens: int, output: int, cost: float = 0.0) -> None:
        """The call was answered; it used `tokens` and cost `cost`."""
        self._tokens += tokens - reservation.tokens
        self._cost += cost - reservation.cost
        self._largest_output = max(self._largest_output, output)

    def release(self, reservation: Reservation) -> None:
        """The call failed and cost nothing."""
        self._calls -= 1
        self._tokens -= reservation.tokens
        self._cost -= reservation.cost

    def _refuse(self, what: str) -> None:
        self.halt.set(Exit.PROVIDER_REFUSES, f"budget reached: runtime.{what}; raise it to go on")
        self.halt.check()
