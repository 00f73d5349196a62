"""JSON lines, one a query."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from typing import BinaryIO

from querygen_core.formats.holdings import HeldProduct
from querygen_core.formats.lines import (
    from_line,
    of_product,
    origin_line,
    read_lines,
    text_of,
    to_line,
    what_it_is,
)
from querygen_core.records import Outcome


class JsonLines:
    """The same lines of a product wherever they stand: they depend on job and outcome, on nothing else."""

    def __init__(self, job_id: str) -> None:
        self._job_id = job_id

    def head(self) -> str:
        return ""

    def product(self, outcome: Outcome) -> str:
        product = {"job_id": self._job_id, "ordinal": outcome.ordinal, **of_product(outcome)}
        shared = to_line(product)[:-1]  # what all lines begin with, written once
        lines = (
            (
                to_line({"position": position, "query_text": query.text, **what_it_is(query)})[1:-1],
                origin_line(query)[1:],
            )
            for position, query in enumerate(outcome.queries, start=1)
        )
        return "".join(f"{shared},{line},{origin}\n" for line, origin in lines)

    def tail(self) -> str:
        return ""

    @staticmethod
    def held(file: BinaryIO) -> Iterator[HeldProduct]:
        """What such lines hold. ValueError: they are none, or damaged."""
        names = ("product_key", "query_type", "query_text")
        records = (tuple(text_of(record, name) for name in names) for record in map(from_line, read_lines(file)))
        for key, group in groupby(records, itemgetter(0)):
            yield key, [(query_type, text) for _, query_type, text in group]
