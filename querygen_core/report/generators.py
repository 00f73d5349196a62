"""The report's section on generators: how many questions they ask for, and how many they should ask for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_ENOUGH = 0.95  # share of the first answers that need no second one


@dataclass(slots=True)
class FirstAnswers:
    """What came of one generator's first answers in a run."""

    products: int = 0
    """Products whose first answers were read."""
    one_call: int = 0
    """Of these, the ones that lacked nothing afterwards."""
    lost: Counter[int] = field(default_factory=Counter)
    """Questions that an answer held too few of, dropped ones and ones that never came → products. Products whose facts
    carry no more questions are not in it.
    """


def suggested_ask(count: int, lost: Mapping[int, int]) -> int | None:
    """What to ask for so that 95 of 100 first answers hold `count` good questions; None if there was no answer.

    lost: as in `FirstAnswers`.
    """
    enough = _ENOUGH * sum(lost.values())
    reached = 0
    for number in sorted(lost):
        reached += lost[number]
        if reached >= enough:
            return count + number
    return None


def generator_report(count: int, ask: int, first: FirstAnswers) -> dict[str, Any]:
    """One generator's part of the report. `lost` has texts as keys, as JSON needs them."""
    return {
        "count": count,
        "ask": ask,
        "products": first.products,
        "one_call": first.one_call,
        "lost": {str(number): first.lost[number] for number in sorted(first.lost)},
        "suggested_ask": suggested_ask(count, first.lost),
    }


def merge_generators(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The sections of all shards as one."""
    merged = {}
    for name in dict.fromkeys(name for part in parts for name in part):
        found = [part[name] for part in parts if name in part]
        lost: Counter[int] = Counter()
        for one in found:
            lost.update({int(number): products for number, products in one["lost"].items()})
        first = FirstAnswers(sum(one["products"] for one in found), sum(one["one_call"] for one in found), lost)
        merged[name] = generator_report(found[0]["count"], found[0]["ask"], first)
    return merged
