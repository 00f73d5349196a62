"""A product in an earlier output of a sink, which is read back to compare it with the new outcome."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from querygen_core.contracts.records import Outcome, Query
from querygen_core.formats.lines import text_of, version_of

_TEXTS = ("text", "query_type", "sub_type", "generator", "provider", "model", "prompt_hash", "request_key")


@dataclass(frozen=True, slots=True)
class HeldProduct:
    """A product as a sink held it."""

    key: str
    """`Outcome.product_key`."""
    queries: Sequence[tuple[str, str]]
    """Query type and text of each query."""
    record: Mapping[str, Any] = field(default_factory=dict)
    """The product as an element of `products` in the format `json`; a query's text may be its `query_text`."""

    @classmethod
    def of(cls, product: Mapping[str, Any]) -> HeldProduct:
        """From an element of `products` in the format `json`.

        Raises:
            ValueError: a field that is needed is missing, or of another type.
        """
        queries = product.get("queries")
        if not isinstance(queries, list) or not all(isinstance(query, dict) for query in queries):
            raise ValueError("a product has no list of queries")
        texts = [(text_of(query, "query_type"), text_of(query, "text")) for query in queries]
        version_of(product)
        return cls(text_of(product, "product_key"), texts, product)


def outcome_of(record: Mapping[str, Any]) -> Outcome:
    """The outcome that `HeldProduct.record` was written from, without its hashes, which no format holds."""
    return Outcome(
        product_key=record["product_key"],
        title=str(record.get("title", "")),
        content_hash="",
        outcome_key="",
        state="short" if record.get("state") == "short" else "done",
        queries=tuple(map(_query, record["queries"])),
        dropped=tuple(map(_query, record.get("dropped") or ())),
        reasons=dict(record.get("reasons") or {}),
        version=record.get("version", 0),
    )


def _query(query: Mapping[str, Any]) -> Query:
    texts = {name: str(query.get(name, "")) for name in _TEXTS}
    texts["text"] = texts["text"] or str(query.get("query_text", ""))
    return Query(
        **texts, labels=dict(query.get("labels") or {}), round=query.get("round") or 0, dropped=query.get("reason")
    )
