"""Deactivates rows of other jobs for the same product, so that one set of questions per product and type is active."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from querygen_core.api import Outcome
from querygen_postgres.reconcile import LedgerRow, QueryRow


class Displacement:
    """Collects what has to change in the ledger rows of other jobs, which were read under lock.

    ledger_rows: other jobs' rows for the products, and for all that share their rows of `products`. query_rows: by id,
    the rows of `queries` that these name.
    """

    def __init__(self, ledger_rows: Iterable[LedgerRow], query_rows: Mapping[int, QueryRow]) -> None:
        self._ledger_rows = list(ledger_rows)
        self._query_rows = query_rows
        self._by_key: dict[str, list[LedgerRow]] = defaultdict(list)
        for ledger_row in self._ledger_rows:
            self._by_key[ledger_row.product_key].append(ledger_row)
        self._displaced: dict[str, list[int]] = {}
        self.changed: dict[tuple[str, str], LedgerRow] = {}
        """Ledger rows to write, by job and product key."""

    def displace(self, outcome: Outcome) -> None:
        """Take the rows of the same product and of the types that the outcome has queries of; no others."""
        types = {query.query_type for query in outcome.queries}
        for ledger_row in self._by_key.get(outcome.product_key, ()):
            ids = [query_id for query_id in ledger_row.query_ids if self._type_of(query_id, ledger_row) in types]
            if ids:
                self._take(ledger_row, ids)

    def deactivated(self) -> dict[str, list[int]]:
        """The rows to deactivate, by product key, each once. Call it after the last outcome.

        A row that another product of that job uses stays active.
        """
        used = {query_id for ledger_row in self._ledger_rows for query_id in ledger_row.query_ids}
        deactivated: dict[str, list[int]] = {}
        for key, ids in self._displaced.items():
            deactivated[key] = [query_id for query_id in dict.fromkeys(ids) if query_id not in used]
            used.update(ids)
        return deactivated

    def _type_of(self, query_id: int, ledger_row: LedgerRow) -> str | None:
        """None if there is no such row, or if it is another product's by now."""
        row = self._query_rows.get(query_id)
        return row.query_type if row is not None and row.product_id == ledger_row.product_id else None

    def _take(self, ledger_row: LedgerRow, ids: list[int]) -> None:
        """A digest of None equals no outcome's, so that the job delivers again when it is run."""
        active = [query_id for query_id in ids if self._query_rows[query_id].active]
        ledger_row.query_ids = [query_id for query_id in ledger_row.query_ids if query_id not in set(ids)]
        ledger_row.retired_ids += active
        ledger_row.hidden_ids += [query_id for query_id in ids if query_id not in set(active)]
        ledger_row.digest = None
        self._displaced.setdefault(ledger_row.product_key, []).extend(active)
        self.changed[ledger_row.job_id, ledger_row.product_key] = ledger_row
