"""`files/jsonl`: one line a query."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from typing import BinaryIO

from querygen_core.api import Outcome
from querygen_files.holdings import HeldProduct
from querygen_files.lines import from_line, provenance, read_lines, text_of, to_line


class JsonLines:
    def __init__(self, job_id: str) -> None:
        self._job_id = job_id

    def head(self) -> str:
        return ""

    def product(self, outcome: Outcome) -> str:
        source, product_id, locale = outcome.identity
        product = {
            "job_id": self._job_id,
            "ordinal": outcome.ordinal,
            "product_key": outcome.product_key,
            "source": source,
            "product_id": product_id,
            "locale": locale,
            "title": outcome.title,
        }
        shared = to_line(product)[:-1]  # what all lines begin with, written once
        lines = (
            to_line({"position": position, "query_text": query.text, **provenance(query)})[1:]
            for position, query in enumerate(outcome.queries, start=1)
        )
        return "".join(f"{shared},{line}\n" for line in lines)

    def tail(self) -> str:
        return ""

    def held(self, file: BinaryIO) -> Iterator[HeldProduct]:
        names = ("product_key", "query_type", "query_text")
        records = (tuple(text_of(record, name) for name in names) for record in map(from_line, read_lines(file)))
        for key, group in groupby(records, itemgetter(0)):
            yield key, [(query_type, text) for _, query_type, text in group]
