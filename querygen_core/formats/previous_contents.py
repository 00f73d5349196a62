"""The queries that a sink held before, by product, in a temporary SQLite database, which spills to disk."""

from __future__ import annotations

import sqlite3
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from hashlib import blake2b

from querygen_core.contracts.errors import SinkError
from querygen_core.contracts.records import Outcome, Receipt
from querygen_core.formats.held_product import HeldProduct, outcome_of
from querygen_core.formats.lines import from_line, to_line

_WIDTH = 8  # bytes of a query's digest: two queries of one product share one by chance once in 10^16 products


class PreviousContents:
    """Compares what a sink held before with the outcomes that it gets now, in constant memory."""

    def __init__(self, *, keeps_records: bool = False) -> None:
        """keeps_records: of all products, for `outcome`; else only of those with a version, for `newer`."""
        self._keeps_records = keeps_records
        # The name "" is a temporary file, which SQLite removes. No journal and no sync: it is not needed after a crash.
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._database.executescript(
            "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
            "CREATE TABLE held (product BLOB, queries BLOB, version INTEGER, record BLOB);"
            "CREATE INDEX held_product ON held (product); BEGIN"
        )
        self._has_versions = False

    def load(self, products: Iterable[HeldProduct]) -> None:
        """Add products. If reading them raises, none of this call is added, and the error is passed on."""
        rows = map(self._row, products)
        with _failures():
            (last,) = self._database.execute("SELECT coalesce(max(rowid), 0) FROM held").fetchone()
            try:
                self._database.executemany("INSERT INTO held VALUES (?, ?, ?, ?)", rows)
            except BaseException:
                self._database.execute("DELETE FROM held WHERE rowid > ?", (last,))
                raise

    def _row(self, held: HeldProduct) -> tuple[bytes, bytes, int, bytes | None]:
        product, queries, version = _digest(held.key, 16), _digests(held.queries), held.record.get("version", 0)
        if not (version or self._keeps_records):
            return product, queries, 0, None
        self._has_versions = self._has_versions or version > 0
        # Compressed, since few are ever needed.
        return product, queries, version, zlib.compress(to_line(held.record).encode(), 1)

    def newer(self, outcome: Outcome) -> Outcome | None:
        """The product as it was held, if that was of a higher version than `outcome`; its `ordinal` is the new one."""
        if not self._has_versions:
            return None
        return self._held(outcome, outcome.version + 1)

    def outcome(self, outcome: Outcome) -> Outcome | None:
        """The product as it was held, None if it was not; its `ordinal` is the new one. Needs `keeps_records`."""
        return self._held(outcome, 0)

    def _held(self, outcome: Outcome, version: int) -> Outcome | None:
        """In the highest version, if that is at least `version`."""
        statement = "SELECT record FROM held WHERE product = ? AND version >= ? ORDER BY version DESC LIMIT 1"
        with _failures():
            row = self._database.execute(statement, (_digest(outcome.product_key, 16), version)).fetchone()
        return replace(outcome_of(from_line(zlib.decompress(row[0]))), ordinal=outcome.ordinal) if row else None

    def holds(self, product_key: str) -> bool:
        """Whether there is anything of the product of which `receipt` was not asked yet."""
        with _failures():
            found = self._database.execute("SELECT 1 FROM held WHERE product = ?", (_digest(product_key, 16),))
            return found.fetchone() is not None

    def receipt(self, outcome: Outcome) -> Receipt:
        """What changes for one product. Its previous queries count once, however often the product comes."""
        now = Counter(_digest(f"{query.query_type}\n{query.text}", _WIDTH) for query in outcome.queries)
        before = self._take(_digest(outcome.product_key, 16))
        unchanged = (now & before).total()
        return Receipt(
            product_key=outcome.product_key,
            delivered=now.total() - unchanged,
            unchanged=unchanged,
            retired=before.total() - unchanged,
        )

    def _take(self, product: bytes) -> Counter[bytes]:
        with _failures():
            rows = self._database.execute("SELECT queries FROM held WHERE product = ?", (product,)).fetchall()
            if rows:
                self._database.execute("DELETE FROM held WHERE product = ?", (product,))
        return Counter(blob[at : at + _WIDTH] for (blob,) in rows for at in range(0, len(blob), _WIDTH))

    def remaining(self) -> int:
        """How many queries belong to products for which `receipt` was never asked."""
        with _failures():
            (size,) = self._database.execute("SELECT coalesce(sum(length(queries)), 0) FROM held").fetchone()
        return int(size) // _WIDTH

    def close(self) -> None:
        self._database.close()


def _digests(queries: Iterable[tuple[str, str]]) -> bytes:
    return b"".join(_digest(f"{query_type}\n{text}", _WIDTH) for query_type, text in queries)


def _digest(text: str, width: int) -> bytes:
    # UTF-16 because JSON escapes are: two lone surrogates come back from a file as the one character they make.
    return blake2b(text.encode("utf-16-le", "surrogatepass"), digest_size=width).digest()


@contextmanager
def _failures() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise SinkError("retry", f"cannot keep count of the old queries in a temporary file: {error}") from error
