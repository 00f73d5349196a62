"""From the input, read lazily in a thread of its own, to rows of the manifest and pending products."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from typing import Protocol

from querygen_core.api import Input, Preprocessor, ReportsProgress, Shard
from querygen_core.contracts.errors import QuerygenError
from querygen_core.contracts.journal import ManifestEntry
from querygen_core.contracts.records import Event, Product, Reject, State
from querygen_core.engine.dead_letter_log import DeadLetterLog
from querygen_core.engine.first_records import FirstRecords
from querygen_core.engine.run_stats import RunStats
from querygen_core.engine.shutdown import Shutdown
from querygen_core.registry import BuiltComponent
from querygen_core.secrets.masking import mask

_CHUNK = 200
_PATIENCE = 0.25  # seconds: a slow source hands over what it has
_RAW_LIMIT = 4_000  # characters of a rejected record that are kept

Record = Product | Reject


@dataclass(frozen=True, slots=True)
class PendingProduct:
    """A product that has no outcome yet."""

    entry: ManifestEntry
    """Its row in the manifest."""
    product: Product
    """As the preprocessors have left it."""


class Admits(Protocol):
    """The part of a journal that takes the records."""

    async def admit(self, entries: Sequence[ManifestEntry]) -> Sequence[State]:
        """See `Journal.admit`."""
        ...

    async def append_events(self, events: Sequence[Event]) -> None:
        """See `Journal.append_events`."""
        ...


@dataclass(slots=True)
class Ingest:
    """Reads the input once. Every record of this shard becomes a row of the manifest; the products without an outcome
    go on to the generators.
    """

    input: BuiltComponent[Input]
    """The component that yields the records."""
    preprocessors: Sequence[BuiltComponent[Preprocessor]]
    """Change or reject products before their keys are made, in this order."""
    journal: Admits
    """Holds the manifest and knows earlier outcomes."""
    stats: RunStats
    """Counts the records."""
    shutdown: Shutdown
    """Decides whether reading goes on when the run ends early."""
    first_records: FirstRecords
    """Says when the first products may be asked for."""
    shard: Shard
    """The part of the records that this process works on."""
    sample: int | None
    """Records to read; None: all."""
    outcome_key: Callable[[Product, str], str]
    """The pipeline's function from product and content hash to outcome key."""
    volatile: frozenset[str]
    """The product fields of `VOLATILE` that count as content."""
    dead_letters: DeadLetterLog
    """Gets what is rejected."""

    async def run(self, queue: asyncio.Queue[PendingProduct | None], readers: int) -> None:
        """Put every pending product into `queue`, then one None for each of its readers.

        Raises:
            InputError: the input failed; what it gave before is in the queue. PluginError: it broke its contract.
        """
        held: list[PendingProduct] = []
        releasing = asyncio.create_task(self._release(held, queue))
        try:
            async for chunk in self._chunks():
                admitted = await self._admit(chunk)
                if self.first_records.judged.is_set():
                    await releasing
                    for pending in admitted:
                        await queue.put(pending)
                else:
                    held += admitted
                if not self.shutdown.reads_on:
                    break
            else:
                self.stats.input_done = True
        finally:
            # Also after an error, since the readers would wait for ever.
            self.first_records.judge()
            await releasing
            for _ in range(readers):
                await queue.put(None)

    async def _release(self, held: list[PendingProduct], queue: asyncio.Queue[PendingProduct | None]) -> None:
        """Put what was held until the first records were judged. A task of its own: the source may take long to give
        the next record.
        """
        await self.first_records.judged.wait()
        for pending in held:
            await queue.put(pending)

    async def _chunks(self) -> AsyncIterator[list[tuple[int, Record]]]:
        loop = asyncio.get_running_loop()
        with self.input.guard:
            progress = self.input.instance if isinstance(self.input.instance, ReportsProgress) else None
        # One thread for all chunks: a reader may hold objects (a database cursor, say) that are bound to their thread.
        with ThreadPoolExecutor(1, "input") as thread:
            # Ordinals count the records of all shards, so that a product has the same one in each of them.
            records = islice(enumerate(self._read()), self.sample)
            error: QuerygenError | None = None
            self.stats.mark("input")
            while error is None:
                chunk, error = await loop.run_in_executor(thread, _next_chunk, records)
                if not chunk:
                    break
                self.stats.mark("input")
                self.stats.seen += len(chunk)
                if progress is not None:
                    with self.input.guard:
                        self.stats.fraction = progress.fraction()
                yield chunk
            if error is not None:
                raise error

    def _read(self) -> Iterator[Record]:
        guard = self.input.guard
        with guard:
            record: object
            for record in self.input.instance.read():
                if not isinstance(record, Product | Reject):
                    raise guard.violation(f"it yielded {type(record).__name__}, neither Product nor Reject")
                yield record

    async def _admit(self, chunk: Sequence[tuple[int, Record]]) -> list[PendingProduct]:
        read = [(ordinal, record) for ordinal, record in chunk if self.shard.has(_partition_key(record))]
        processed = read
        rejecting: dict[int, str] = {}
        for preprocessor in self.preprocessors:
            processed = await _preprocess(preprocessor, processed, rejecting)
        entries = [
            self._entry(ordinal, record, raw, rejecting.get(ordinal, self.input.use))
            for (ordinal, record), (_, raw) in zip(processed, read, strict=True)
        ]
        states = await self.journal.admit(entries)
        letters = [
            entry.rejection() if state == "rejected" else None for entry, state in zip(entries, states, strict=True)
        ]
        if rejected := [letter for letter in letters if letter is not None]:
            events = [Event(kind="product_rejected", data=letter.details) for letter in rejected]
            await self.journal.append_events(events)
            for letter in rejected:
                self.dead_letters.add(letter)
        self.stats.read += len(entries)
        self.stats.states.update(states)
        self.first_records.add([None if letter is None else letter.reason for letter in letters])
        admitted = zip(entries, processed, states, strict=True)
        return [
            PendingProduct(entry, record)
            for entry, (_, record), state in admitted
            if state == "pending" and isinstance(record, Product)
        ]

    def _entry(self, ordinal: int, record: Record, raw: Record, use: str) -> ManifestEntry:
        """raw: the record before the preprocessors; it knows the file and line of a product that they rejected. use:
        the component that has rejected it, or the input.
        """
        if isinstance(record, Reject):
            safe = replace(record, raw=mask(record.raw[:_RAW_LIMIT]), message=mask(record.message))
            if isinstance(raw, Reject):
                return ManifestEntry(ordinal=ordinal, key=record.key, reject=safe, component=use)
            key, stage = record.key or raw.key, "preprocess"
            return ManifestEntry(ordinal=ordinal, key=key, raw_ref=raw.raw_ref, reject=safe, stage=stage, component=use)
        try:
            content_hash = record.content_hash(self.volatile)
        except (TypeError, ValueError, AttributeError) as exc:
            reject = Reject(reason="bad_product", message=f"a field of the product has an unusable value: {exc}")
            return ManifestEntry(ordinal=ordinal, key=record.key, raw_ref=record.raw_ref, reject=reject, component=use)
        return ManifestEntry(
            ordinal=ordinal,
            key=record.key,
            content_hash=content_hash,
            outcome_key=self.outcome_key(record, content_hash),
            title=record.title,
            refs=record.refs,
            raw_ref=record.raw_ref,
            version=record.version,
            component=use,
        )


