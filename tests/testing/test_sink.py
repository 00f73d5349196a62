from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import replace
from urllib.parse import quote
from uuid import uuid4

import pytest

from querygen_core.api import Receipt, SinkError
from querygen_core.testing import SinkContract
from querygen_core.testing.child import kill_while
from tests.testing.verdict import catches


class Drawer:
    """A file for each product, replaced as a whole."""

    def __init__(self, folder):
        self.folder = folder / "drawer"
        self.identity = str(self.folder)

    async def check(self):
        self.folder.mkdir(exist_ok=True)

    async def apply(self, outcomes):
        return [self.put(outcome) for outcome in outcomes]

    def put(self, outcome):
        path = self.folder / quote(outcome.product_key, safe="")
        old = self.read(path)
        new = {(query.query_type, query.text) for query in outcome.queries}
        if old != new:
            self.write(path, outcome, new)
        return Receipt(
            product_key=outcome.product_key,
            delivered=len(new - old),
            unchanged=len(new & old),
            retired=len(old - new),
        )

    def read(self, path):
        return {(kind, text) for _, kind, text in json.loads(path.read_text())} if path.exists() else set()

    def write(self, path, outcome, wanted):
        partial = self.folder / f".{uuid4().hex}"
        partial.write_text(json.dumps([(outcome.product_key, *item) for item in sorted(wanted)]))
        partial.replace(path)

    async def aclose(self):
        pass


class TestDrawer(SinkContract):
    kind = Drawer

    def sink(self, folder):
        return self.kind(folder)

    def stored(self):
        drawers = (self.folder / "drawer").glob("[!.]*")
        return Counter(tuple(item) for path in drawers for item in json.loads(path.read_text()))


class Careful(Drawer):
    """Notes the version of each product and the highest fence. A fence of 0 is compared with nothing."""

    def __init__(self, folder, fence=0):
        super().__init__(folder)
        self.fence = fence
        self.notes = folder / "notes"

    def noted(self, name):
        path = self.notes / quote(name, safe="")
        return int(path.read_text()) if path.exists() else 0

    def note(self, name, number):
        self.notes.mkdir(exist_ok=True)
        partial = self.notes / f".{uuid4().hex}"
        partial.write_text(str(number))
        partial.replace(self.notes / quote(name, safe=""))

    async def apply(self, outcomes):
        if self.fence:
            if self.fence < self.noted("fence"):
                raise SinkError("fenced", "another process has taken over")
            self.note("fence", self.fence)
        return [self.compare(outcome) for outcome in outcomes]

    def compare(self, outcome):
        held = self.noted(outcome.product_key)
        if outcome.version < held:
            return Receipt(product_key=outcome.product_key, error=f"version {outcome.version} is older than {held}")
        return self.take(outcome)

    def take(self, outcome):
        receipt = self.put(outcome)
        self.note(outcome.product_key, outcome.version)
        return receipt


class TestCareful(TestDrawer):
    kind = Careful
    keeps_versions = True
    keeps_deleted = True

    def sink_with_fence(self, folder, fence):
        return self.kind(folder, fence)


class Whole:
    """One file of all products, published at the end."""

    def __init__(self, folder):
        self.path = folder / "all.json"
        self.partial = folder / f".{uuid4().hex}"
        self.identity = str(self.path)
        self.lines = []

    async def check(self):
        pass

    async def apply(self, outcomes):
        held = json.loads(self.path.read_text()) if self.path.exists() else []
        for item in outcomes:
            kept = [line for line in held if line[0] == item.product_key] if item.state == "failed" else []
            self.lines += [*kept, *((item.product_key, query.query_type, query.text) for query in item.queries)]
        return [Receipt(product_key=item.product_key, delivered=len(item.queries)) for item in outcomes]

    async def publish(self):
        self.partial.write_text(json.dumps(self.lines))
        self.partial.replace(self.path)
        return 0

    async def aclose(self):
        pass


class TestWhole(SinkContract):
    kind = Whole

    def sink(self, folder):
        return self.kind(folder)

    def stored(self):
        return Counter(map(tuple, json.loads((self.folder / "all.json").read_text())))


class Eager(Whole):
    async def apply(self, outcomes):
        receipts = await super().apply(outcomes)
        await self.publish()
        return receipts


class Appending(Drawer):
    """Adds to what is there, never looking."""

    def write(self, path, outcome, wanted):
        held = json.loads(path.read_text()) if path.exists() else []
        path.write_text(json.dumps(held + [(outcome.product_key, *item) for item in wanted]))


class Blind(Appending):
    def read(self, path):
        return set()


class Keeping(Drawer):
    """Never withdraws a question."""

    def write(self, path, outcome, wanted):
        super().write(path, outcome, wanted | self.read(path))


class TestKeeping(TestDrawer):
    """A sink that cannot retire may be used, if it says so."""

    kind = Keeping
    retires = False


class InPlace(Drawer):
    """Two writers, or a kill, meet a half-written file."""

    def write(self, path, outcome, wanted):
        text = json.dumps([(outcome.product_key, *item) for item in sorted(wanted)])
        with path.open("w") as file:
            file.write(text[:50])
            file.flush()
            time.sleep(0.005)
            file.write(text[50:])


class Unsorted(Drawer):
    async def apply(self, outcomes):
        return sorted(await super().apply(outcomes), key=lambda receipt: receipt.product_key)


class Miscounting(Drawer):
    def put(self, outcome):
        return replace(super().put(outcome), unchanged=0)


