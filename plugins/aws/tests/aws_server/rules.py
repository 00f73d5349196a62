"""What the proxy in front of an emulator of AWS may do to a request, and to which."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from aws_server.asked import Asked


@dataclass(frozen=True)
class Fail:
    """AWS says no; the emulator is not asked. status: by default what AWS sends with this code."""

    code: str
    status: int | None = None
    message: str = "the proxy was told to refuse this"


@dataclass(frozen=True)
class Unprocessed:
    """BatchWriteItem: the last `share` of the items (rounded up) is not written, and returned as unprocessed."""

    share: float = 0.5


@dataclass(frozen=True)
class CutBody:
    """The connection ends after so many bytes of the answer's body."""

    after: int


@dataclass(frozen=True)
class LoseAnswer:
    """The emulator does it, and the connection ends without an answer: the client does not know."""


@dataclass(frozen=True)
class Drop:
    """The connection ends, and the emulator is not asked."""


@dataclass(frozen=True)
class Delay:
    """Seconds before the request goes on, to the rules after this one and to the emulator. A day is a hang."""

    seconds: float


@dataclass(frozen=True)
class WithoutHeader:
    """A store that is S3 in part: it neither sees this header of the request, nor sends one of this name."""

    name: str


Effect = Fail | Unprocessed | CutBody | LoseAnswer | Drop | Delay | WithoutHeader


@dataclass
class Rule:
    """hits: how often it had its effect."""

    operation: re.Pattern[str]
    key: re.Pattern[str]
    effect: Effect
    first: int | None
    share: float
    seed: int
    unless: Mapping[str, str] = field(default_factory=dict)
    hits: int = 0
    _seen: Counter[str] = field(default_factory=Counter)

    def applies(self, asked: Asked) -> bool:
        names = (asked.operation, f"{asked.service}:{asked.operation}")
        if not any(map(self.operation.fullmatch, names)) or not self.key.search(asked.subject):
            return False
        if self.unless and all(asked.headers.get(name) == value for name, value in self.unless.items()):
            return False
        if (self.first is not None and self.hits >= self.first) or not self._drawn(asked):
            return False
        self.hits += 1
        return True

    def _drawn(self, asked: Asked) -> bool:
        """By what is asked and how often it was before: in whatever order requests come, the same ones are met."""
        what = f"{asked.operation} {asked.subject}"
        self._seen[what] += 1
        drawn = hashlib.sha256(f"{self.seed} {self._seen[what]} {what}".encode("utf-8", "surrogatepass")).digest()
        return int.from_bytes(drawn[:8], "big") < self.share * 2**64
