"""What the sink's check writes: all that a delivery writes, and once more after a change."""

from __future__ import annotations

from dataclasses import replace

import psycopg

from querygen_core.api import Context, Outcome
from querygen_postgres.dry_run import Refused
from querygen_postgres.fence import Fence
from querygen_postgres.invented import Invented
from querygen_postgres.ledger import Ledger
from querygen_postgres.ledgerless import Ledgerless
from querygen_postgres.names import TableNames
from querygen_postgres.options import QueriesOptions
from querygen_postgres.preflight import Preflight
from querygen_postgres.products import ProductTable
from querygen_postgres.records import ProductRows, lookup_of_outcome
from querygen_postgres.rows import RowWriter
from querygen_postgres.session import Cursor

_FINDS_ROWS = "postgres/job-products"
_SAVEPOINT = "SAVEPOINT querygen_check"
_ANY_PRODUCT = "SELECT product_id FROM {products} LIMIT 1"
_STILL_ACTIVE = "SELECT count(*) FROM {queries} WHERE product_id = %s AND query_text::text = %s AND is_active"


class DryDelivery:
    """Works with the code of a delivery, in the transaction of `DryRun`."""

    def __init__(self, options: QueriesOptions, names: TableNames, preflight: Preflight, context: Context) -> None:
        self._names = names
        self._preflight = preflight
        self._context = context
        self._deactivates_others = options.previous_jobs == "deactivate"
        upstream = context.upstream
        self._creates_products = upstream is not None and _FINDS_ROWS not in upstream

    def write(self, cursor: Cursor, invented: Invented) -> None:
        """Raises what a delivery would, and `Refused` if rows are not as they were written."""
        has_ledger = self._preflight.ledger_within(cursor)
        product_id = self._product(cursor, invented, ProductTable(self._names, keyed=has_ledger))
        if product_id is None:
            self._context.log.warning(
                "%s: no row can be added to products, and none is there: the check could not write to queries",
                self._preflight.identity,
            )
            return
        # Rows are read back even without a trigger: a rule could change them as well.
        writer = RowWriter(self._names, self._preflight.sequence(cursor), has_triggers=True)
        if not has_ledger:
            self._deliver(cursor, Ledgerless(self._names, writer), invented.outcome, product_id)
            return
        Fence(self._names, self._renamed(invented)).hold(cursor, [invented.product.key])
        ledger = Ledger(self._names, self._context.job_id, writer, deactivate_others=self._deactivates_others)
        self._deliver(cursor, ledger, invented.outcome, product_id)
        self._deliver(cursor, ledger, invented.changed_outcome, product_id)
        values = (product_id, invented.outcome.queries[0].text)
        if cursor.execute(self._names.sql(_STILL_ACTIVE), values).fetchone() != (0,):
            raise Refused(f"{self._names.schema}.queries.is_active stays true after an UPDATE: a trigger prevents it")

    def _renamed(self, invented: Invented) -> Context:
        """A job of its own: rows of `fence` of the real one are locked by its processes."""
        return replace(self._context, job_id=f"{self._context.job_id} {invented.product.product_id}")

    def _deliver(self, cursor: Cursor, store: Ledger | Ledgerless, outcome: Outcome, product_id: int) -> None:
        delivery = ProductRows(outcome, bytes.fromhex(outcome.digest), product_id)
        store.write(cursor, [(delivery, product_id)])
        if delivery.key not in store.unchanged(cursor, [delivery]):
            raise Refused(f"its rows of {self._names.schema}.queries are not as they were written")

    def _product(self, cursor: Cursor, invented: Invented, table: ProductTable) -> int | None:
        """The id of its row of `products`; of any row where the sink need not create some, and cannot."""
        if self._creates_products:
            return self._create(cursor, invented, table)
        cursor.execute(_SAVEPOINT)
        try:
            return self._create(cursor, invented, table)
        except (psycopg.Error, Refused):
            cursor.execute(f"ROLLBACK TO {_SAVEPOINT}")
        row = cursor.execute(self._names.sql(_ANY_PRODUCT)).fetchone()
        return int(row[0]) if row else None

    def _create(self, cursor: Cursor, invented: Invented, table: ProductTable) -> int:
        before, after = lookup_of_outcome(invented.outcome), lookup_of_outcome(invented.changed_outcome)
        product_id = table.create(cursor, before)
        if product_id is not None:
            table.update(cursor, [after], {after.key: product_id})
            if table.current(cursor, after) == product_id:
                return product_id
        raise Refused(f"its row of {self._names.schema}.products is not as it was written")
