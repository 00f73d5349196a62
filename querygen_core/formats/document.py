"""The format `json`: one JSON document with a line per query, for people, `diff`, and readers with little memory.

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

`errors` is there only if the writer calls `Document.errors`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import BinaryIO

from querygen_core.contracts.records import Outcome, Query
from querygen_core.formats.held_product import HeldProduct
from querygen_core.formats.lines import LONGEST, from_line, of_product, of_query, read_lines, to_line

FORMAT = "querygen/1"

_PRODUCT_ENDS = (b"]},\n", b"]}\n")


class Document:
    """Writes a document once, from front to back: `head`, `product` for each, `errors` if wanted, `tail`.

    The text depends on job id and outcomes only, so that equal results are equal files.
    """

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
        """The list of errors, after the last product. lines: a JSON object each, without a line end."""
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
        """The products in a document, read line by line.

        Raises:
            ValueError: it is not such a document, or damaged.
        """
        lines = read_lines(file)
        if from_line(next(lines, b"") + b"]}").get("format") != FORMAT:
            raise ValueError(f"it is not a {FORMAT} document")
        product = b""
        for line in lines:
            if not product and line.startswith(b'],"errors":['):
                return
            if not product and line.startswith(b'],"summary":'):
                from_line(b'{"products":[' + line)
                return
            product += line
            if line in _PRODUCT_ENDS:
                yield HeldProduct.of(from_line(product.rstrip(b",\n")))
                product = b""
            # We never write a product of this size, so the file is damaged or another program's.
            elif len(product) > LONGEST:
                break
        raise ValueError("it is incomplete")


def _open(head: Mapping[str, object], name: str) -> str:
    """`head` as JSON with one more key, `name`, whose list is left open."""
    return f'{to_line(head)[:-1]},"{name}":['


def _dropped(query: Query) -> dict[str, object]:
    return {"text": query.text, "query_type": query.query_type, "reason": query.dropped}
