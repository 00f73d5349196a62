"""The input, read lazily in a thread of its own, becomes rows of the manifest and work for the generators."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice

from querygen_core.api import Input, Preprocessor, Shard
from querygen_core.engine.halt import Halt
from querygen_core.engine.meter import Meter
from querygen_core.errors import InputError, PluginError, QuerygenError
from querygen_core.journal.interface import Entry, Journal
from querygen_core.masking import mask
from querygen_core.records import Fact, Product, Reject

_CHUNK = 200
_PATIENCE = 0.25  # seconds: a slow source hands over what it has
_RAW_LIMIT = 4_000  # characters of a rejected record that are kept

Record = Product | Reject


@dataclass(frozen=True, slots=True)
class Work:
    """A product that has no outcome yet, and its place in the manifest."""

    entry: Entry
    product: Product


@dataclass(slots=True)
class Intake:
    """outcome_key and volatile come from the pipeline: what else a product's outcome depends on."""

    source: Input
    use: str
    preprocessors: Sequence[tuple[str, Preprocessor]]
    journal: Journal
    meter: Meter
    halt: Halt
    shard: Shard
    sample: int | None
    outcome_key: Callable[[Product, str], str]
    volatile: frozenset[str]

    async def run(self, queue: asyncio.Queue[Work | None], readers: int) -> None:
        """Put every product that needs work into `queue`, then one None for each of its readers."""
        try:
            async for chunk in self._chunks():
                for work in await self._admit(chunk):
                    await queue.put(work)
                if not self.halt.reads_on:
                    break
            else:
                self.meter.input_done = True
        finally:
            for _ in range(readers):
                await queue.put(None)

    async def _chunks(self) -> AsyncIterator[list[tuple[int, Record]]]:
        loop = asyncio.get_running_loop()
        fraction = getattr(self.source, "fraction", None)
        with ThreadPoolExecutor(1, "input") as thread:
            records = islice(enumerate(self._read()), self.sample)
            error: QuerygenError | None = None
            self.meter.mark("input")
            while error is None:
                chunk, error = await loop.run_in_executor(thread, _next_chunk, records)
                if not chunk:
                    break
                self.meter.mark("input")
                self.meter.seen += len(chunk)
                self.meter.fraction = fraction() if fraction is not None else None
                yield chunk
            if error is not None:
                raise error

    def _read(self) -> Iterator[Record]:
        try:
            yield from map(self._checked, self.source.read())
        except QuerygenError:
            raise
        except (Exception, SystemExit) as exc:
            raise InputError(f"input {self.use!r} failed: {type(exc).__name__}: {exc}") from exc

    def _checked(self, record: object) -> Record:
        if not isinstance(record, Product | Reject):
            given = type(record).__name__
            raise PluginError(f"input {self.use!r} broke its contract: it gave {given}, neither Product nor Reject")
        return record

    async def _admit(self, chunk: Sequence[tuple[int, Record]]) -> list[Work]:
        read = [(ordinal, record) for ordinal, record in chunk if self.shard.has(_place(record))]
        mine = read
        for use, preprocessor in self.preprocessors:
            mine = await self._preprocess(use, preprocessor, mine)
        entries = [self._entry(ordinal, record, raw) for (ordinal, record), (_, raw) in zip(mine, read, strict=True)]
        states = await self.journal.admit(entries)
        if rejected := [_rejection(entry) for entry, state in zip(entries, states, strict=True) if state == "rejected"]:
            await self.journal.tell(rejected)
        self.meter.read += len(entries)
        self.meter.states.update(states)
        admitted = zip(entries, mine, states, strict=True)
        return [
            Work(entry, record)
            for entry, (_, record), state in admitted
            if state == "pending" and isinstance(record, Product)
        ]

    async def _preprocess(
        self, use: str, preprocessor: Preprocessor, records: list[tuple[int, Record]]
    ) -> list[tuple[int, Record]]:
        products = [record for _, record in records if isinstance(record, Product)]
        if not products:
            return records
        try:
            results = list(await preprocessor.process(products))
        except (QuerygenError, asyncio.CancelledError):
            raise
        except (Exception, SystemExit) as exc:
            raise PluginError(f"preprocessor {use!r} failed: {type(exc).__name__}: {exc}") from exc
        if len(results) != len(products) or not all(isinstance(result, Product | Reject) for result in results):
            raise PluginError(f"preprocessor {use!r} broke its contract: one Product or Reject for each product")
        following = iter(results)
        return [(place, next(following) if isinstance(record, Product) else record) for place, record in records]

    def _entry(self, ordinal: int, record: Record, raw: Record) -> Entry:
        """raw: the record as it was before the preprocessors, which tells where a rejected product came from."""
        if isinstance(record, Reject):
            safe = replace(record, raw=mask(record.raw[:_RAW_LIMIT]), message=mask(record.message))
            if isinstance(raw, Reject):
                return Entry(ordinal=ordinal, key=record.key, reject=safe)
            key = record.key or raw.key
            return Entry(ordinal=ordinal, key=key, raw_ref=raw.raw_ref, reject=safe, stage="preprocess")
        try:
            content_hash = record.content_hash(self.volatile)
        except (TypeError, ValueError, AttributeError) as exc:
            reject = Reject(reason="bad_product", message=f"a field of the product holds what cannot be used: {exc}")
            return Entry(ordinal=ordinal, key=record.key, raw_ref=record.raw_ref, reject=reject)
        return Entry(
            ordinal=ordinal, key=record.key, content_hash=content_hash,
            outcome_key=self.outcome_key(record, content_hash), title=record.title, refs=record.refs,
            raw_ref=record.raw_ref,
        )  # fmt: skip


def _rejection(entry: Entry) -> Fact:
    reject = entry.reject
    file, line = (reject.file, reject.line) if reject and reject.file else entry.place
    reason = reject.reason if reject else "conflict"
    return Fact(kind="product_rejected", data={"product": entry.key, "reason": reason, "file": file, "line": line})


def _next_chunk(
    records: Iterator[tuple[int, Record]],
) -> tuple[list[tuple[int, Record]], QuerygenError | None]:
    """Some records, and what ended the reading if it failed: what was read before counts all the same."""
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


def _place(record: Record) -> str:
    """What decides the shard. A record without a key is placed by what it holds, so by every shard in the same way."""
    return record.key or (record.raw if isinstance(record, Reject) else "")
