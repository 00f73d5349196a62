"""One JSON document, a line a query, so that a person, `diff` and a reader of little memory can follow it.

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

The list of errors is there only if the writer gives one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, BinaryIO

from querygen_core.formats.holdings import HeldProduct
from querygen_core.formats.lines import LONGEST, from_line, of_product, of_query, read_lines, text_of, to_line
from querygen_core.records import Outcome, Query

FORMAT = "querygen/1"

_PRODUCT_ENDS = (b"]},\n", b"]}\n")


class Document:
    """The text, made once, front to back. It depends on job and outcomes, on nothing else."""

    def __init__(self, job_id: str) -> None:
        self._job_id = job_id
        self._states: Counter[str] = Counter()
        self._query_types: Counter[str] = Counter()
        self._dropped: Counter[str] = Counter()

    def head(self) -> str:
        return _open({"job_id": self._job_id, "format": FORMAT}, "products")

    def product(self, outcome: Outcome) -> str:
        comma = "," if self._states else ""
        self._count(outcome)
        head = {
            **of_product(outcome),
            "state": outcome.state,
            "reasons": dict(sorted(outcome.reasons.items())),
        }
        queries = ",".join(f"\n{to_line({'text': query.text, **of_query(query)})}" for query in outcome.queries)
        dropped = ",".join(f"\n{to_line(_dropped(query))}" for query in outcome.dropped)
        return f'{comma}\n{_open(head, "queries")}{queries}\n],"dropped":[{dropped}\n]}}'

    def _count(self, outcome: Outcome) -> None:
        self._states[outcome.state] += 1
        self._query_types.update(query.query_type for query in outcome.queries)
        self._dropped.update(query.dropped or "" for query in outcome.dropped)

    def errors(self, lines: Iterable[str]) -> Iterator[str]:
        """After the last product. lines: a JSON object each, without a line end."""
        yield '\n],"errors":['
        for number, line in enumerate(lines):
            yield f",\n{line}" if number else f"\n{line}"

    def tail(self) -> str:
        summary = {
            "products": self._states.total(),
            "queries": self._query_types.total(),
            "states": dict(sorted(self._states.items())),
            "query_types": dict(sorted(self._query_types.items())),
            "dropped": dict(sorted(self._dropped.items())),
        }
        return f'\n],"summary":{to_line(summary)}}}\n'

    @staticmethod
    def held(file: BinaryIO) -> Iterator[HeldProduct]:
        """What a document holds. ValueError: it is none, or damaged."""
        lines = read_lines(file)
        if from_line(next(lines, b"") + b"]}").get("format") != FORMAT:
            raise ValueError(f"it is no {FORMAT} document")
        product = b""
        for line in lines:
            if not product and line.startswith(b'],"errors":['):
                return
            if not product and line.startswith(b'],"summary":'):
                from_line(b'{"products":[' + line)
                return
            product += line
            if line in _PRODUCT_ENDS:
                yield _held(from_line(product.rstrip(b",\n")))
                product = b""
            elif len(product) > LONGEST:
                break
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
    held = [(text_of(query, "query_type"), text_of(query, "text")) for query in queries]
    return text_of(product, "product_key"), held
