"""Works out what has to change so that a job's rows for a product equal its outcome."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

from querygen_core.api import Outcome, Query


@dataclass(slots=True)
class LedgerRow:
    """A row of the table `delivery`: what one job has stored for one product."""

    job_id: str
    """The job that the rows belong to."""

    product_key: str
    """The product's key, `source:product_id:locale`."""

    product_id: int | None
    """The row of `products` that stands for the product; several products may share one. None for a deleted product
    that never had one.
    """

    version: int
    """Of the product, as it was delivered last; 0 if its source has none."""

    digest: bytes | None
    """Of the outcome that was delivered last; None if nothing was, or if another job displaced some of it."""

    query_ids: list[int]
    """The rows of `queries` with the outcome's queries, in its order."""

    retired_ids: list[int]
    """Rows that querygen has deactivated. They become active again if their text returns."""

    hidden_ids: list[int]
    """Rows that somebody else had deactivated when their text was dropped. They stay so if it returns."""

    @property
    def all_ids(self) -> list[int]:
        """Every row that belongs to the job for this product."""
        return [*self.query_ids, *self.retired_ids, *self.hidden_ids]


@dataclass(frozen=True, slots=True)
class QueryRow:
    """A row of the table `queries`."""

    product_id: int
    """The row of `products` that it belongs to."""

    query_type: str
    """`product` or `market`."""

    text: str
    """The question."""

    active: bool
    """`is_active`; NULL counts as False."""


@dataclass(slots=True)
class Changes:
    """The rows to write. Ids below 0 are placeholders for rows that get their id when they are written."""

    ledger_rows: dict[str, LedgerRow] = field(default_factory=dict)
    """Rows of the ledger to insert or update, by product key."""

    add: dict[int, tuple[int, Query]] = field(default_factory=dict)
    """Rows to insert into `queries`: product_id and query, by placeholder."""

    activate: set[int] = field(default_factory=set)
    """Ids of rows to set `is_active` of."""

    retire: set[int] = field(default_factory=set)
    """Ids of rows to clear `is_active` of."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Of one product's queries; `delivered` and `unchanged` add up to those of its outcome."""

    delivered: int
    """Added, or activated again."""

    unchanged: int
    """There already, and active."""

    retired: int
    """Deactivated, as the outcome no longer has them."""


