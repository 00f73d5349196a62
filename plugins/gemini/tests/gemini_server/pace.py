"""How long answers take, and how many there may be."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from math import exp
from statistics import NormalDist

_NORMAL = NormalDist()
_TURN = 0.5  # seconds after which a place may be free


@dataclass(frozen=True, slots=True)
class Latency:
    """kind: `fixed` (a), `uniform` (between a and b) or `lognormal` (median a, sigma b); times in seconds."""

    kind: str = "fixed"
    a: float = 0.0
    b: float = 0.0

    @classmethod
    def read(cls, text: str) -> Latency:
        """From `200ms`, `0.2s`, `200` (milliseconds), `uniform:100:300` or `lognormal:200:0.4` (milliseconds).

        Raises:
            ValueError: it is none of these.
        """
        kind, _, rest = text.partition(":")
        numbers = [float(number) for number in rest.split(":")] if rest else []
        if kind in ("uniform", "lognormal") and len(numbers) == 2 and min(numbers) >= 0:
            return cls(kind, numbers[0] / 1000, numbers[1] / (1000 if kind == "uniform" else 1))
        if rest:
            raise ValueError(f"no latency: {text}")
        unit = 1.0 if text.endswith("s") and not text.endswith("ms") else 1000.0
        seconds = float(text.removesuffix("s").removesuffix("m")) / unit
        if seconds < 0:
            raise ValueError(f"no latency: {text}")
        return cls("fixed", seconds)

    def of(self, number: float) -> float:
        """Seconds for a number drawn from [0, 1)."""
        if self.kind == "uniform":
            return self.a + (self.b - self.a) * number
        if self.kind == "lognormal":
            return self.a * exp(self.b * _NORMAL.inv_cdf(min(max(number, 1e-9), 1 - 1e-9)))
        return self.a


class Limits:
    """At most `at_once` requests at the same time and `per_window` in each `window` seconds; 0 is no limit."""

    def __init__(self, at_once: int = 0, per_window: int = 0, window: float = 60.0) -> None:
        self.at_once = at_once
        self.per_window = per_window
        self.window = window
        self._taken: deque[float] = deque()

    def wait(self, now: float, at_once: int) -> float:
        """Seconds after which one more may be tried; 0 if it may be now, and then it counts."""
        if self.at_once and at_once >= self.at_once:
            return _TURN
        if not self.per_window:
            return 0
        while self._taken and self._taken[0] <= now - self.window:
            self._taken.popleft()
        if len(self._taken) >= self.per_window:
            return max(self._taken[0] + self.window - now, 0.001)
        self._taken.append(now)
        return 0


class Clock:
    """Calls later, to the millisecond. Thousands of calls a second share a thousand of the event loop's timers."""

    def __init__(self) -> None:
        self._due: dict[int, list[Callable[[], None]]] = {}

    def later(self, delay: float, call: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        at = int((loop.time() + delay) * 1000) + 1
        calls = self._due.get(at)
        if calls is None:
            calls = self._due[at] = []
            loop.call_at(at / 1000, self._ring, at)
        calls.append(call)

    def _ring(self, at: int) -> None:
        loop = asyncio.get_running_loop()
        for call in self._due.pop(at):
            try:
                call()
            except Exception as error:  # noqa: BLE001 - told, and the others' calls are made all the same
                loop.call_exception_handler({"message": "a late answer failed", "exception": error})
