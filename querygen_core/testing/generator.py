from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from querygen_core.api import (
    Answer,
    Ask,
    Generator,
    HasFingerprint,
    Product,
    Query,
    ReadsVolatile,
    Request,
    Stopped,
    Want,
)
from querygen_core.contracts.canonical import digest
from querygen_core.testing.ask import FakeAsk
from querygen_core.testing.contract import Contract
from querygen_core.testing.samples import HOSTILE
from querygen_core.testing.samples import product as sample_product

_CHANGED: Mapping[str, Any] = {
    "price": Decimal("199.99"),
    "currency": "CHF",
    "availability": "out_of_stock",
    "condition": "used",
    "rating": 1.5,
    "review_count": 3,
    "url": "https://example.com/other",
    "image_urls": ("https://example.com/other.jpg",),
    "tags": ("other",),
}


class GeneratorContract(Contract):
    """Checks that a generator is a pure function of product and answers.

    A prompt that changed with the clock, the price or other products would be paid for again in every run.
    """

    def build(self, tmp_path: Path) -> Generator:
        raise NotImplementedError

    def answer(self, request: Request) -> Any:
        """Optional: what the model answers to `request`: a value that fits its schema, or text."""
        return {"questions": [f"Question {number} of {digest(request)[:8]}?" for number in range(5)]}

    def product(self) -> Product:
        """Optional: a product that the generator can make queries for."""
        return sample_product()

    def test_makes_queries(self) -> None:
        queries = self.run()
        assert queries, "generate() returned no query; override answer() if its value does not fit your schema"
        for query in queries:
            assert isinstance(query, Query), query
            assert query.text.strip(), f"{query} has no text"
            assert query.dropped is None, "a generator does not drop queries; a postprocessor does"

    def test_makes_the_same_again(self) -> None:
        first, again = FakeAsk(self.answer), FakeAsk(self.answer)
        assert self.run(ask=first) == self.run(ask=again), (
            "a second run for the same product returned different queries"
        )
        assert first.requests == again.requests, "a second run for the same product sent different requests"

    def test_products_do_not_see_each_other(self) -> None:
        products = [replace(self.product(), product_id=str(n), title=f"Thing {n}") for n in range(4)]
        alone = [self.run(product) for product in products]

        async def together() -> list[Sequence[Query]]:
            generator, ask = self.build(self.folder), FakeAsk(self.answer)
            return await asyncio.gather(*(generator.generate(product, want(), ask) for product in products))

        assert [list(queries) for queries in asyncio.run(together())] == alone, (
            "products that run concurrently get different queries than one at a time"
        )

    def test_asks_the_same_when_only_the_price_changes(self) -> None:
        """Or anything else that is not in the product's content hash, unless `volatile` names it."""
        generator = self.build(self.folder)
        reads = generator.volatile if isinstance(generator, ReadsVolatile) else frozenset()
        unseen = {name: value for name, value in _CHANGED.items() if name not in reads}
        other = replace(self.product(), **unseen, refs={"products": 42}, raw_ref="elsewhere:9")
        before, after = FakeAsk(self.answer), FakeAsk(self.answer)
        self.run(ask=before)
        self.run(other, ask=after)
        assert before.requests == after.requests, (
            "the requests change with a volatile field: name the fields it reads in `volatile`"
        )

    def test_can_be_asked_for_more(self) -> None:
        accepted = tuple(query.text for query in self.run())
        for query in self.run(wanted=want(count=2, accepted=accepted, round=1)):
            assert query.text.strip()

    def test_says_what_it_depends_on(self) -> None:
        """A `fingerprint` is part of the outcome's key: with equal options it must be equal."""
        first, again = self.build(self.folder), self.build(self.folder)
        if not (isinstance(first, HasFingerprint) and isinstance(again, HasFingerprint)):
            pytest.skip("it has no fingerprint")
        assert isinstance(first.fingerprint, Mapping), "fingerprint must be a mapping"
        assert digest(first.fingerprint) == digest(again.fingerprint), (
            "fingerprint differs between two instances built with equal options"
        )

    def test_lets_the_end_of_the_run_pass(self) -> None:
        """Other errors may be handled; `Stopped` must be raised on, so that the product stays pending."""
        ask = FakeAsk(lambda _: Stopped("the run ends"))
        try:
            self.run(ask=ask)
        except Stopped:
            return
        assert not ask.requests, "generate() continued after ask() raised Stopped: do not catch Stopped"

    def test_survives_hostile_products(self) -> None:
        for text in HOSTILE:
            self.run(replace(self.product(), title=text, description=text, attributes={text: text}))

    def test_ends_when_it_is_cancelled(self) -> None:
        async def never(request: Request) -> Answer:  # noqa: ARG001 - the protocol's name
            waiting: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
            return await waiting

        async def cancel() -> None:
            call = asyncio.ensure_future(self.build(self.folder).generate(self.product(), want(), never))
            await asyncio.wait([call], timeout=0.05)
            call.cancel()
            done, _ = await asyncio.wait([call], timeout=10)
            assert done, "generate() kept running after it was cancelled: do not catch CancelledError"
            if not call.cancelled():
                call.result()

        asyncio.run(cancel())

    def run(self, product: Product | None = None, *, wanted: Want | None = None, ask: Ask | None = None) -> list[Query]:
        generator = self.build(self.folder)
        given = product or self.product(), wanted or want(), ask or FakeAsk(self.answer)
        return list(asyncio.run(generator.generate(*given)))


def want(count: int = 5, **changes: Any) -> Want:
    return replace(Want(query_type="product", count=count), **changes)
