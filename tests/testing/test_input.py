from __future__ import annotations

import csv

import pytest

from querygen_core.api import MissingInput, Reject
from querygen_core.testing import InputContract, product
from tests.testing.verdict import catches


class Lines:
    def __init__(self, path):
        self.path = path

    def read(self):
        if not self.path.exists():
            raise MissingInput(f"{self.path} is not there")
        with self.path.open(newline="") as lines:
            for line, row in enumerate(csv.reader(lines), start=1):
                yield self.record(row, line)

    def record(self, row, line):
        if len(row) != 2:
            return Reject(reason="bad_row", message="the row has not two cells", file=str(self.path), line=line)
        return product(product_id=row[0], title=row[1], raw_ref=f"{self.path}:{line}")


class TestLines(InputContract):
    kind = Lines

    def build(self, tmp_path):
        (tmp_path / "products.csv").write_text("1,Kettle\n2,Toaster\nbroken\n3,Mug\n")
        return self.kind(tmp_path / "products.csv")

    def many(self, tmp_path, count):
        path = tmp_path / f"{count}.csv"
        path.write_text("".join(f"{number},Thing {number}\n" for number in range(count)))
        return self.kind(path)

    def missing(self, tmp_path):
        return self.kind(tmp_path / "absent.csv")


class Once(Lines):
    """A second read finds the stream used up."""

    def __init__(self, path):
        super().__init__(path)
        self.records = super().read()

    def read(self):
        yield from self.records


class Listed(Lines):
    def read(self):
        return list(super().read())


class Hoarding(Lines):
    def read(self):
        yield from list(super().read())


class Anonymous(Lines):
    def record(self, row, line):
        return product(product_id=row[0], raw_ref="")


class Counting(Lines):
    """Numbers its products over all reads, so that their keys change."""

    seen = 0

    def record(self, row, line):
        Counting.seen += 1
        return product(product_id=str(Counting.seen))


class Vague(Lines):
    def record(self, row, line):
        return Reject(reason="Something went wrong!", message="?")


class Quiet(Lines):
    def read(self):
        return iter(list(super().read()) if self.path.exists() else [])


class Overshooting(Lines):
    def fraction(self):
        return 1.5


@pytest.mark.parametrize(
    ("wrong", "test"),
    [
        (Once, "test_reads_the_same_again"),
        (Once, "test_reads_lazily"),
        (Listed, "test_reads_lazily"),
        (Hoarding, "test_keeps_little_in_memory"),
        (Anonymous, "test_products_say_who_they_are"),
        (Counting, "test_reads_the_same_again"),
        (Vague, "test_rejects_say_why_and_where"),
        (Vague, "test_yields_records"),
        (Quiet, "test_says_when_it_is_missing"),
        (Overshooting, "test_fraction_grows_to_the_end"),
    ],
)
def test_a_wrong_input_is_caught(wrong, test, tmp_path):
    contract = type("Wrong", (TestLines,), {"kind": wrong})
    assert catches(contract, test, tmp_path)
