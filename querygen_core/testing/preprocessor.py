from __future__ import annotations

import asyncio
import copy
import re
from collections.abc import Sequence
from pathlib import Path

from querygen_core.api import Preprocessor, Product, Reject
from querygen_core.testing.contract import Contract
from querygen_core.testing.samples import HOSTILE, UNSTORABLE, product


class PreprocessorContract(Contract):
    """Checks that a preprocessor judges each product by itself, and the same way each time."""

    def build(self, tmp_path: Path) -> Preprocessor:
        raise NotImplementedError

    def products(self) -> Sequence[Product]:
        """Optional: products that it changes, rejects and leaves alone."""
        return [product(product_id="1"), product(product_id="2", title="Toaster"), product(product_id="3", brand="")]

    def test_gives_one_result_for_each(self) -> None:
        given = self.products()
        results = self.run(given)
        assert len(results) == len(given), "process() must return one result for each product"
        for before, after in zip(given, results, strict=True):
            assert isinstance(after, Product | Reject), after
            if isinstance(after, Product):
                assert after.product_id == before.product_id, "results are not in the order of the products"

    def test_rejections_have_a_reason(self) -> None:
        for result in self.run(self.products()):
            if isinstance(result, Reject):
                assert re.fullmatch(r"[a-z][a-z0-9_]*", result.reason), (
                    f"{result.reason!r} is not a short code such as no_description"
                )
                assert result.message.strip(), f"{result} has no message: say what is wrong and what to do"

    def test_takes_an_empty_batch(self) -> None:
        assert list(self.run([])) == []

    def test_does_the_same_again(self) -> None:
        step = self.closed_later(self.build(self.folder))
        first = asyncio.run(step.process(self.products()))
        assert list(asyncio.run(step.process(self.products()))) == list(first), (
            "a second call returned a different result: process() must not remember earlier products"
        )
        assert list(self.run(self.products())) == list(first), (
            "a second instance, built with equal options, returns a different result"
        )

    def test_a_product_does_not_see_its_neighbours(self) -> None:
        together = list(self.run(self.products()))
        alone = [self.run([item])[0] for item in self.products()]
        assert alone == together, (
            "the other products of the batch change the result, so shards would give different prompts"
        )

    def test_leaves_its_arguments_alone(self) -> None:
        given = self.products()
        before = copy.deepcopy(given)
        self.run(given)
        assert given == before, "process() changed its arguments: return changed copies"

    def test_survives_hostile_texts(self) -> None:
        texts = [*HOSTILE, *UNSTORABLE]
        given = [product(product_id=str(n), title=text, description=text) for n, text in enumerate(texts)]
        assert len(self.run(given)) == len(given)

    def run(self, products: Sequence[Product]) -> Sequence[Product | Reject]:
        return asyncio.run(self.closed_later(self.build(self.folder)).process(products))
