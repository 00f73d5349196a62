"""The report on the yield: how much of what was paid for is any good."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Yield:
    """What came of the products for which a call was paid in a run."""

    products: int = 0
    received: int = 0
    """Questions that their answers gave."""
    good: int = 0
    """Of these, those that no postprocessor has dropped: kept, or more than were wanted."""
    lost: Counter[str] = field(default_factory=Counter)
    """Reason → questions that were dropped for it, or generators that got no usable answer."""

    @property
    def ratio(self) -> float:
        """From 0 to 1; 0 if nothing was received."""
        return self.good / self.received if self.received else 0.0

    def report(self) -> dict[str, Any]:
        """The report's `yield`, which is null if nothing was paid for, and `received`, from which it follows."""
        return {
            "yield": round(self.ratio, 4) if self.products else None,
            "received": {
                "products": self.products,
                "questions": self.received,
                "good": self.good,
                "lost": dict(self.lost.most_common()),
            },
        }


def merge_yields(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The same of all shards. parts: `received` of each."""
    lost: Counter[str] = Counter()
    for part in parts:
        lost.update(part["lost"])
    products, received, good = (sum(part[name] for part in parts) for name in ("products", "questions", "good"))
    return Yield(products, received, good, lost).report()
