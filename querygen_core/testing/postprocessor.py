from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from querygen_core.api import Ask, Postprocessor, Product, Query, Request
from querygen_core.testing.ask import FakeAsk
from querygen_core.testing.contract import Contract
from querygen_core.testing.samples import HOSTILE, UNSTORABLE, product, query

_QUESTIONS = (
    "How much water does the Brassline Kettle hold?",
    "how much water does the brassline kettle hold",
    "1. How loud is the Brassline Kettle?",
    "Does it switch off when the water boils?",
    "Does it not switch off when the water boils?",
    "Is it worth its price?",
    "loud",
    "As an AI language model, I cannot answer that.",
)

_KEPT_FIELDS = ("query_type", "generator", "provider", "model", "prompt_hash", "request_key", "round")


class PostprocessorContract(Contract):
    """Checks that a postprocessor repairs and marks queries, and never removes, adds or moves one.

    class TestQuality(PostprocessorContract):
        def build(self, tmp_path):
            return build_quality(QualityOptions(), context(tmp_path))
    """

    def build(self, tmp_path: Path) -> Postprocessor:
        raise NotImplementedError

    def answer(self, request: Request) -> Any:
        """What the model answers to `request`; only for a postprocessor that asks one."""
        raise AssertionError(
            f"it asks a model; override answer() to say what the model answers to: {request.prompt[:200]}"
        )

    def queries(self) -> Sequence[Query]:
        """Optional: queries that it repairs, drops and leaves alone."""
        dropped = query("Was it dropped before?", dropped="other/step")
        return [*(query(text) for text in _QUESTIONS), dropped, query("Is it the best?", query_type="market")]

    def test_keeps_number_and_order(self) -> None:
        given = self.numbered(self.queries())
        check_places(given, self.run(given))

    def test_takes_no_queries(self) -> None:
        assert list(self.run([])) == [], "process() must return no queries if it gets none"

    def test_what_was_dropped_stays_dropped(self) -> None:
        """With its first reason, for the report counts drops by reason."""
        given = [replace(item, dropped=item.dropped or "other/reason") for item in self.queries()]
        assert [item.dropped for item in self.run(given)] == [item.dropped for item in given], (
            "it changed why a query was dropped: leave queries alone whose `dropped` is set"
        )

    def test_a_drop_has_a_reason(self) -> None:
        for item in self.run(self.queries()):
            assert item.dropped is None or re.fullmatch(r"[^\s/]+(/[^\s/]+)+", item.dropped), (
                f"{item.dropped!r} is not of the form component/reason"
            )

    def test_does_the_same_again(self) -> None:
        step = self.build(self.folder)
        first = list(asyncio.run(step.process(product(), self.queries(), self.ask())))
        assert list(asyncio.run(step.process(product(), self.queries(), self.ask()))) == first, (
            "a second call returned a different result: process() must not remember earlier calls"
        )
        assert list(self.run(self.queries())) == first, (
            "a second instance, built with equal options, returns a different result"
        )

    def test_can_run_on_its_own_result(self) -> None:
        once = self.run(self.numbered(self.queries()))
        twice = self.run(once)
        check_places(once, twice)
        for before, after in zip(once, twice, strict=True):
            assert before.dropped is None or after.dropped == before.dropped, (
                f"{before.text!r} was dropped and came back"
            )

    def test_products_do_not_see_each_other(self) -> None:
        """A question that two products share stays with both: results must not depend on the input's order."""
        others = [product(product_id=str(number), title=f"Thing {number}") for number in range(3)]
        alone = [list(self.run(self.queries(), other)) for other in others]

        async def together() -> list[Sequence[Query]]:
            step, ask = self.build(self.folder), self.ask()
            return await asyncio.gather(*(step.process(other, self.queries(), ask) for other in others))

        assert [list(result) for result in asyncio.run(together())] == alone, (
            "products that run concurrently get different results than one at a time"
        )

    def test_survives_hostile_texts(self) -> None:
        given = self.numbered([query(text) for text in (*HOSTILE, *UNSTORABLE)])
        result = self.run(given, product(title=HOSTILE[0], description=UNSTORABLE[1]))
        check_places(given, result)
        assert all(isinstance(item.text, str) for item in result)

    def ask(self) -> Ask:
        return FakeAsk(self.answer)

    def numbered(self, queries: Sequence[Query]) -> list[Query]:
        """Each with a request key of its own, so that it is known again when its text was repaired."""
        return [replace(item, request_key=f"{number:064}") for number, item in enumerate(queries)]

    def run(self, queries: Sequence[Query], of: Product | None = None) -> Sequence[Query]:
        return asyncio.run(self.build(self.folder).process(of or product(), queries, self.ask()))


def check_places(before: Sequence[Query], after: Sequence[Query]) -> None:
    assert len(after) == len(before), (
        f"{len(before)} queries went in, {len(after)} came out: set `dropped` instead of removing one"
    )
    for old, new in zip(before, after, strict=True):
        assert isinstance(new, Query), new
        for name in _KEPT_FIELDS:
            assert getattr(new, name) == getattr(old, name), (
                f"{old.text!r} was moved to another place, or its {name} was changed"
            )
