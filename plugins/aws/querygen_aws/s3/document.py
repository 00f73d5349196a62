"""The layout `document`: one JSON document, a line a query, so that a reader of little memory can follow it.

{"job_id":…,"format":"querygen/1","products":[
{"product_key":…,"queries":[
{"text":…},
{"text":…}
],"dropped":[
{"text":…}
]},
…
],"errors":[
{"product_key":…,"state":"short","reasons":{…}},
…
],"summary":{…}}
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from querygen_aws.s3.holdings import HeldProduct
from querygen_aws.s3.lines import from_line, of_product, of_query, read_lines, text_of, to_line
from querygen_core.api import Outcome, Query

_FORMAT = "querygen/1"
_PRODUCT_ENDS = (b"]},\n", b"]}\n")


class Document:
    """The text, made once, front to back. It depends on job and outcomes, on nothing else."""

    def __init__(self, job_id: str) -> None:
        self._job_id = job_id
        self._states: Counter[str] = Counter()
        self._query_types: Counter[str] = Counter()
        self._dropped: Counter[str] = Counter()

    def head(self) -> str:
        return _open({"job_id": self._job_id, "format": _FORMAT}, "products")

    def product(self, outcome: Outcome) -> str:
        comma = "," if self._states else ""
        self._states[outcome.state] += 1
        self._query_types.update(query.query_type for query in outcome.queries)
        self._dropped.update(query.dropped or "" for query in outcome.dropped)
        head = {
            **of_product(outcome),
            "state": outcome.state,
            "reasons": dict(sorted(outcome.reasons.items())),
        }
        queries = ",".join(f"\n{to_line({'text': query.text, **of_query(query)})}" for query in outcome.queries)
        dropped = ",".join(f"\n{to_line(_dropped(query))}" for query in outcome.dropped)
        return f'{comma}\n{_open(head, "queries")}{queries}\n],"dropped":[{dropped}\n]}}'

    def errors(self, lines: Iterator[bytes]) -> Iterator[bytes]:
        """lines: `error_line` of each product that fell short."""
        yield b'\n],"errors":['
        for number, line in enumerate(lines):
            yield (b",\n" if number else b"\n") + line.rstrip(b"\n")

    def tail(self) -> str:
        summary = {
            "products": self._states.total(),
            "queries": self._query_types.total(),
            "states": dict(sorted(self._states.items())),
            "query_types": dict(sorted(self._query_types.items())),
            "dropped": dict(sorted(self._dropped.items())),
        }
        return f'\n],"summary":{to_line(summary)}}}\n'


def held(file: BinaryIO) -> Iterator[HeldProduct]:
    """What a document holds. ValueError: it is none, or damaged."""
    lines = read_lines(file)
    if from_line(next(lines, b"") + b"]}").get("format") != _FORMAT:
        raise ValueError(f"it is no {_FORMAT} document")
    product = b""
    for line in lines:
        if not product and line.startswith(b'],"errors":['):
            return
        product += line
        if line in _PRODUCT_ENDS:
            yield _held(from_line(product.rstrip(b",\n")))
            product = b""
    raise ValueError("it ends in the middle")


def _open(head: Mapping[str, object], name: str) -> str:
    """The object `head` with a last key whose list is still open."""
    return f'{to_line(head)[:-1]},"{name}":['


def _dropped(query: Query) -> dict[str, object]:
    return {"text": query.text, "query_type": query.query_type, "reason": query.dropped}


def _held(product: dict[str, Any]) -> HeldProduct:
    queries = product.get("queries")
    if not isinstance(queries, list) or not all(isinstance(query, dict) for query in queries):
        raise ValueError("a product has no list of queries")
    return text_of(product, "product_key"), [
        (text_of(query, "query_type"), text_of(query, "text")) for query in queries
    ]
