"""The sink `postgres/queries`: makes the rows of `queries` equal to the outcomes of a job."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Protocol

from querygen_core.api import Context, Outcome, Receipt
from querygen_postgres.address import Address
from querygen_postgres.advice import missing_indexes
from querygen_postgres.bisect import DataProblem, bisect, explain
from querygen_postgres.database import PostgresDatabase
from querygen_postgres.dry_delivery import DryDelivery
from querygen_postgres.dry_run import DryRun
from querygen_postgres.failures import TooSlow, constraint_of
from querygen_postgres.fence import Fence
from querygen_postgres.ledger import Ledger
from querygen_postgres.ledgerless import MAX_PRODUCTS, Ledgerless
from querygen_postgres.names import TableNames
from querygen_postgres.options import QueriesOptions
from querygen_postgres.preflight import Preflight
from querygen_postgres.products import ProductTable
from querygen_postgres.records import Located, ProductRows, lookup_of_outcome
from querygen_postgres.rows import RowWriter, triggers
from querygen_postgres.sample import SampleStore
from querygen_postgres.session import Cursor, Session, Timeouts
from querygen_postgres.transaction_size import TransactionSize

_UNLIMITED = 1_000_000  # products of a batch
_NEEDS = {"queries": ("SELECT", "INSERT"), "products": ("SELECT",)}


class Store(Protocol):
    """With a ledger or without. Receipts are by product key."""

    def unchanged(self, cursor: Cursor, deliveries: Sequence[ProductRows]) -> dict[str, Receipt]:
        """Receipts for the outcomes that are stored already, or too old to be; all others are left out."""

    def write(self, cursor: Cursor, located: Sequence[Located]) -> dict[str, Receipt]:
        """Make the rows of these products equal to their outcomes, in the cursor's transaction."""


class QueriesSink:
    """Works in a thread, on one connection, in transactions of up to `batch_size` queries."""

    def __init__(self, options: QueriesOptions, context: Context) -> None:
        names = TableNames(options.schema_name)
        self._session = Session(Address(options, context), Timeouts(options.statement_timeout, options.lock_timeout))
        self._names = names
        self._preflight = Preflight(self._session, names, _NEEDS, options.ledger, context.log)
        self._dry_run = DryRun(self._session, names, context, tuple(_NEEDS), copied="queries")
        self._dry_delivery = DryDelivery(options, names, self._preflight, context)
        self.database = PostgresDatabase(self._session, names, ledger=options.ledger != "off", try_out=self._check)
        self._options = options
        self._context = context
        self.takes_samples = True
        self._fence = Fence(names, context)
        self._size = TransactionSize(options.statement_timeout, context.log)
        self._store: Store | None = None
        self._done: dict[tuple[str, int, bytes], Receipt] = {}

    @property
    def identity(self) -> str:
        return self._preflight.identity

    async def check(self) -> None:
        await asyncio.to_thread(self._check)

    async def apply(self, outcomes: Sequence[Outcome]) -> Sequence[Receipt]:
        return await asyncio.to_thread(self._apply, outcomes)

    async def aclose(self) -> None:
        await asyncio.to_thread(self._session.close)

    def _check(self) -> None:
        self._preflight.check()
        if not self._session.address.is_embedded:  # that one has the tables that querygen makes
            self._dry_run.try_out(self._dry_delivery.write)

    def _apply(self, outcomes: Sequence[Outcome]) -> list[Receipt]:
        """Receipts are kept until all of a call's outcomes are stored.

        When a call fails half-way the engine repeats it. What was committed before is then not written again, and is
        still reported as delivered, not as unchanged.
        """
        store, products = self._current_store(), ProductTable(self._names, keyed=self._preflight.uses_ledger())
        identity = self.identity
        deliveries = [
            ProductRows(outcome, bytes.fromhex(outcome.digest), outcome.refs.get(identity)) for outcome in outcomes
        ]
        for part in _without_repetition(deliveries):
            self._deliver(part, store, products)
        receipts = [self._done[delivery.identity] for delivery in deliveries]
        self._done.clear()
        return receipts

    def _deliver(self, deliveries: Sequence[ProductRows], store: Store, products: ProductTable) -> None:
        rest = self._not_done(deliveries)
        self._note(rest, bisect(rest, lambda part: self._unchanged(part, store), _not_compared))
        write = partial(self._size.write, write=lambda part: self._write(part, store, products))
        for batch in self._batches(self._not_done(rest)):
            self._note(batch, bisect(batch, write, self._reject))

    def _unchanged(self, batch: Sequence[ProductRows], store: Store) -> dict[str, Receipt]:
        return self._session.read(lambda cursor: store.unchanged(cursor, batch))

    def _write(self, batch: Sequence[ProductRows], store: Store, products: ProductTable) -> dict[str, Receipt]:
        located: list[Located] = []

        def work(cursor: Cursor) -> dict[str, Receipt]:
            if self._preflight.uses_ledger():
                self._fence.hold(cursor, [delivery.key for delivery in batch])
            located[:] = _locate(
                cursor, products, batch, changes=not self._context.sample
            )  # replaced if the transaction is tried again
            return store.write(cursor, located)

        def is_stored(cursor: Cursor) -> bool:
            written = [replace(delivery, product_id=product_id) for delivery, product_id in located]
            return len(store.unchanged(cursor, written)) == len(written)

        return self._session.write(work, is_stored)

    def _reject(self, delivery: ProductRows, error: DataProblem) -> dict[str, Receipt]:
        queries = delivery.outcome.queries
        texts = {
            "query_text": [query.text for query in queries],
            "query_type": [query.query_type for query in queries],
            "product_data": [delivery.key, delivery.outcome.title, delivery.outcome.brand],
        }
        explained = explain(error, texts, self._session)
        return {delivery.key: Receipt(product_key=delivery.key, error=explained, constraint=constraint_of(error))}

    def _current_store(self) -> Store:
        if self._store is None:
            uses_ledger = self._preflight.uses_ledger()
            writer = self._session.read(self._row_writer)
            if uses_ledger:
                if self._context.fence is not None:
                    self._session.write(self._fence.register)
                others = self._options.previous_jobs == "deactivate" and not self._context.sample
                store: Ledger | Ledgerless = Ledger(self._names, self._context.job_id, writer, deactivate_others=others)
            else:
                store = Ledgerless(self._names, writer)
            job_id = self._context.job_id if uses_ledger else None
            self._store = SampleStore(self._names, store, job_id) if self._context.sample else store
        return self._store

    def _row_writer(self, cursor: Cursor) -> RowWriter:
        for line in missing_indexes(cursor, self._names, ("queries",)):
            self._context.log.warning("%s: slow: %s", self.identity, line)
        has_triggers = bool(triggers(cursor, self._names))
        return RowWriter(self._names, self._preflight.sequence(cursor), has_triggers=has_triggers)

    def _not_done(self, deliveries: Sequence[ProductRows]) -> list[ProductRows]:
        return [delivery for delivery in deliveries if delivery.identity not in self._done]

    def _note(self, deliveries: Sequence[ProductRows], receipts: Mapping[str, Receipt]) -> None:
        for delivery in deliveries:
            if delivery.key in receipts:
                self._done[delivery.identity] = receipts[delivery.key]

    def _batches(self, deliveries: Sequence[ProductRows]) -> Iterator[list[ProductRows]]:
        """As many products as `batch_size` queries and the limits allow, at least one. A limit may fall meanwhile."""
        max_products = _UNLIMITED if self._preflight.uses_ledger() else MAX_PRODUCTS
        batch: list[ProductRows] = []
        size = 0
        for delivery in deliveries:
            queries = len(delivery.outcome.queries)
            if batch and (
                size + queries > self._options.batch_size or len(batch) >= min(max_products, self._size.products)
            ):
                yield batch
                batch, size = [], 0
            batch.append(delivery)
            size += queries
        if batch:
            yield batch


