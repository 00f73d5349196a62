"""Which request is to fail, and how: by share, drawn from a seed, or by script. The same request, the same fault."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

CONTENT = (
    "broken_json",
    "cut",
    "no_text",
    "blocked_prompt",
    "safety",
    "recitation",
    "prohibited",
    "blocklist",
    "spii",
    "language",
    "empty",
    "unknown_finish",
    "continuation",
    "fenced",
    "prose",
    "fewer",
    "other",
    "malformed_response",
)
"""Faults of what is answered, with status 200. They depend on the request only: asking again does not help."""

TRANSPORT = (
    "429_minute",
    "429_header",
    "429_info",
    "429_differ",
    "429_date",
    "429_garbage",
    "429_bare",
    "429_day",
    "429_html",
    "400_location",
    "403",
    "404",
    "500",
    "502",
    "503",
    "504",
    "close",
    "reset",
    "half",
    "short",
    "gzip_cut",
    "stall",
    "hang",
    "late",
    "not_json",
    "html",
    "error_200",
    "huge",
)
"""Faults on the way. They depend on the request and on how often it has come."""

_ALL = frozenset((*CONTENT, *TRANSPORT, "none"))


@dataclass(frozen=True, slots=True)
class Rule:
    """A fault for exactly the requests that all given conditions hold for; `none` exempts them from all faults.

    nth: numbers of requests, in the order of arrival, from 1. contains: a part of the prompt or the system instruction.
    attempts: only the first so many of each request. model: its name.
    """

    fault: str
    nth: tuple[int, ...] = ()
    contains: str = ""
    attempts: int = 0
    model: str = ""

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Rule:
        nth = given.get("nth", ())
        return cls(**{**given, "nth": (nth,) if isinstance(nth, int) else tuple(nth)})

    def holds(self, said: Sequence[str], model: str, attempt: int, number: int) -> bool:
        return (
            (not self.nth or number in self.nth)
            and (not self.attempts or attempt <= self.attempts)
            and (not self.model or model == self.model)
            and (not self.contains or any(self.contains in text for text in said))
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """rates: share of requests, by fault. script: the first rule that holds decides, and no rate then counts.

    retry_after: seconds that a 429 asks for. pause: between the bytes of a stalled body. late: how long a late answer
    takes. huge: bytes of a huge one.
    """

    seed: int = 0
    rates: Mapping[str, float] = field(default_factory=dict)
    script: tuple[Rule, ...] = ()
    retry_after: float = 1.0
    pause: float = 1.0
    late: float = 5.0
    huge: int = 50_000_000

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Faults:
        """From plain values.

        Raises:
            ValueError: a fault or a setting is not known, or the shares of a kind of fault are more than all.
        """
        try:
            faults = cls(**{**given, "script": tuple(map(Rule.read, given.get("script", ())))})
        except TypeError as error:
            raise ValueError(str(error)) from error
        unknown = {*faults.rates, *(rule.fault for rule in faults.script)} - _ALL
        if unknown:
            raise ValueError(f"no such fault: {', '.join(sorted(unknown))}")
        for kind in (CONTENT, TRANSPORT):
            if not 0 <= sum(faults.rates.get(name, 0) for name in kind) <= 1:
                raise ValueError("rates should sum up to at most 1 for content and for transport")
        return faults

    def pick(self, key: str, said: Sequence[str], model: str, attempt: int, number: int) -> str:
        """A fault's name, "" for none."""
        for rule in self.script:
            if rule.holds(said, model, attempt, number):
                return "" if rule.fault == "none" else rule.fault
        if not self.rates:
            return ""
        return self._drawn(TRANSPORT, draw(self.seed, key, attempt)) or self._drawn(CONTENT, draw(self.seed, key, 0))

    def _drawn(self, names: Sequence[str], number: float) -> str:
        for name in names:
            number -= self.rates.get(name, 0)
            if number < 0:
                return name
        return ""


def draw(*of: object) -> float:
    """A number from [0, 1) that depends on `of` only, not on the process."""
    said = ":".join(map(str, of)).encode()
    return int.from_bytes(blake2b(said, digest_size=7).digest(), "big") / 2**56