class Boasting(Drawer):
    def put(self, outcome):
        receipt = super().put(outcome)
        return replace(receipt, delivered=receipt.delivered + receipt.unchanged, unchanged=0)


class Silent(Drawer):
    def put(self, outcome):
        return replace(super().put(outcome), retired=0)


class Stripping(Drawer):
    def write(self, path, outcome, wanted):
        super().write(path, outcome, {(kind, " ".join(text.split())) for kind, text in wanted})


class Untyped(Drawer):
    def write(self, path, outcome, wanted):
        super().write(path, outcome, {("product", text) for _, text in wanted})


class Forgetful(Careful):
    """Takes any version."""

    def compare(self, outcome):
        return self.take(outcome)


class Slack(Careful):
    """Notes a version only with queries that are new."""

    def take(self, outcome):
        receipt = self.put(outcome)
        if receipt.delivered:
            self.note(outcome.product_key, outcome.version)
        return receipt


class Trusting(Careful):
    """Compares no fence."""

    def __init__(self, folder, fence=0):
        super().__init__(folder)


class Late(Careful):
    """Compares the fence when it starts, not when it writes."""

    async def check(self):
        await super().check()
        await self.apply([])
        self.fence = 0


class Envious(Drawer):
    def put(self, outcome):
        return replace(super().put(outcome), displaced=1)


class Immortal(Drawer):
    """Knows no deletion."""

    def put(self, outcome):
        return super().put(outcome) if outcome.queries else Receipt(product_key=outcome.product_key)


class Probing(Drawer):
    async def check(self):
        await super().check()
        (self.folder / "probe").write_text(json.dumps([("probe", "product", "probe")]))


class Wandering(Drawer):
    def __init__(self, folder):
        super().__init__(folder)
        self.identity = f"{folder}/{uuid4()}"


class Unread(Drawer):
    """Only the kept count of the first batch is looked at."""

    async def apply(self, outcomes):
        receipts = await super().apply(outcomes[:4])
        return receipts + [Receipt(product_key=item.product_key, delivered=len(item.queries)) for item in outcomes[4:]]


@pytest.mark.parametrize(
    ("wrong", "test"),
    [
        (Blind, "test_delivering_again_changes_nothing"),
        (Blind, "test_texts_arrive_as_they_are"),
        (Appending, "test_a_changed_question_replaces_the_old_one"),
        (Appending, "test_a_question_that_comes_back_is_there_once"),
        (Keeping, "test_a_shrunk_outcome_leaves_only_its_own"),
        (Unsorted, "test_order_does_not_matter"),
        (Miscounting, "test_a_grown_outcome_is_added_to"),
        (Boasting, "test_delivering_again_changes_nothing"),
        (Silent, "test_a_changed_question_replaces_the_old_one"),
        (Stripping, "test_texts_arrive_as_they_are"),
        (Untyped, "test_the_same_question_of_two_types_is_two"),
        (Probing, "test_check_leaves_nothing_behind"),
        (Wandering, "test_says_what_it_writes_to"),
        (Unread, "test_batches_do_not_matter"),
        (Envious, "test_delivering_again_changes_nothing"),
        (Immortal, "test_a_deleted_product_has_no_queries"),
    ],
)
def test_a_wrong_sink_is_caught(wrong, test, tmp_path):
    assert catches(type("Wrong", (TestDrawer,), {"kind": wrong}), test, tmp_path)


@pytest.mark.parametrize(
    ("wrong", "test"),
    [
        (Forgetful, "test_an_older_version_changes_nothing"),
        (Forgetful, "test_a_deleted_product_stays_deleted_for_an_older_version"),
        (Slack, "test_the_version_grows_where_the_queries_stay"),
        (Trusting, "test_a_process_that_lost_its_lease_changes_nothing"),
        (Late, "test_a_process_is_overtaken_while_it_delivers"),
    ],
)
def test_a_sink_that_takes_what_is_stale_is_caught(wrong, test, tmp_path):
    assert catches(type("Wrong", (TestCareful,), {"kind": wrong}), test, tmp_path)


def test_a_snapshot_that_shows_early_is_caught(tmp_path):
    contract = type("Wrong", (TestWhole,), {"kind": Eager})
    assert catches(contract, "test_a_snapshot_appears_as_a_whole", tmp_path)


class KilledInPlace(TestDrawer):
    """At the top of the module, since another process loads it."""

    __test__ = False
    kind = InPlace


@pytest.mark.slow
def test_a_sink_that_a_kill_damages_is_caught(tmp_path):
    assert catches(KilledInPlace, "test_a_killed_delivery_is_completed_by_the_next", tmp_path)


class Crashing(Drawer):
    def put(self, outcome):
        raise SystemExit("no driver")


class Crashed(TestDrawer):
    __test__ = False
    kind = Crashing


@pytest.mark.slow
def test_a_child_that_ends_by_itself_is_no_kill(tmp_path):
    judged = Crashed()
    judged.folder = tmp_path
    with pytest.raises(AssertionError, match="no driver"):
        kill_while(judged, "deliver_until_killed", after=30)


def test_a_contract_inside_a_function_cannot_be_killed(tmp_path):
    class Local(TestDrawer):
        pass

    judged = Local()
    judged.folder = tmp_path
    with pytest.raises(AssertionError, match="at the top level of its module"):
        judged.test_a_killed_delivery_is_completed_by_the_next(0.0)
