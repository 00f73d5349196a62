"""`postgres/job-products`, the input: the products that were selected for the job."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from querygen_core.api import Context, MissingInput, Product, Reject, read_product
from querygen_postgres.address import Address
from querygen_postgres.database import PostgresDatabase
from querygen_postgres.ground import Ground
from querygen_postgres.names import Names
from querygen_postgres.options import SourceOptions
from querygen_postgres.records import source_of
from querygen_postgres.session import Cursor, Session

_PAGE_SIZE = 100
_COUNT = "SELECT count(DISTINCT product_id) FROM {jobselectedproducts} WHERE job_id = %s"
_PAGE = """
SELECT DISTINCT ON (j.product_id) j.product_id, p.product_data, p.brand_name
FROM {jobselectedproducts} j JOIN {products} p ON p.product_id = j.product_id
WHERE j.job_id = %s AND j.product_id > %s
ORDER BY j.product_id LIMIT %s
"""
_NEEDS = {"products": ("SELECT",), "jobselectedproducts": ("SELECT",)}
_LONGEST_RAW = 2_000


class JobSource:
    """Page by page, in the order of ids. A cursor would hold one transaction open for as long as the job takes, which
    keeps the server from cleaning up, and which a replica breaks off.
    """

    def __init__(self, options: SourceOptions, context: Context) -> None:
        names = Names(options.schema_name)
        primary = Session(Address(options, context))
        replica = options.read_dsn and Session(Address(options, context, options.read_dsn))
        self._sessions = (primary, replica) if replica else (primary,)
        self._session = replica or primary
        self._ground = Ground(self._session, names, _NEEDS, "auto", context.log)
        self.database = PostgresDatabase(primary, names, ledger=False)
        self._names = names
        self._options = options
        self._job_id = context.job_id
        self._total = 0
        self._read = 0

    async def check(self) -> None:
        await asyncio.to_thread(self._ground.look)

    async def aclose(self) -> None:
        for session in self._sessions:
            await asyncio.to_thread(session.close)

    def fraction(self) -> float | None:
        """How many of the job's products have been read, from 0 to 1."""
        return min(1.0, self._read / self._total) if self._total else None

    def read(self) -> Iterator[Product | Reject]:
        self._ground.look()
        self._read, self._total = 0, self._session.read(self._count)
        if not self._total:
            raise MissingInput(
                f"{self._ground.identity}: no product is selected in jobselectedproducts for job {self._job_id!r}"
            )
        last = -1
        while page := self._session.read(lambda cursor: self._page(cursor, last)):  # noqa: B023 - called at once
            for last, data, brand in page:
                self._read += 1
                yield self._product(last, data, brand)

    def _count(self, cursor: Cursor) -> int:
        row = cursor.execute(self._names.sql(_COUNT), (self._job_id,)).fetchone()
        return int(row[0]) if row else 0

    def _page(self, cursor: Cursor, after: int) -> list[tuple[int, Any, str | None]]:
        return cursor.execute(self._names.sql(_PAGE), (self._job_id, after, _PAGE_SIZE)).fetchall()

    def _product(self, row: int, data: Any, brand: str | None) -> Product | Reject:
        place = f"{self._names.schema}.products"
        if not isinstance(data, dict):
            message = f"product_data of product_id {row} is not an object; it should hold the product's fields"
            return Reject(
                reason="bad_product_data", message=message, file=place, line=row, raw=str(data)[:_LONGEST_RAW]
            )
        options = self._options
        source = source_of(data, options.source)
        product = read_product(data, source=source, locale=options.locale, fields=options.fields, file=place, line=row)
        if isinstance(product, Reject):
            return product
        own_brand = product.brand or (brand or "").strip()
        return replace(product, brand=own_brand, refs={self.database.identity: row})
