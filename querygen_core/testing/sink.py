from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ClassVar

import pytest

from querygen_core.api import Outcome, Query, Receipt, Sink
from querygen_core.testing.child import kill_while, say
from querygen_core.testing.contract import Contract
from querygen_core.testing.samples import HOSTILE, outcome, query

Stored = Counter[tuple[str, str, str]]


class SinkContract(Contract):
    """Whatever happened before, after `apply` a sink holds exactly the outcomes' queries, each once.

        class TestJsonl(SinkContract):
            def sink(self, folder):
                return JsonlSink(JsonlOptions(path=str(folder / "queries.jsonl")), context(folder))

            def stored(self):
                lines = map(json.loads, (self.folder / "queries.jsonl").read_text().splitlines())
                return Counter((line["product_key"], line["query_type"], line["query_text"]) for line in lines)

    One test kills a process that applies. That process has its own copy of the contract, with the same attributes, so
    a fixture that starts a server leaves its address in an attribute of `self`.
    """

    retires: ClassVar[bool] = True
    """False for a sink that cannot withdraw what an outcome no longer has, and says so."""

    secret: ClassVar[str] = ""
    """Optional: the password that `sink` was built with; it must not show anywhere."""

    def sink(self, folder: Path) -> Sink:
        """A new sink to the place that belongs to `folder`, with what was written there before."""
        raise NotImplementedError

    def stored(self) -> Stored:
        """What a reader of the place that belongs to `self.folder` sees: (product_key, query_type, text), counted."""
        raise NotImplementedError

    def test_says_what_it_writes_to(self) -> None:
        async def look() -> tuple[str, str]:
            sinks = self.sink(self.folder), self.sink(self.folder)
            for sink in sinks:
                await sink.aclose()
                await sink.aclose()
            assert not self.secret or self.secret not in f"{sinks[0].identity} {sinks[0]!r}", "the secret shows"
            return sinks[0].identity, sinks[1].identity

        first, second = asyncio.run(look())
        assert first
        assert first == second, "identity names the place, so it is the same for the same place"

    def test_check_leaves_nothing_behind(self) -> None:
        async def check() -> None:
            sink = self.sink(self.folder)
            await sink.check()
            await sink.check()
            await sink.aclose()

        self.deliver(catalogue())
        asyncio.run(check())
        self.expect(catalogue())

    def test_delivers(self) -> None:
        receipts = self.deliver(catalogue())
        self.expect(catalogue())
        assert sum(receipt.delivered + receipt.backup for receipt in receipts) == sum(counted(catalogue()).values())

    def test_takes_an_empty_batch(self) -> None:
        async def apply() -> Sequence[Receipt]:
            sink = self.sink(self.folder)
            try:
                return await sink.apply([])
            finally:
                await sink.aclose()

        assert list(asyncio.run(apply())) == []

    def test_delivering_again_changes_nothing(self) -> None:
        self.deliver(catalogue())
        receipts = self.deliver(catalogue())
        self.expect(catalogue())
        assert not any(receipt.retired for receipt in receipts)
        if not self.is_snapshot():
            assert not any(receipt.delivered for receipt in receipts), "what is there already is `unchanged`"

    def test_two_at_once_deliver_once(self) -> None:
        """Two processes of one job, started by mistake, or a first one that does not know it is lost."""
        with ThreadPoolExecutor(2) as pool:
            for done in [pool.submit(self.deliver, catalogue()) for _ in range(2)]:
                done.result()
        self.expect(catalogue())

    def test_a_changed_question_replaces_the_old_one(self) -> None:
        self.deliver(catalogue())
        changed = catalogue(version=2)
        receipts = self.deliver(changed)
        self.expect(changed)
        gone = sum((counted(catalogue()) - counted(changed)).values())
        if self.retires and not self.is_snapshot():
            assert sum(receipt.retired for receipt in receipts) == gone

    def test_what_comes_back_is_there_once(self) -> None:
        for version in (1, 2, 1):
            self.deliver(catalogue(version=version))
        self.expect(catalogue())

    @pytest.mark.parametrize("left", [2, 0])
    def test_a_shrunk_outcome_leaves_only_its_own(self, left: int) -> None:
        self.deliver(catalogue())
        shrunk = catalogue(questions=left)
        self.deliver(shrunk)
        self.expect(shrunk)

    def test_a_grown_outcome_is_added_to(self) -> None:
        self.deliver(catalogue(questions=2))
        self.deliver(catalogue())
        self.expect(catalogue())

    def test_order_does_not_matter(self) -> None:
        self.deliver(catalogue())
        turned = catalogue(turned=True)
        self.deliver(turned)
        self.expect(turned)

    @pytest.mark.parametrize("size", [1, 3, 100])
    def test_batches_do_not_matter(self, size: int) -> None:
        self.deliver(catalogue(), size=4)
        self.deliver(catalogue(version=2), size=size)
        self.expect(catalogue(version=2))

    def test_texts_arrive_as_they_are(self) -> None:
        hostile = [outcome(*HOSTILE, product_id=text, title=text, ordinal=n) for n, text in enumerate(HOSTILE)]
        self.deliver(hostile)
        self.expect(hostile)
        self.deliver(hostile)
        self.expect(hostile)

    def test_the_same_question_of_two_types_is_two(self) -> None:
        both = [outcome(query("Why?", query_type="product"), query("Why?", query_type="market"))]
        self.deliver(both)
        self.expect(both)

    @pytest.mark.parametrize("seconds", [0.0, 0.003, 0.02])
    def test_a_killed_delivery_is_completed_by_the_next(self, seconds: float) -> None:
        self.deliver(catalogue())
        kill_while(self, "deliver_until_killed", after=seconds)
        assert max(self.stored().values()) == 1, "the kill left a question twice"
        self.deliver(catalogue(version=3))
        self.expect(catalogue(version=3))

    def test_a_snapshot_appears_as_a_whole(self) -> None:
        if not self.is_snapshot():
            pytest.skip("not a snapshot sink")
        self.deliver(catalogue())
        self.deliver(catalogue(version=2), publish=False)
        self.expect(catalogue())
        self.deliver(catalogue(version=2))
        self.expect(catalogue(version=2))
        self.deliver([])
        self.expect([])

    def deliver_until_killed(self) -> None:
        say("delivering")
        while True:
            self.deliver(catalogue(version=2))
            self.deliver(catalogue())

    def deliver(self, outcomes: Sequence[Outcome], *, size: int = 5, publish: bool = True) -> list[Receipt]:
        """Bring all of `outcomes` to the place as a run would: a new sink, in batches, in input order."""
        return asyncio.run(self._deliver(outcomes, size, publish=publish))

    async def _deliver(self, outcomes: Sequence[Outcome], size: int, *, publish: bool) -> list[Receipt]:
        sink = self.sink(self.folder)
        receipts: list[Receipt] = []
        try:
            await sink.check()
            for start in range(0, len(outcomes), size):
                receipts += await sink.apply(outcomes[start : start + size])
            if publish and hasattr(sink, "publish"):
                assert await sink.publish() >= 0
        finally:
            await sink.aclose()
        check_receipts(outcomes, receipts)
        return receipts

    def expect(self, outcomes: Sequence[Outcome]) -> None:
        """The place holds these queries, each once, and no other."""
        stored, wanted = self.stored(), counted(outcomes)
        assert not wanted - stored, f"missing: {wanted - stored}"
        extra = stored - wanted
        if not self.retires:
            extra &= wanted
        assert not extra, f"too much: {extra}"

    def is_snapshot(self) -> bool:
        async def look() -> bool:
            sink = self.sink(self.folder)
            await sink.aclose()
            return hasattr(sink, "publish")

        return asyncio.run(look())


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


def counted(outcomes: Sequence[Outcome]) -> Stored:
    return Counter((item.product_key, query.query_type, query.text) for item in outcomes for query in item.queries)


def check_receipts(outcomes: Sequence[Outcome], receipts: Sequence[Receipt]) -> None:
    assert [receipt.product_key for receipt in receipts] == [item.product_key for item in outcomes], (
        "one receipt for each outcome, in order"
    )
    for item, receipt in zip(outcomes, receipts, strict=True):
        assert receipt.error is None, f"{item.product_key} was refused: {receipt.error}"
        accounted = receipt.delivered + receipt.unchanged + receipt.backup
        assert accounted == len(item.queries), f"{receipt} accounts for {accounted} of {len(item.queries)} queries"
        assert min(receipt.delivered, receipt.unchanged, receipt.backup, receipt.retired) >= 0, receipt
