"""The format `jsonl`: one JSON object per line and query."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import BinaryIO

from querygen_core.contracts.records import Outcome
from querygen_core.formats.held_product import HeldProduct
from querygen_core.formats.lines import (
    from_line,
    of_product,
    origin_line,
    read_lines,
    text_of,
    to_line,
    type_of_query,
    version_of,
)


class JsonLines:
    """Writes the lines of each product. They depend on job id and outcome only, wherever in a file they are."""

    def __init__(self, job_id: str) -> None:
        self._job_id = job_id

    def head(self) -> str:
        return ""

    def product(self, outcome: Outcome) -> str:
        product = {"job_id": self._job_id, "ordinal": outcome.ordinal, **of_product(outcome)}
        shared = to_line(product)[:-1]  # the beginning of all its lines, encoded once
        lines = (
            (
                to_line({"position": position, "query_text": query.text, **type_of_query(query)})[1:-1],
                origin_line(query)[1:],
            )
            for position, query in enumerate(outcome.queries, start=1)
        )
        return "".join(f"{shared},{line},{origin}\n" for line, origin in lines)

    def tail(self) -> str:
        return ""

    @staticmethod
    def held(file: BinaryIO) -> Iterator[HeldProduct]:
        """The products in such a file; a product's lines must be together.

        Raises:
            ValueError: it is not such a file, or damaged.
        """
        records = map(from_line, read_lines(file))
        for key, group in groupby(records, lambda record: text_of(record, "product_key")):
            lines = list(group)
            queries = [(text_of(line, "query_type"), text_of(line, "query_text")) for line in lines]
            version_of(lines[0])
            yield HeldProduct(key, queries, lines[0] | {"queries": lines})
