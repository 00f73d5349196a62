"""The outcomes of a small job, as the contract of sinks delivers them, and what is to become of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from querygen_core.api import Outcome, Query, Receipt
from querygen_core.testing.samples import outcome, query

Stored = Counter[tuple[str, str, str]]
"""(product_key, query_type, text) of queries, counted."""


def catalogue(*, products: int = 12, questions: int = 6, version: int = 1, turned: bool = False) -> list[Outcome]:
    """Outcomes of a small job. Another `version` asks every third question differently; `turned` is back to front."""
    made = []
    for ordinal in range(products):
        number = products - 1 - ordinal if turned else ordinal
        queries = [_question(number, place, version) for place in range(questions)]
        kept = tuple(reversed(queries) if turned else queries)
        made.append(outcome(product_id=f"{number}:%/é", ordinal=ordinal, queries=kept))
    return made


def _question(product: int, place: int, version: int) -> Query:
    wording = version if place % 3 == 0 else 1
    return query(f"Question {place} about {product}, wording {wording}?", query_type=("product", "market")[place % 2])


def versioned(outcomes: Sequence[Outcome], version: int) -> list[Outcome]:
    return [replace(item, version=version) for item in outcomes]


def deleted(item: Outcome) -> Outcome:
    return replace(item, state="deleted", queries=())


def of_types(item: Outcome, types: Sequence[str]) -> Outcome:
    return replace(item, queries=tuple(query for query in item.queries if query.query_type in types))


def failed(item: Outcome) -> Outcome:
    return replace(item, state="failed", queries=(), outcome_key="")


def counted(outcomes: Sequence[Outcome]) -> Stored:
    return Counter((item.product_key, query.query_type, query.text) for item in outcomes for query in item.queries)


def check_receipts(outcomes: Sequence[Outcome], receipts: Sequence[Receipt]) -> None:
    assert [receipt.product_key for receipt in receipts] == [item.product_key for item in outcomes], (
        "apply() must return one receipt for each outcome, in order"
    )
    for item, receipt in zip(outcomes, receipts, strict=True):
        assert receipt.error is None, f"{item.product_key} was refused: {receipt.error}"
        accounted = receipt.delivered + receipt.unchanged + receipt.backup + receipt.held
        assert accounted == len(item.queries), f"{receipt} accounts for {accounted} of {len(item.queries)} queries"
        counts = (receipt.delivered, receipt.unchanged, receipt.backup, receipt.retired, receipt.displaced)
        assert min(*counts, receipt.held) >= 0, receipt
