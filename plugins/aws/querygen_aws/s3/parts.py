"""The layout `parts`: 64 files of JSON lines, a line a query, and a manifest that tells when all are there."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import BinaryIO

from querygen_aws.s3.bucket import Seen
from querygen_aws.s3.holdings import HeldProduct
from querygen_aws.s3.lines import from_line, of_product, of_query, read_lines, text_of, to_line
from querygen_core.api import Outcome

_FORMAT = "querygen/parts/1"


def product_lines(job_id: str, outcome: Outcome) -> str:
    """A product's lines. They are the same whichever shard writes them."""
    shared = to_line({"job_id": job_id, "ordinal": outcome.ordinal, **of_product(outcome)})[:-1]
    lines = (
        to_line({"position": position, "query_text": query.text, **of_query(query)})[1:]
        for position, query in enumerate(outcome.queries, start=1)
    )
    return "".join(f"{shared},{line}\n" for line in lines)


def held(file: BinaryIO) -> Iterator[HeldProduct]:
    """What a part holds. ValueError: it is none, or damaged."""
    names = ("product_key", "query_type", "query_text")
    records = (tuple(text_of(record, name) for name in names) for record in map(from_line, read_lines(file)))
    for key, group in groupby(records, itemgetter(0)):
        yield key, [(query_type, text) for _, query_type, text in group]


def manifest(job_id: str, parts: Sequence[tuple[str, Seen]]) -> str:
    """Names (without the folder), sizes and hashes of all parts in order, and their sums."""
    described = [
        {"name": name, "bytes": part.size, "sha256": part.sha256, "lines": part.lines, "products": part.products}
        for name, part in parts
    ]
    totals = {
        "parts": len(parts),
        "bytes": sum(part.size for _, part in parts),
        "lines": sum(part.lines for _, part in parts),
        "products": sum(part.products for _, part in parts),
    }
    text = json.dumps({"job_id": job_id, "format": _FORMAT, "totals": totals, "parts": described}, indent=1)
    return f"{text}\n"
