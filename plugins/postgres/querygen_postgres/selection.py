"""`postgres/job-products`, the preprocessor: each product gets the id of its row in `products`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace

from querygen_core.api import Context, Product, Reject, SinkError
from querygen_postgres.address import Address
from querygen_postgres.database import PostgresDatabase
from querygen_postgres.ground import Ground
from querygen_postgres.isolation import Refused, explain, isolate
from querygen_postgres.names import Names
from querygen_postgres.options import JobProductsOptions
from querygen_postgres.products import ProductTable, Wanted
from querygen_postgres.records import of_product
from querygen_postgres.session import Cursor, Session

_AMBIGUOUS = Reject(
    reason="ambiguous_product",
    message="several rows of products have its title and brand; give one of them its id or hash",
)
_LOOKING = {"products": ("SELECT",), "jobselectedproducts": ("SELECT",)}
_MAKING = {"products": ("SELECT", "INSERT", "UPDATE"), "jobselectedproducts": ("SELECT", "INSERT")}
_PATIENCE = 10.0  # seconds that the database may be away, in the middle of reading the input
_PAUSE = 0.5


class JobProducts:
    """Each product is judged by itself; what is written is in the end the same in whatever order they come."""

    def __init__(self, options: JobProductsOptions, context: Context) -> None:
        names = Names(options.schema_name)
        self._makes = options.missing == "create"
        self._session = Session(Address(options, context))
        needs = _MAKING if self._makes else _LOOKING
        self._names = names
        self._ground = Ground(self._session, names, needs, "auto", context.log)
        self.database = PostgresDatabase(self._session, names, ledger=False)
        self._job_id = context.job_id

    async def check(self) -> None:
        await asyncio.to_thread(self._ground.look)

    async def process(self, products: Sequence[Product]) -> Sequence[Product | Reject]:
        until = time.monotonic() + _PATIENCE
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

    def _process(self, products: Sequence[Product]) -> list[Product | Reject]:
        wanted = {product.key: of_product(product) for product in products}
        found = isolate(list(wanted.values()), self._make if self._makes else self._find, self._refuse)
        return [self._result(product, found.get(product.key)) for product in products]

    def _find(self, wanted: Sequence[Wanted]) -> dict[str, int | Reject]:
        keyed = self._ground.mode(makes=False) == "A"
        table = ProductTable(self._names, keyed=keyed, selected_for=self._job_id)
        found = self._session.read(lambda cursor: table.find(cursor, wanted))
        return {key: one.product_id if one.clear else _AMBIGUOUS for key, one in found.items()}

    def _make(self, wanted: Sequence[Wanted]) -> dict[str, int | Reject]:
        table = ProductTable(self._names, keyed=self._ground.mode() == "A")

        def make(cursor: Cursor) -> dict[str, int]:
            rows = table.find_or_make(cursor, wanted)
            table.select(cursor, self._job_id, rows.values())
            return rows

        return dict(self._session.write(make))

    def _refuse(self, one: Wanted, error: Refused) -> dict[str, int | Reject]:
        texts = {"product_data": [str(one.data)], "brand_name": [one.brand]}
        why = explain(error, texts, self._session)
        return {one.key: Reject(reason="unstorable", message=f"the table products cannot hold it: {why}", key=one.key)}

    def _result(self, product: Product, found: int | Reject | None) -> Product | Reject:
        if isinstance(found, int):
            return replace(product, refs={**product.refs, self._ground.identity: found})
        reject = found or Reject(
            reason="not_selected",
            message=f"jobselectedproducts has no such product for job {self._job_id!r}; select it, or set "
            "`missing: create`",
        )
        return replace(reject, key=product.key)