class Reconciler:
    """Compares outcomes, one by one, with rows that were read under lock, and collects the changes.

    ledger_rows: the job's rows for the products and for all that share their rows of `products`. query_rows: by id,
    every row of `queries` that these name and that still exists, and every row of these products that no ledger row
    names: it was written before there was a ledger, or the ledger has been lost, or somebody else has written it. Such
    a row is adopted where its text is wanted, so that nothing is ever stored twice. Products that share a row of
    `products` share its queries: a text that one of them has is not written again for another.
    """

    def __init__(self, ledger_rows: Iterable[LedgerRow], query_rows: Mapping[int, QueryRow]) -> None:
        self._query_rows = dict(query_rows)
        self._by_key: dict[str, LedgerRow] = {}
        self._by_product: dict[int | None, list[LedgerRow]] = defaultdict(list)
        self.changes = Changes()
        for ledger_row in ledger_rows:
            self._index(ledger_row)
        named = {query_id for ledger_row in self._by_key.values() for query_id in ledger_row.all_ids}
        self._unclaimed: dict[int, list[int]] = defaultdict(list)
        for query_id in sorted(self._query_rows.keys() - named):
            self._unclaimed[self._query_rows[query_id].product_id].append(query_id)
        # querygen moves the rows that it deactivates to `retired_ids`, so these were deactivated by somebody else.
        self._vetoed = {
            query_id
            for ledger_row in self._by_key.values()
            for query_id in (*ledger_row.query_ids, *ledger_row.hidden_ids)
            if query_id in self._query_rows and not self._query_rows[query_id].active
        }

    def held_version(self, product_key: str) -> int:
        """The product's version that was delivered last; 0 if none was."""
        return self._by_key[product_key].version if product_key in self._by_key else 0

    def reconcile(self, outcome: Outcome, digest: bytes, product_id: int | None, job_id: str) -> Counts:
        """Collect the changes for one product. product_id: the row of `products` that stands for it now."""
        ledger_row = self._ledger_row(outcome.product_key, product_id, job_id)
        added_before = len(self.changes.add)
        chosen = self._choose(outcome, ledger_row)
        added = len(self.changes.add) - added_before
        activated = [query_id for query_id in chosen if not self._is_active(query_id) and query_id not in self._vetoed]
        dropped = [query_id for query_id in ledger_row.query_ids if query_id not in set(chosen)]
        hidden = [query_id for query_id in dropped if query_id in self._vetoed]
        switched_off = [query_id for query_id in dropped if query_id not in self._vetoed]
        ledger_row.hidden_ids = self._kept([*ledger_row.hidden_ids, *hidden], chosen)
        ledger_row.retired_ids = self._kept([*ledger_row.retired_ids, *switched_off], chosen)
        ledger_row.query_ids, ledger_row.digest, ledger_row.version = chosen, digest, outcome.version
        retired = {query_id for query_id in dropped if self._is_active(query_id) and not self._is_used(query_id)}
        self._record(ledger_row, activated, retired)
        delivered = added + len(activated)
        return Counts(delivered, len(outcome.queries) - delivered, len(retired))

    def _ledger_row(self, key: str, product_id: int | None, job_id: str) -> LedgerRow:
        """The product's ledger row, made if there is none, and moved if another row of `products` stands for it now."""
        ledger_row = self._by_key.get(key)
        if ledger_row is None:
            ledger_row = LedgerRow(job_id, key, product_id, 0, None, [], [], [])
            self._index(ledger_row)
        elif ledger_row.product_id != product_id:
            self._by_product[ledger_row.product_id].remove(ledger_row)
            ledger_row.product_id = product_id
            self._index(ledger_row)
        return ledger_row

    def _index(self, ledger_row: LedgerRow) -> None:
        self._by_key[ledger_row.product_key] = ledger_row
        self._by_product[ledger_row.product_id].append(ledger_row)

    def _choose(self, outcome: Outcome, ledger_row: LedgerRow) -> list[int]:
        """For each query of the outcome, in order, the id of a row that exists or will be added."""
        if ledger_row.product_id is None:
            return []
        candidates = self._candidates(ledger_row, ledger_row.product_id)
        chosen = []
        for query in outcome.queries:
            ids = candidates.get((query.query_type, query.text))
            chosen.append(ids.popleft() if ids else self._add(query, ledger_row.product_id))
        self._adopt(ledger_row.product_id, chosen)
        return chosen

    def _candidates(self, ledger_row: LedgerRow, product_id: int) -> Mapping[tuple[str, str], deque[int]]:
        """Existing rows by query type and text, best first: the product's own, another's, rows that nobody claims,
        inactive ones.

        In this order a text that stays keeps its id, one that returns gets its old id back, and none is shown twice.
        """
        others = [other for other in self._by_product[product_id] if other is not ledger_row]
        unclaimed = self._unclaimed.get(product_id, [])
        ranked = chain(
            ledger_row.query_ids,
            *(other.query_ids for other in others),
            (query_id for query_id in unclaimed if self._is_active(query_id)),
            ledger_row.all_ids,
            *(other.all_ids for other in others),
            unclaimed,
        )
        candidates: dict[tuple[str, str], deque[int]] = defaultdict(deque)
        for query_id in dict.fromkeys(ranked):
            row = self._query_rows.get(query_id)
            if row is not None and row.product_id == product_id:
                candidates[row.query_type, row.text].append(query_id)
        return candidates

    def _adopt(self, product_id: int, chosen: Iterable[int]) -> None:
        """Decide which inactive rows stay so, among those that no ledger row named.

        Nothing tells whether querygen has deactivated such a row, or an editor. querygen deactivates sets: if all
        queries of a type are there and none is active, they become active again. A single one stays hidden.
        """
        unclaimed = set(self._unclaimed.get(product_id, ()))
        by_type: dict[str, list[int]] = defaultdict(list)
        for query_id in chosen:
            by_type[self._query_rows[query_id].query_type].append(query_id)
        for ids in by_type.values():
            inactive = {query_id for query_id in ids if query_id in unclaimed and not self._is_active(query_id)}
            if len(inactive) < len(ids):
                self._vetoed |= inactive

    def _kept(self, ids: Iterable[int], chosen: Sequence[int]) -> list[int]:
        """Without rows that no longer exist or are in use again; each once."""
        return [
            query_id for query_id in dict.fromkeys(ids) if query_id in self._query_rows and query_id not in set(chosen)
        ]

    def _is_active(self, query_id: int) -> bool:
        return query_id in self._query_rows and self._query_rows[query_id].active

    def _is_used(self, query_id: int) -> bool:
        product_id = self._query_rows[query_id].product_id
        return any(query_id in ledger_row.query_ids for ledger_row in self._by_product[product_id])

    def _add(self, query: Query, product_id: int) -> int:
        """A placeholder for a new row. Known at once, so that a product that shares the row of `products` finds it."""
        placeholder = -1 - len(self.changes.add)
        self.changes.add[placeholder] = product_id, query
        self._query_rows[placeholder] = QueryRow(product_id, query.query_type, query.text, active=True)
        return placeholder

    def _record(self, ledger_row: LedgerRow, activated: Iterable[int], retired: set[int]) -> None:
        """A later outcome may use again what an earlier one retired, and the reverse; the last one wins."""
        changes = self.changes
        changes.ledger_rows[ledger_row.product_key] = ledger_row
        changes.activate = (changes.activate | set(activated)) - retired
        changes.retire = (changes.retire - set(ledger_row.query_ids)) | retired
