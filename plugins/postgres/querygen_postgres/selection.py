"""The preprocessor `postgres/job-products`: gives each product the id of its row in `products`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace

from querygen_core.api import Context, Product, Reject, SinkError
from querygen_postgres.address import Address
from querygen_postgres.bisect import DataProblem, bisect, explain
from querygen_postgres.database import PostgresDatabase
from querygen_postgres.dry_run import DryRun, Refused
from querygen_postgres.failures import TooSlow
from querygen_postgres.invented import Invented
from querygen_postgres.names import TableNames
from querygen_postgres.options import JobProductsOptions
from querygen_postgres.preflight import Preflight
from querygen_postgres.products import ProductLookup, ProductTable
from querygen_postgres.records import lookup_of_product
from querygen_postgres.session import Cursor, Session

_AMBIGUOUS = Reject(
    reason="ambiguous_product",
    message="several rows of products have this title and brand; set the id or the hash of the right one",
)
_TO_FIND = {"products": ("SELECT",), "jobselectedproducts": ("SELECT",)}
_TO_CREATE = {"products": ("SELECT", "INSERT", "UPDATE"), "jobselectedproducts": ("SELECT", "INSERT")}
_RETRY_TIMEOUT = 10.0  # seconds that the database may be unavailable; the input waits meanwhile
_PAUSE = 0.5  # seconds between two attempts


class JobProducts:
    """Looks at each product by itself, so the rows are the same in whatever order products arrive."""

    def __init__(self, options: JobProductsOptions, context: Context) -> None:
        names = TableNames(options.schema_name)
        self._creates = options.missing == "create"
        self._session = Session(Address(options, context))
        needs = _TO_CREATE if self._creates else _TO_FIND
        self._names = names
        self._preflight = Preflight(self._session, names, needs, "auto", context.log)
        self._dry_run = DryRun(self._session, names, context, tuple(needs))
        self.database = PostgresDatabase(self._session, names, ledger=False, try_out=self._check)
        self._job_id = context.job_id

    async def check(self) -> None:
        await asyncio.to_thread(self._check)

    async def process(self, products: Sequence[Product]) -> Sequence[Product | Reject]:
        until = time.monotonic() + _RETRY_TIMEOUT
        while products:
            try:
                return await asyncio.to_thread(self._process, products)
            except SinkError as error:
                if error.kind != "retry" or time.monotonic() > until:
                    raise
            await asyncio.sleep(_PAUSE)
        return []

    async def aclose(self) -> None:
        await asyncio.to_thread(self._session.close)

    def _check(self) -> None:
        self._preflight.check()
        if not self._session.address.is_embedded:  # that one has the tables that querygen makes
            self._dry_run.try_out(self._write_invented if self._creates else None)

    def _write_invented(self, cursor: Cursor, invented: Invented) -> None:
        """Create, change and select the rows of a product, and find them again."""
        table = ProductTable(self._names, keyed=self._preflight.ledger_within(cursor))
        selected = ProductTable(self._names, keyed=False, selected_for=self._job_id)
        before, after = lookup_of_product(invented.product), lookup_of_product(invented.changed_product)
        row = table.create(cursor, before)
        if row is not None:
            table.update(cursor, [after], {after.key: row})
            table.select(cursor, self._job_id, [row])
        if row is None or selected.current(cursor, after) != row:
            tables = " or ".join(f"{self._names.schema}.{name}" for name in _TO_CREATE)
            raise Refused(f"its row of {tables} is not as it was written")

    def _process(self, products: Sequence[Product]) -> list[Product | Reject]:
        lookups = {product.key: lookup_of_product(product) for product in products}
        rows = bisect(list(lookups.values()), self._create if self._creates else self._find, self._reject)
        return [self._result(product, rows.get(product.key)) for product in products]

    def _find(self, lookups: Sequence[ProductLookup]) -> dict[str, int | Reject]:
        keyed = self._preflight.uses_ledger(may_create=False)
        table = ProductTable(self._names, keyed=keyed, selected_for=self._job_id)
        matches = self._session.read(lambda cursor: table.find(cursor, lookups))
        return {key: match.product_id if match.is_unique else _AMBIGUOUS for key, match in matches.items()}

    def _create(self, lookups: Sequence[ProductLookup]) -> dict[str, int | Reject]:
        table = ProductTable(self._names, keyed=self._preflight.uses_ledger())

        def create(cursor: Cursor) -> dict[str, int]:
            rows = table.find_or_create(cursor, lookups)
            table.select(cursor, self._job_id, rows.values())
            return rows

        return dict(self._session.write(create))

    def _reject(self, lookup: ProductLookup, error: DataProblem) -> dict[str, int | Reject]:
        if isinstance(error, TooSlow):
            raise error
        texts = {"product_data": [str(lookup.data)], "brand_name": [lookup.brand]}
        message = f"the table products cannot store it: {explain(error, texts, self._session)}"
        return {lookup.key: Reject(reason="unstorable", message=message, key=lookup.key)}

    def _result(self, product: Product, row: int | Reject | None) -> Product | Reject:
        if isinstance(row, int):
            return replace(product, refs={**product.refs, self._preflight.identity: row})
        reject = row or Reject(
            reason="not_selected",
            message=f"the product is not in jobselectedproducts for job {self._job_id!r}; add it, or set "
            "`missing: create`",
        )
        return replace(reject, key=product.key)