def _without_repetition(deliveries: Sequence[ProductRows]) -> Iterator[list[ProductRows]]:
    """In order, cut where a product comes again: it is compared with what was stored for it before."""
    part: dict[str, ProductRows] = {}
    for delivery in deliveries:
        if delivery.key in part:
            yield list(part.values())
            part = {}
        part[delivery.key] = delivery
    yield list(part.values())


def _locate(
    cursor: Cursor, products: ProductTable, deliveries: Sequence[ProductRows], *, changes: bool
) -> list[Located]:
    """Each with its row of `products`: the one that the preprocessor found, else one that is found or, unless the
    product is deleted, created now. changes: a row whose content has changed is brought up to date.
    """
    unknown = [delivery for delivery in deliveries if delivery.product_id is None]
    rows: dict[str, int] = {}
    if not changes:
        matches = products.find(cursor, [lookup_of_outcome(delivery.outcome) for delivery in unknown])
        rows = {key: match.product_id for key, match in matches.items() if match.is_unique}
        unknown = [delivery for delivery in unknown if delivery.key not in rows]
    if lookups := [lookup_of_outcome(delivery.outcome) for delivery in unknown if not delivery.is_deleted]:
        rows |= products.find_or_create(cursor, lookups)
    if deleted := [lookup_of_outcome(delivery.outcome) for delivery in unknown if delivery.is_deleted]:
        matches = products.find(cursor, deleted)
        rows |= {key: match.product_id for key, match in matches.items() if match.is_unique}
    return [
        (delivery, rows.get(delivery.key) if delivery.product_id is None else delivery.product_id)
        for delivery in deliveries
    ]


def _not_compared(_delivery: ProductRows, error: DataProblem) -> dict[str, Receipt]:
    """A product whose key cannot even be looked up; the attempt to write it finds out why."""
    if isinstance(error, TooSlow):
        raise error
    return {}
