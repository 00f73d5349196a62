"""Which sub_types a product still lacks, and which of its good questions are kept. Pure functions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from querygen_core.contracts.records import Query


def missing_by_sub_type(plan: Mapping[str, int], good: Sequence[Query], number: int) -> dict[str, int]:
    """`number` questions, divided so that the rows of the plan fill up evenly; the emptiest rows come first.

    plan: sub_type → its share of the wanted count. good: what there is already. Without a plan the result is empty, and
    so it is for a number of 0.
    """
    have = Counter(query.sub_type for query in good)
    missing: Counter[str] = Counter()
    for _ in range(number if plan else 0):
        emptiest = min(plan, key=lambda sub_type: (have[sub_type] + missing[sub_type]) / plan[sub_type])
        missing[emptiest] += 1
    return {sub_type: missing[sub_type] for sub_type in plan if missing[sub_type]}


def select(good: Sequence[Query], plan: Mapping[str, int], count: int) -> tuple[list[Query], list[Query]]:
    """The `count` questions to keep, and the others, both in their order.

    Each row of the plan gets its share first; what is left of `count` goes to the others in their order.
    """
    if len(good) <= count:
        return list(good), []
    free = Counter(plan)
    chosen: set[int] = set()
    for index, query in enumerate(good):
        if free[query.sub_type] > 0:
            free[query.sub_type] -= 1
            chosen.add(index)
    for index in range(len(good)):
        if len(chosen) >= count:
            break
        chosen.add(index)
    kept = [query for index, query in enumerate(good) if index in chosen]
    return kept, [query for index, query in enumerate(good) if index not in chosen]
