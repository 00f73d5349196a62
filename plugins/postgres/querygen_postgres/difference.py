"""What has to change so that a job holds for a product what its outcome has: rows to add, to show again, to retire."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

from querygen_core.api import Outcome, Query


@dataclass(slots=True)
class Holding:
    """A row of the ledger: what a job holds for one product. retired_ids: rows it once held, there to come back."""

    job_id: str
    product_key: str
    product_id: int
    place: int
    digest: bytes | None
    query_ids: list[int]
    retired_ids: list[int]


@dataclass(frozen=True, slots=True)
class Stored:
    """A row of `queries`."""

    product_id: int
    query_type: str
    text: str
    active: bool


@dataclass(slots=True)
class Difference:
    """holdings: the rows of the ledger to write, by product key. add: queries to write for a row of `products`, by
    numbers below 0 that stand for the ids they will get. show, retire: ids of rows.
    """

    holdings: dict[str, Holding] = field(default_factory=dict)
    add: dict[int, tuple[int, Query]] = field(default_factory=dict)
    show: set[int] = field(default_factory=set)
    retire: set[int] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Count:
    """Of one product, in queries."""

    delivered: int
    unchanged: int
    retired: int


class Reckoning:
    """Works off outcomes one by one against what was found under lock.

    known: every row of `queries` that a holding names and that is still there. Products that share a row of
    `products` share its queries: a text that one of them holds already is not written again for another.
    """

    def __init__(self, holdings: Iterable[Holding], known: Mapping[int, Stored]) -> None:
        self._known = dict(known)
        self._by_key: dict[str, Holding] = {}
        self._by_product: dict[int, list[Holding]] = defaultdict(list)
        self.difference = Difference()
        for holding in holdings:
            self._place(holding)

    def settle(self, outcome: Outcome, digest: bytes, product_id: int, job_id: str) -> Count:
        holding = self._holding(outcome.product_key, product_id, job_id)
        before = len(self.difference.add)
        chosen = self._choose(outcome, holding)
        added = len(self.difference.add) - before
        shown = [number for number in chosen if not self._known[number].active]
        dropped = [number for number in holding.query_ids if number not in set(chosen)]
        holding.retired_ids = self._kept_in_mind([*holding.retired_ids, *dropped], chosen)
        holding.query_ids, holding.digest = chosen, digest
        retired = {number for number in dropped if number in self._known and not self._is_held(number)}
        self._note(holding, shown, retired)
        delivered = added + len(shown)
        return Count(delivered, len(outcome.queries) - delivered, len(retired))

    def _holding(self, key: str, product_id: int, job_id: str) -> Holding:
        """The product's row of the ledger, moved if another row of `products` stands for it now."""
        holding = self._by_key.get(key)
        if holding is None:
            holding = Holding(job_id, key, product_id, self._free_place(product_id), None, [], [])
            self._place(holding)
        elif holding.product_id != product_id:
            self._by_product[holding.product_id].remove(holding)
            holding.product_id, holding.place = product_id, self._free_place(product_id)
            self._place(holding)
        return holding

    def _place(self, holding: Holding) -> None:
        self._by_key[holding.product_key] = holding
        self._by_product[holding.product_id].append(holding)

    def _free_place(self, product_id: int) -> int:
        taken = {holding.place for holding in self._by_product[product_id]}
        return next(place for place in range(len(taken) + 1) if place not in taken)

    def _choose(self, outcome: Outcome, holding: Holding) -> list[int]:
        """For each of its queries, in their order, a row that is there or is added."""
        candidates = self._candidates(holding)
        chosen = []
        for query in outcome.queries:
            ids = candidates.get((query.query_type, query.text))
            chosen.append(ids.popleft() if ids else self._add(query, holding.product_id))
        return chosen

    def _candidates(self, holding: Holding) -> Mapping[tuple[str, str], deque[int]]:
        """Rows that may stand for a question, the best first: held, held by another, retired."""
        others = [other for other in self._by_product[holding.product_id] if other is not holding]
        ranked = chain(
            holding.query_ids,
            *(other.query_ids for other in others),
            holding.retired_ids,
            *(other.retired_ids for other in others),
        )
        found: dict[tuple[str, str], deque[int]] = defaultdict(deque)
        for number in dict.fromkeys(ranked):
            row = self._known.get(number)
            if row is not None and row.product_id == holding.product_id:
                found[row.query_type, row.text].append(number)
        return found

    def _kept_in_mind(self, retired: Iterable[int], chosen: Sequence[int]) -> list[int]:
        return [number for number in dict.fromkeys(retired) if number in self._known and number not in set(chosen)]

    def _is_held(self, number: int) -> bool:
        return any(number in holding.query_ids for holding in self._by_product[self._known[number].product_id])

    def _add(self, query: Query, product_id: int) -> int:
        """Known from now on, so that whoever shares the row and is settled later does not add it again."""
        number = -1 - len(self.difference.add)
        self.difference.add[number] = product_id, query
        self._known[number] = Stored(product_id, query.query_type, query.text, active=True)
        return number

    def _note(self, holding: Holding, shown: Iterable[int], retired: set[int]) -> None:
        """What an earlier outcome of this reckoning retired may be what a later one shows again, and the reverse."""
        difference = self.difference
        difference.holdings[holding.product_key] = holding
        difference.show = (difference.show | set(shown)) - retired
        difference.retire = (difference.retire - set(holding.query_ids)) | retired
