from __future__ import annotations

import re
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from querygen_core.api import Input, MissingInput, Product, Reject
from querygen_core.records import split_key
from querygen_core.testing.contract import Contract

_FEW, _MANY = 300, 3_000
_TIMES = 2
_SLACK = 300_000  # bytes; buffers and caches, much less than the records of `_MANY` take


class InputContract(Contract):
    r"""A source yields the same records each time, one by one, and says of each where it came from.

    class TestCatalogue(InputContract):
        def build(self, tmp_path):
            (tmp_path / "products.csv").write_text("id,title\n1,Kettle\n2,Toaster\n")
            return Catalogue(CatalogueOptions(path=str(tmp_path / "products.csv")), context(tmp_path))
    """

    def build(self, tmp_path: Path) -> Input:
        """A source of at least two products, in `tmp_path` if it needs a place. Called more than once."""
        raise NotImplementedError

    def many(self, tmp_path: Path, count: int) -> Input | None:  # noqa: ARG002 - for the author's own
        """Optional: a source of `count` products, to measure that memory does not grow with it."""
        return None

    def missing(self, tmp_path: Path) -> Input | None:  # noqa: ARG002 - for the author's own
        """Optional: a source that is not there."""
        return None

    def test_yields_records(self) -> None:
        records = self.records()
        assert all(isinstance(record, Product | Reject) for record in records), records
        assert sum(isinstance(record, Product) for record in records) >= 2, "the contract needs two products to judge"

    def test_reads_the_same_again(self) -> None:
        source = self.closed_later(self.build(self.folder))
        first = list(source.read())
        assert list(source.read()) == first, "a second read() differs"
        assert self.records() == first, "a source built anew differs"

    def test_reads_lazily(self) -> None:
        source = self.closed_later(self.build(self.folder))
        records = source.read()
        assert isinstance(records, Iterator), "read() must return an iterator, not hold all records"
        first = next(records)
        if hasattr(records, "close"):
            records.close()
        assert next(iter(source.read())) == first, "left half-way, it does not start from the beginning again"

    def test_keeps_little_in_memory(self) -> None:
        few = self.closed_later(self.many(self.folder, _FEW))
        if few is None:
            pytest.skip("many() is not given")
        _peak(few, _FEW)  # imports and caches
        smaller = _peak(few, _FEW)
        larger = min(
            _peak(cast("Input", self.closed_later(self.many(self.folder, _MANY))), _MANY) for _ in range(_TIMES)
        )  # what other threads take at that moment is counted too, and only adds
        assert larger < smaller + _SLACK, f"{_FEW} records take {smaller:,} bytes, {_MANY} take {larger:,}"

    def test_products_say_who_they_are(self) -> None:
        for product in self.products():
            assert product.product_id, f"{product} has no product_id"
            assert product.title, f"{product} has no title; without one it is a Reject"
            assert split_key(product.key) == (product.source, product.product_id, product.locale)
            assert product.raw_ref, f"{product.key} does not say where it came from (raw_ref)"

    def test_products_can_be_hashed(self) -> None:
        """A value without a canonical form would end the run, far from where it was read."""
        for product in self.products():
            assert len(product.content_hash()) == 64

    def test_rejects_say_why_and_where(self) -> None:
        for record in self.records():
            if isinstance(record, Reject):
                assert re.fullmatch(r"[a-z][a-z0-9_]*", record.reason), f"{record.reason!r} is no short stable code"
                assert record.message.strip(), record
                assert record.file or record.line is not None or record.raw, f"{record} cannot be found again"
                assert record.line is None or record.line >= 1, "lines count from 1"

    def test_fraction_grows_to_the_end(self) -> None:
        """Optional method; None where it cannot be known."""
        source = self.closed_later(self.build(self.folder))
        fraction = getattr(source, "fraction", lambda: None)
        seen = [fraction(), *(fraction() for _ in source.read())]
        known = [part for part in seen if part is not None]
        assert all(0 <= part <= 1 for part in known), seen
        assert known == sorted(known), seen

    def test_says_when_it_is_missing(self) -> None:
        absent = self.closed_later(self.missing(self.folder))
        if absent is None:
            pytest.skip("missing() is not given")
        with pytest.raises(MissingInput) as caught:
            list(absent.read())
        assert str(caught.value).strip()

    def records(self) -> list[Product | Reject]:
        return list(self.closed_later(self.build(self.folder)).read())

    def products(self) -> list[Product]:
        return [record for record in self.records() if isinstance(record, Product)]


def _peak(source: Input, expected: int) -> int:
    """The most memory, in bytes, that Python objects took while all of `source` was read."""
    tracemalloc.start()
    try:
        count = sum(1 for _ in source.read())
        assert count == expected, f"many() of {expected} yields {count}"
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