async def _preprocess(
    preprocessor: BuiltComponent[Preprocessor], records: list[tuple[int, Record]], rejecting: dict[int, str]
) -> list[tuple[int, Record]]:
    """The records with their products replaced by the preprocessor's results; rejects stay. rejecting: gets the
    preprocessor's name for the ordinals of those that it rejects.
    """
    products = [record for _, record in records if isinstance(record, Product)]
    if not products:
        return records
    with preprocessor.guard:
        results = list(await preprocessor.instance.process(products))
    if len(results) != len(products) or not all(isinstance(result, Product | Reject) for result in results):
        raise preprocessor.guard.violation("it must return one Product or Reject for each product")
    following = iter(results)
    processed = [(ordinal, next(following) if isinstance(record, Product) else record) for ordinal, record in records]
    for (ordinal, record), (_, result) in zip(records, processed, strict=True):
        if result is not record and isinstance(result, Reject):
            rejecting[ordinal] = preprocessor.use
    return processed


def _next_chunk(
    records: Iterator[tuple[int, Record]],
) -> tuple[list[tuple[int, Record]], QuerygenError | None]:
    """The next records, and the error if reading failed after them: they count all the same."""
    chunk: list[tuple[int, Record]] = []
    started = time.monotonic()
    try:
        for record in records:
            chunk.append(record)
            if len(chunk) == _CHUNK or time.monotonic() - started > _PATIENCE:
                break
    except QuerygenError as error:
        return chunk, error
    return chunk, None


def _partition_key(record: Record) -> str:
    """The text that decides the shard: the product's key or, where there is none, the record itself, so that all
    shards agree on who has it.
    """
    return record.key or (record.raw if isinstance(record, Reject) else "")
