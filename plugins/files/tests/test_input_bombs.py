"""Files that would fill the memory: ended, or passed over, with the line where it happened."""

from __future__ import annotations

import gzip
import resource

import pytest

from files_catalogues import catalogue, read_until_error, said
from querygen_files.formats.records import MAX_RECORD

LONG = "x" * (9 * MAX_RECORD // 4)


def test_a_row_too_long_is_one_reject_and_the_next_is_read():
    assert said(f"id,title\n1,A\n2,{LONG}\n3,C\n") == ["2 1 A", "3 !too_long", "4 3 C"]


@pytest.mark.parametrize("content", ["id;" + LONG, "sep=;" + LONG])
def test_a_first_line_without_an_end_is_no_header(content: str):
    (error,) = said(content, format="csv")
    assert error.startswith("error:1: this is not a CSV file: its first line has more than 4,194,304 characters")


@pytest.mark.parametrize("size", [1, 100_000])
def test_zeros_are_no_text(size: int):
    (error,) = said(bytes(size))
    assert error == f"error:1: this is not a text file: it begins with {min(size, 65_536):,} zero bytes"
    assert said(gzip.compress(bytes(size))) == [error]


def test_a_device_without_an_end_is_told_at_once():
    results, error = read_until_error(catalogue("/dev/zero"))
    assert (results, error.startswith("/dev/zero:1: this is not a text file")) == ([], True)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("head", "tail"),
    [
        ('{"id":"a","title":"A"}\n{"id":"b","title":"', '"}\n{"id":"c","title":"C"}\n'),
        ('[{"id":"a","title":"A"},\n{"id":"b","title":"', '"}]'),
        ("id,title\nb,", "\nc,C\n"),
    ],
)
def test_a_bomb_of_300_mb_is_told_with_its_line_in_little_memory(head: str, tail: str):
    with gzip.open("bomb.gz", "wb", 1) as file:
        file.write(head.encode())
        for _ in range(300):
            file.write(b"x" * 1_000_000)
        file.write(tail.encode())
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    _, error = read_until_error(catalogue("bomb.gz"))
    assert error.startswith("bomb.gz:2: ")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # KiB
