"""The input `postgres/job-products`: reads the products that were selected for the job."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from querygen_core.api import Context, MissingInput, Product, Reject, read_product
from querygen_postgres.address import Address
from querygen_postgres.database import PostgresDatabase
from querygen_postgres.names import TableNames
from querygen_postgres.options import SourceOptions
from querygen_postgres.preflight import Preflight
from querygen_postgres.records import source_of
from querygen_postgres.session import Cursor, Session

_PAGE_SIZE = 100
_COUNT = "SELECT count(DISTINCT product_id) FROM {jobselectedproducts} WHERE job_id = %s"
# DISTINCT: the deployment's own table of selections may have no primary key, and so a product twice.
_PAGE = """
SELECT DISTINCT ON (j.product_id) j.product_id, p.product_data, p.brand_name
FROM {jobselectedproducts} j JOIN {products} p ON p.product_id = j.product_id
WHERE j.job_id = %s AND j.product_id > %s
ORDER BY j.product_id LIMIT %s
"""
_NEEDS = {"products": ("SELECT",), "jobselectedproducts": ("SELECT",)}
_MAX_RAW_LENGTH = 2_000  # characters of a bad record that a dead letter shows


class JobSource:
    """Reads page by page, in the order of ids, each in a transaction of its own.

    A cursor would keep one transaction open as long as the job runs: vacuum could not remove dead rows meanwhile, and a
    replica cancels such a transaction.
    """

    def __init__(self, options: SourceOptions, context: Context) -> None:
        names = TableNames(options.schema_name)
        primary = Session(Address(options, context))
        replica = options.read_dsn and Session(Address(options, context, options.read_dsn))
        self._sessions = (primary, replica) if replica else (primary,)
        self._session = replica or primary
        self._preflight = Preflight(self._session, names, _NEEDS, "auto", context.log)
        self.database = PostgresDatabase(primary, names, ledger=False)
        self._names = names
        self._options = options
        self._job_id = context.job_id
        self._total = 0
        self._read = 0

    async def check(self) -> None:
        await asyncio.to_thread(self._preflight.check)

    async def aclose(self) -> None:
        for session in self._sessions:
            await asyncio.to_thread(session.close)

    def fraction(self) -> float | None:
        """The share of the job's products that has been read, from 0 to 1; None before reading begins."""
        return min(1.0, self._read / self._total) if self._total else None

    def read(self) -> Iterator[Product | Reject]:
        self._preflight.check()
        self._read, self._total = 0, self._session.read(self._count)
        if not self._total:
            raise MissingInput(
                f"{self._preflight.identity}: jobselectedproducts selects no product for job {self._job_id!r}"
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

    def _product(self, row: int, data: Any, brand_name: str | None) -> Product | Reject:
        table = f"{self._names.schema}.products"
        if not isinstance(data, dict):
            message = f"product_data of product_id {row} is not a JSON object; it should contain the product's fields"
            return Reject(
                reason="bad_product_data", message=message, file=table, line=row, raw=str(data)[:_MAX_RAW_LENGTH]
            )
        options = self._options
        source = source_of(data, options.source)
        product = read_product(data, source=source, locale=options.locale, fields=options.fields, file=table, line=row)
        if isinstance(product, Reject):
            return product
        brand = product.brand or (brand_name or "").strip()
        return replace(product, brand=brand, refs={self.database.identity: row})
