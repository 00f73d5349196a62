"""What a sink held before: the queries of each product, in a temporary database that spills to disk by itself."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from hashlib import blake2b

from querygen_core.errors import SinkError
from querygen_core.records import Outcome, Receipt

HeldProduct = tuple[str, Iterable[tuple[str, str]]]
"""A product's key, and query type and text of each of its queries."""

_WIDTH = 8  # bytes a query: two of one product agree by chance once in 10^16 products


class Holdings:
    """Told what the old files hold, then what each product holds now; says what came, stayed and went."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._database.executescript(
            "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
            "CREATE TABLE held (product BLOB, queries BLOB); CREATE INDEX held_product ON held (product); BEGIN"
        )

    def load(self, products: Iterable[HeldProduct]) -> None:
        """Take over all of `products`, or nothing if reading them raises, which passes. May be called again."""
        rows = ((_digest(key, 16), _digests(queries)) for key, queries in products)
        with _failures():
            (last,) = self._database.execute("SELECT coalesce(max(rowid), 0) FROM held").fetchone()
            try:
                self._database.executemany("INSERT INTO held VALUES (?, ?)", rows)
            except BaseException:
                self._database.execute("DELETE FROM held WHERE rowid > ?", (last,))
                raise

    def settle(self, outcome: Outcome) -> Receipt:
        """What changes for one product. What it held counts once, however often the product comes."""
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

    def rest(self) -> int:
        """How many queries belong to products that were never settled."""
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
