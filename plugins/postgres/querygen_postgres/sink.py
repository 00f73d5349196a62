"""`postgres/queries`: what a job has made of its products, in the table `queries`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from querygen_core.api import Context, Outcome, Receipt
from querygen_postgres.address import Address
from querygen_postgres.database import PostgresDatabase
from querygen_postgres.ground import Ground
from querygen_postgres.isolation import Refused, explain, is_unstorable, isolate
from querygen_postgres.ledger import Ledger
from querygen_postgres.names import Names
from querygen_postgres.options import QueriesOptions
from querygen_postgres.plain import MOST_PRODUCTS, Plain
from querygen_postgres.products import ProductTable
from querygen_postgres.records import Delivery, Placed, of_outcome
from querygen_postgres.session import Cursor, Limits, Session

_ANY = 1_000_000
_NEEDS = {"queries": ("SELECT", "INSERT"), "products": ("SELECT",)}


class Store(Protocol):
    """How a mode tells what is there as it should be, and writes what is not."""

    def unchanged(self, cursor: Cursor, deliveries: Sequence[Delivery]) -> dict[str, Receipt]: ...
    def write(self, cursor: Cursor, placed: Sequence[Placed]) -> dict[str, Receipt]: ...


class QueriesSink:
    """Works in a thread, on one connection, in transactions of about `batch_size` queries."""

    def __init__(self, options: QueriesOptions, context: Context) -> None:
        names = Names(options.schema_name)
        self._session = Session(Address(options, context), Limits(options.statement_timeout, options.lock_timeout))
        self._names = names
        self._ground = Ground(self._session, names, _NEEDS, options.mode, context.log)
        self.database = PostgresDatabase(self._session, names, ledger=options.mode != "B")
        self._options = options
        self._job_id = context.job_id
        self._store: Store | None = None
        self._done: dict[tuple[str, bytes], Receipt] = {}

    @property
    def identity(self) -> str:
        return self._ground.identity

    async def check(self) -> None:
        await asyncio.to_thread(self._ground.look)

    async def apply(self, outcomes: Sequence[Outcome]) -> Sequence[Receipt]:
        return await asyncio.to_thread(self._apply, outcomes)

    async def aclose(self) -> None:
        await asyncio.to_thread(self._session.close)

    def _apply(self, outcomes: Sequence[Outcome]) -> list[Receipt]:
        """What a call that failed had done already is neither done nor counted again by the next."""
        store, keyed = self._current_store(), self._ground.mode() == "A"
        products = ProductTable(self._names, keyed=keyed)
        identity = self.identity
        deliveries = [Delivery(one, bytes.fromhex(one.digest), one.refs.get(identity)) for one in outcomes]
        rest = self._left(deliveries)
        known = [one for one in rest if not is_unstorable(one.key)]
        self._note(known, self._session.read(lambda cursor: store.unchanged(cursor, known)))
        for batch in self._batches(self._left(rest), _ANY if keyed else MOST_PRODUCTS):
            self._note(batch, isolate(batch, lambda part: self._write(part, store, products), self._refuse))
        receipts = [self._done[one.key, one.digest] for one in deliveries]
        self._done.clear()
        return receipts

    def _write(self, batch: Sequence[Delivery], store: Store, products: ProductTable) -> dict[str, Receipt]:
        placed: list[Placed] = []

        def work(cursor: Cursor) -> dict[str, Receipt]:
            placed[:] = _placed(cursor, products, batch)
            return store.write(cursor, placed)

        def is_there(cursor: Cursor) -> bool:
            known = [replace(one, product_id=number) for one, number in placed]
            return len(store.unchanged(cursor, known)) == len(known)

        return self._session.write(work, is_there)

    def _refuse(self, one: Delivery, error: Refused) -> dict[str, Receipt]:
        queries = one.outcome.queries
        texts = {
            "query_text": [query.text for query in queries],
            "query_type": [query.query_type for query in queries],
            "product_data": [one.key, one.outcome.title, one.outcome.brand],
        }
        return {one.key: Receipt(product_key=one.key, error=explain(error, texts, self._session))}

    def _current_store(self) -> Store:
        if self._store is None:
            mode, sequence = self._ground.mode(), self._ground.sequence()
            others = self._options.previous_jobs == "deactivate"
            ledger = Ledger(self._names, self._job_id, sequence, deactivate_others=others)
            self._store = ledger if mode == "A" else Plain(self._names, sequence)
        return self._store

    def _left(self, deliveries: Sequence[Delivery]) -> list[Delivery]:
        return [one for one in deliveries if (one.key, one.digest) not in self._done]

    def _note(self, deliveries: Sequence[Delivery], receipts: Mapping[str, Receipt]) -> None:
        self._done.update(((one.key, one.digest), receipts[one.key]) for one in deliveries if one.key in receipts)

    def _batches(self, deliveries: Sequence[Delivery], most: int) -> Iterator[list[Delivery]]:
        """As many products as `batch_size` queries allow, at least one."""
        batch: list[Delivery] = []
        size = 0
        for one in deliveries:
            queries = len(one.outcome.queries)
            if batch and (size + queries > self._options.batch_size or len(batch) == most):
                yield batch
                batch, size = [], 0
            batch.append(one)
            size += queries
        if batch:
            yield batch


def _placed(cursor: Cursor, products: ProductTable, deliveries: Sequence[Delivery]) -> list[Placed]:
    """Each with its row of `products`: the one that the preprocessor found, else one that is found or made now."""
    unknown = [of_outcome(one.outcome) for one in deliveries if one.product_id is None]
    found = products.find_or_make(cursor, unknown) if unknown else {}
    return [(one, found[one.key] if one.product_id is None else one.product_id) for one in deliveries]
