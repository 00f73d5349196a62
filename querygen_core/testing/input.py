from __future__ import annotations

import re
import tracemalloc
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import cast

import pytest

from querygen_core.api import Input, MissingInput, Product, Reject, ReportsProgress
from querygen_core.contracts.records import split_key
from querygen_core.testing.contract import Contract

_FEW, _MANY = 300, 3_000
_TIMES = 2
_SLACK = 300_000  # bytes; buffers and caches, much less than the records of `_MANY` take


class InputContract(Contract):
    r"""Checks that an input yields the same records each time, one by one, and says where each came from.

    class TestCatalogue(InputContract):
        def build(self, tmp_path):
            (tmp_path / "products.csv").write_text("id,title\n1,Kettle\n2,Toaster\n")
            return Catalogue(CatalogueOptions(path=str(tmp_path / "products.csv")), context(tmp_path))
    """

    def build(self, tmp_path: Path) -> Input:
        """An input of at least two products, with its files in `tmp_path` if it has any. Called several times."""
        raise NotImplementedError

    def many(self, tmp_path: Path, count: int) -> Input | None:  # noqa: ARG002 - for the author's own
        """Optional: an input of `count` products, to check that memory does not grow with their number."""
        return None

    def missing(self, tmp_path: Path) -> Input | None:  # noqa: ARG002 - for the author's own
        """Optional: an input whose source does not exist."""
        return None

    def test_yields_records(self) -> None:
        records = self.records()
        assert all(isinstance(record, Product | Reject) for record in records), records
        assert sum(isinstance(record, Product) for record in records) >= 2, (
            "build() must give an input of at least two products"
        )

    def test_reads_the_same_again(self) -> None:
        source = self.closed_later(self.build(self.folder))
        first = list(source.read())
        assert list(source.read()) == first, "a second read() yields different records"
        assert self.records() == first, "a second instance, built with equal options, yields different records"

    def test_reads_lazily(self) -> None:
        source = self.closed_later(self.build(self.folder))
        records = source.read()
        assert isinstance(records, Iterator), (
            "read() must be an iterator (write it with `yield`), so that not all records are in memory"
        )
        first = next(records)
        if isinstance(records, Generator):
            records.close()
        assert next(iter(source.read())) == first, (
            "after a read() that was not finished, the next one does not start at the first record"
        )

    def test_keeps_little_in_memory(self) -> None:
        few = self.closed_later(self.many(self.folder, _FEW))
        if few is None:
            pytest.skip("many() is not given")
        _peak(few, _FEW)  # imports and caches
        smaller = _peak(few, _FEW)
        larger = min(
            _peak(cast("Input", self.closed_later(self.many(self.folder, _MANY))), _MANY) for _ in range(_TIMES)
        )  # the lowest counts: memory that other threads take at that moment is measured too
        assert larger < smaller + _SLACK, (
            f"reading {_FEW} records takes {smaller:,} bytes, {_MANY} take {larger:,}: yield records one by one"
        )

    def test_products_say_who_they_are(self) -> None:
        for product in self.products():
            assert product.product_id, f"{product} has no product_id"
            assert product.title, f"{product} has no title: yield a Reject for a record without one"
            assert split_key(product.key) == (product.source, product.product_id, product.locale)
            assert product.raw_ref, f"{product.key} has no raw_ref: say where it came from, such as file:line"

    def test_products_can_be_hashed(self) -> None:
        """A value without a canonical form would end the run, far from where it was read."""
        for product in self.products():
            assert len(product.content_hash()) == 64

    def test_rejects_say_why_and_where(self) -> None:
        for record in self.records():
            if isinstance(record, Reject):
                assert re.fullmatch(r"[a-z][a-z0-9_]*", record.reason), (
                    f"{record.reason!r} is not a short code such as bad_json"
                )
                assert record.message.strip(), f"{record} has no message: say what is wrong and what to do"
                assert record.file or record.line is not None or record.raw, (
                    f"{record} cannot be found in the source: set file and line, or raw"
                )
                assert record.line is None or record.line >= 1, "line counts from 1"

    def test_fraction_grows_to_the_end(self) -> None:
        """`fraction()` is how much has been read; None where that cannot be known."""
        source = self.closed_later(self.build(self.folder))
        if not isinstance(source, ReportsProgress):
            pytest.skip("it has no fraction()")
        fractions = [source.fraction(), *(source.fraction() for _ in source.read())]
        known = [fraction for fraction in fractions if fraction is not None]
        assert all(0 <= fraction <= 1 for fraction in known), f"fraction() must lie between 0 and 1: {known}"
        assert known == sorted(known), f"fraction() must not go back: {known}"

    def test_says_when_it_is_missing(self) -> None:
        absent = self.closed_later(self.missing(self.folder))
        if absent is None:
            pytest.skip("missing() is not given")
        with pytest.raises(MissingInput) as caught:
            list(absent.read())
        assert str(caught.value).strip(), "MissingInput needs a message: what is missing, and where it was looked for"

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
