from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ClassVar

import pytest

from querygen_core.api import Outcome, Receipt, Sink, SinkError, SnapshotSink, TakesSamples
from querygen_core.testing.child import kill_while, say
from querygen_core.testing.contract import Contract
from querygen_core.testing.outcomes import (
    Stored,
    catalogue,
    check_receipts,
    counted,
    deleted,
    failed,
    of_types,
    versioned,
)
from querygen_core.testing.samples import HOSTILE, outcome, query


class SinkContract(Contract):
    """Checks that after `apply` a sink holds exactly the queries of the outcomes, each once, whatever happened before.

        class TestJsonl(SinkContract):
            def sink(self, folder):
                return JsonlSink(JsonlOptions(path=str(folder / "queries.jsonl")), context(folder))

            def stored(self):
                lines = map(json.loads, (self.folder / "queries.jsonl").read_text().splitlines())
                return Counter((line["product_key"], line["query_type"], line["query_text"]) for line in lines)

    One test kills a process that delivers. That process has a copy of the contract with the same attributes, so a
    fixture that starts a server must keep its address in an attribute of `self`.
    """

    retires: ClassVar[bool] = True
    """False for a sink that cannot withdraw queries that an outcome no longer has."""

    keeps_versions: ClassVar[bool] = False
    """True for a sink that keeps each product's version with its queries, and so refuses an older one."""

    keeps_deleted: ClassVar[bool] = False
    """True for a sink that also keeps the version of a product that was deleted, beside its queries as in a ledger."""

    secret: ClassVar[str] = ""
    """Optional: the password that `sink` was built with, to check that it shows nowhere."""

    def sink(self, folder: Path) -> Sink:
        """A new sink for the place of `folder`, which keeps what earlier ones wrote there."""
        raise NotImplementedError

    def sink_with_fence(self, folder: Path, fence: int) -> Sink:
        """Optional: the same as `sink`, built with this `Context.fence`, by a sink that compares it."""
        pytest.skip(f"no sink for {folder} with fence {fence}: this one compares none")

    def sink_of_sample(self, folder: Path) -> Sink:
        """Optional: the same as `sink`, built with `Context.sample`, by a sink that has the ability `TakesSamples`."""
        pytest.skip(f"no sink for samples in {folder}")

    def stored(self) -> Stored:
        """What a reader of the place of `self.folder` sees: (product_key, query_type, text), counted."""
        raise NotImplementedError

    def test_says_what_it_writes_to(self) -> None:
        async def look() -> tuple[str, str]:
            sinks = self.sink(self.folder), self.sink(self.folder)
            for sink in sinks:
                await sink.aclose()
                await sink.aclose()
            assert not self.secret or self.secret not in f"{sinks[0].identity} {sinks[0]!r}", (
                "the secret shows in identity or repr"
            )
            return sinks[0].identity, sinks[1].identity

        first, second = asyncio.run(look())
        assert first, "identity is empty: name what it writes to"
        assert first == second, "identity differs for the same place"

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
        assert not any(receipt.retired for receipt in receipts), (
            "a receipt counts retired queries, but none was withdrawn"
        )
        assert not any(receipt.displaced for receipt in receipts), (
            "a receipt counts displaced queries, but there is no other job"
        )
        if not self.is_snapshot():
            assert not any(receipt.delivered for receipt in receipts), (
                "a receipt counts queries as delivered that were there already: count them as unchanged"
            )

    def test_two_at_once_deliver_once(self) -> None:
        """Two processes of one job, started by mistake, or because the first was taken for dead."""
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

    def test_a_question_that_comes_back_is_there_once(self) -> None:
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

    def test_a_deleted_product_has_no_queries(self) -> None:
        if not self.retires:
            pytest.skip("this sink withdraws nothing")
        self.deliver(catalogue())
        gone = [deleted(item) if item.ordinal % 3 == 0 else item for item in catalogue()]
        for _ in range(2):
            receipts = self.deliver(gone)
            self.expect(gone)
        assert not any(receipt.retired for receipt in receipts), "what was deleted before is counted as retired again"
        self.deliver(catalogue())
        self.expect(catalogue())

    def test_an_older_version_changes_nothing(self) -> None:
        if not self.keeps_versions:
            pytest.skip("this sink keeps no versions")
        self.deliver(versioned(catalogue(), 1))
        newer = versioned(catalogue(version=2), 7)
        self.deliver(newer)
        for stale in (versioned(catalogue(version=3), 6), [deleted(item) for item in versioned(newer, 6)]):
            self.expect_refused(stale, newer)
        again = versioned(catalogue(version=3), 7)
        self.deliver(again)
        self.expect(again)

    def test_the_version_grows_where_the_queries_stay(self) -> None:
        if not self.keeps_versions:
            pytest.skip("this sink keeps no versions")
        self.deliver(versioned(catalogue(), 1))
        newer = versioned(catalogue(), 2)
        self.deliver(newer)
        self.expect_refused(versioned(catalogue(version=2), 1), newer)

    def test_a_deleted_product_stays_deleted_for_an_older_version(self) -> None:
        if not (self.keeps_versions and self.keeps_deleted):
            pytest.skip("this sink does not keep the versions of deleted products")
        gone = [deleted(item) for item in versioned(catalogue(), 5)]
        for first in (catalogue(products=6), gone):
            self.deliver(first)
        self.expect([])
        self.expect_refused(versioned(catalogue(), 4), gone)
        back = versioned(catalogue(), 6)
        self.deliver(back)
        self.expect(back)

    def test_a_process_that_lost_its_lease_changes_nothing(self) -> None:
        self.deliver(catalogue(), fence=100)
        changed = catalogue(version=2)
        self.deliver(changed, fence=101)
        for stale in (catalogue(), catalogue(version=3), catalogue(questions=0), changed):
            with pytest.raises(SinkError) as caught:
                self.deliver(stale, fence=100)
            assert caught.value.kind == "fenced", f"the error of an older fence is {caught.value.kind!r}, not 'fenced'"
            self.expect(changed)
        for fence in (101, 2_000_000_000_000):
            newest = catalogue(version=fence)
            self.deliver(newest, fence=fence)
            self.expect(newest)

    def test_a_process_is_overtaken_while_it_delivers(self) -> None:
        """It was paused for longer than its lease; another one has delivered since."""
        old, new = catalogue(), catalogue(version=2)

        async def overtake() -> None:
            slow = self.sink_with_fence(self.folder, 100)
            try:
                await slow.check()
                await slow.apply(old[:5])
                await self._deliver(new, 5, publish=True, fence=101)
                await slow.apply(old[5:])
                if isinstance(slow, SnapshotSink):
                    await slow.publish()
            finally:
                await slow.aclose()

        with pytest.raises(SinkError) as caught:
            asyncio.run(overtake())
        assert caught.value.kind == "fenced", f"the error of an older fence is {caught.value.kind!r}, not 'fenced'"
        self.expect(new)

    def test_a_sample_changes_nothing_that_was_delivered(self) -> None:
        self.deliver(catalogue())
        for outcomes in (catalogue(products=4, version=2), catalogue(products=4), catalogue(products=4, questions=0)):
            receipts = self._sampled(outcomes)
            self.expect(catalogue())
            if not self.is_snapshot():
                assert not any(one.delivered + one.retired + one.displaced for one in receipts), receipts
        changed = catalogue(version=2)
        self.deliver(changed)
        self.expect(changed)

    def test_of_a_sample_rows_are_added_only_of_products_and_types_without_any(self) -> None:
        if self.is_snapshot():
            pytest.skip("a snapshot sink")
        parts = [of_types(one, ("product", "market")[: one.ordinal]) for one in catalogue(products=3)]
        self.deliver(parts)
        sample = catalogue(products=4, version=2)
        receipts = self._sampled(sample)
        missing = [of_types(one, ("product", "market")[one.ordinal % 3 :]) for one in sample]
        self.expect([*parts, *missing])
        assert [one.held for one in receipts] == [len(one.queries) for one in parts] + [0]
        assert [one.held for one in self._sampled(catalogue(products=4, version=3))] == [6] * 4
        self.expect([*parts, *missing])

    @pytest.mark.parametrize("seconds", [0.0, 0.003, 0.02])
    def test_a_killed_delivery_is_completed_by_the_next(self, seconds: float) -> None:
        self.deliver(catalogue())
        kill_while(self, "deliver_until_killed", after=seconds)
        assert max(self.stored().values()) == 1, "after a kill the sink's place contains a query twice"
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

    def test_a_snapshot_keeps_what_it_has_of_products_without_an_outcome(self) -> None:
        """The journal may know nothing of them: its folder is lost, or the run is on another machine."""
        if not self.is_snapshot():
            pytest.skip("not a snapshot sink")
        self.deliver(catalogue())
        first, second = catalogue(products=15), catalogue(products=15, version=2)
        mixed = [failed(one) if one.ordinal % 3 == 0 or one.ordinal > 11 else one for one in second]
        receipts = asyncio.run(self._deliver(mixed, 5, publish=True, fence=None))
        assert [receipt.product_key for receipt in receipts] == [one.product_key for one in mixed]
        self.expect([first[one.ordinal] if one.state == "failed" else one for one in mixed if one.ordinal < 12])

    def deliver_until_killed(self) -> None:
        say("delivering")
        while True:
            self.deliver(catalogue(version=2))
            self.deliver(catalogue())

    def deliver(
        self, outcomes: Sequence[Outcome], *, size: int = 5, publish: bool = True, fence: int | None = None
    ) -> list[Receipt]:
        """Deliver `outcomes` as a run does: to a new sink, in batches, in input order."""
        receipts = asyncio.run(self._deliver(outcomes, size, publish=publish, fence=fence))
        check_receipts(outcomes, receipts)
        return receipts

    def _sampled(self, outcomes: Sequence[Outcome]) -> list[Receipt]:
        """The receipts of a sample."""
        sink = self.sink_of_sample(self.folder)
        assert isinstance(sink, TakesSamples), "it has no `takes_samples`"
        assert sink.takes_samples, "takes_samples is false"
        receipts = asyncio.run(self._give(sink, outcomes, 5, publish=True))
        check_receipts(outcomes, receipts)
        return receipts

    async def _deliver(
        self, outcomes: Sequence[Outcome], size: int, *, publish: bool, fence: int | None
    ) -> list[Receipt]:
        sink = self.sink(self.folder) if fence is None else self.sink_with_fence(self.folder, fence)
        return await self._give(sink, outcomes, size, publish=publish)

    async def _give(self, sink: Sink, outcomes: Sequence[Outcome], size: int, *, publish: bool) -> list[Receipt]:
        receipts: list[Receipt] = []
        try:
            await sink.check()
            for start in range(0, len(outcomes), size):
                receipts += await sink.apply(outcomes[start : start + size])
            if publish and isinstance(sink, SnapshotSink):
                assert await sink.publish() >= 0
        finally:
            await sink.aclose()
        return receipts

    def expect_refused(self, stale: Sequence[Outcome], held: Sequence[Outcome]) -> None:
        """Assert that each of `stale` is refused, and that the place still holds the queries of `held`."""
        receipts = asyncio.run(self._deliver(stale, 5, publish=True, fence=None))
        assert [receipt.product_key for receipt in receipts] == [item.product_key for item in stale]
        for item, receipt in zip(stale, receipts, strict=True):
            assert receipt.error, f"version {item.version} of {item.product_key} is older, but was not refused"
            assert not receipt.delivered + receipt.retired + receipt.displaced, f"{receipt} was refused"
        self.expect(held)

    def expect(self, outcomes: Sequence[Outcome]) -> None:
        """Assert that the place holds the queries of `outcomes`, each once, and no others."""
        stored, wanted = self.stored(), counted(outcomes)
        assert not wanted - stored, f"queries are missing: {wanted - stored}"
        extra = stored - wanted
        if not self.retires:
            extra &= wanted
        assert not extra, f"queries that no outcome has, or that are stored twice: {extra}"

    def is_snapshot(self) -> bool:
        async def look() -> bool:
            sink = self.sink(self.folder)
            await sink.aclose()
            return isinstance(sink, SnapshotSink)

        return asyncio.run(look())
