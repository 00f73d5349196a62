"""For any changes of products that share a row of `products`, the active queries are the union of theirs."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from querygen_core.testing import outcome, query
from querygen_postgres.reconcile import Changes, LedgerRow, QueryRow, Reconciler

KEYS = st.sampled_from("abc")
TEXTS = st.lists(st.tuples(st.sampled_from(["product", "market"]), st.sampled_from("xyz")), max_size=5)
STEPS = st.lists(st.tuples(KEYS, TEXTS), min_size=1, max_size=3, unique_by=lambda step: step[0])

Text = tuple[str, str]
Texts = Counter[Text]


class Table:
    """`queries` and one job's rows of the ledger, in memory."""

    def __init__(self) -> None:
        self.rows: dict[int, QueryRow] = {}
        self.ledger: dict[str, LedgerRow] = {}
        self.last_id = 0

    def reconciler(self) -> Reconciler:
        """As after the lock, from copies."""
        return Reconciler([self._copy(one) for one in self._sorted()], self.rows)

    def _copy(self, one: LedgerRow) -> LedgerRow:
        lists = {name: [*getattr(one, name)] for name in ("query_ids", "retired_ids", "hidden_ids")}
        return replace(one, **lists)

    def _sorted(self) -> list[LedgerRow]:
        return sorted(self.ledger.values(), key=lambda one: (one.product_id, one.product_key))

    def carry_out(self, changes: Changes) -> None:
        final: dict[int, int] = {}
        for number, (row, wanted) in changes.add.items():
            self.last_id += 1
            self.rows[self.last_id] = QueryRow(row, wanted.query_type, wanted.text, active=True)
            final[number] = self.last_id
        for key, one in changes.ledger_rows.items():
            held, retired = ([final.get(n, n) for n in ids] for ids in (one.query_ids, one.retired_ids))
            self.ledger[key] = replace(one, query_ids=held, retired_ids=retired)
        for ids, active in ((changes.activate, True), (changes.retire, False)):
            for number in ids:
                self.rows[number] = replace(self.rows[number], active=active)

    def texts(self, row: int, *, active: bool | None = None) -> Texts:
        rows = [one for one in self.rows.values() if one.product_id == row and active in (None, one.active)]
        return Counter((one.query_type, one.text) for one in rows)

    def held(self, key: str) -> dict[Text, set[int]]:
        """The rows that the product holds, by text."""
        found: dict[Text, set[int]] = {}
        for number in self.ledger[key].query_ids if key in self.ledger else ():
            if row := self.rows.get(number):
                found.setdefault((row.query_type, row.text), set()).add(number)
        return found


class Deliveries(RuleBasedStateMachine):
    """row: which row of `products` stands for each product. wanted: what each had when it was last delivered, and to
    which row. most: how often a product ever had a text, by row. hidden: what an editor has
    switched off.
    """

    def __init__(self) -> None:
        super().__init__()
        self.table = Table()
        self.row = {"a": 1, "b": 1, "c": 2}
        self.wanted: dict[str, tuple[int, Texts]] = {}
        self.order: dict[str, list[Text]] = {}
        self.most: dict[int, Texts] = {1: Counter(), 2: Counter()}
        self.left: set[int] = set()
        self.hidden: set[int] = set()

    @rule(steps=STEPS)
    def deliver(self, steps: list[tuple[str, list[Text]]]) -> None:
        before = {key: self.table.held(key) for key, _ in steps if self.wanted.get(key, (0,))[0] == self.row[key]}
        self._settle(steps)
        for key, held in before.items():
            wanted = self.wanted[key][1]
            for text, ids in self.table.held(key).items():
                stay = min(wanted[text], len(held.get(text, ())))
                assert len(ids & held.get(text, set())) == stay, "a text that stays keeps its id"

    @rule(key=KEYS)
    def deliver_the_same(self, key: str) -> None:
        if self.wanted.get(key, (0,))[0] == self.row[key]:
            rows, held = dict(self.table.rows), self.table.held(key)
            assert self._settle([(key, list(self.wanted[key][1].elements()))]) == 0
            assert (self.table.rows, self.table.held(key)) == (rows, held)

    @rule(key=KEYS)
    def move(self, key: str) -> None:
        """Another row stands for the product from its next delivery on."""
        self.left.add(self.row[key])
        self.row[key] = 3 - self.row[key]

    @rule(data=st.data())
    def delete_by_hand(self, data: st.DataObject) -> None:
        """Lost rows return with a product's next delivery. Here all deliver, so that the union is complete."""
        if self.table.rows:
            del self.table.rows[data.draw(st.sampled_from(sorted(self.table.rows)))]
            self._deliver_all()

    @rule(data=st.data())
    def hide_by_hand(self, data: st.DataObject) -> None:
        if shown := sorted(self._shown()):
            number = data.draw(st.sampled_from(shown))
            self.table.rows[number] = replace(self.table.rows[number], active=False)
            self.hidden.add(number)

    @rule(data=st.data())
    def spoil_by_hand(self, data: st.DataObject) -> None:
        """A row with another text is another row: it is switched off, and the text is written again."""
        if shown := sorted(self._shown()):
            number = data.draw(st.sampled_from(shown))
            self.table.rows[number] = replace(self.table.rows[number], text="spoilt")
            self._deliver_all()
            assert not self.table.rows[number].active
            del self.table.rows[number]

    @rule()
    def lose_the_ledger(self) -> None:
        """With nothing but the active rows left, every row is found again and none is written or switched on or off."""
        if {row for row, _ in self.wanted.values()} & self.left or self.hidden:
            return
        self.table.rows = {number: row for number, row in self.table.rows.items() if row.active}
        self.table.ledger, before = {}, dict(self.table.rows)
        if all(self.row[key] == row for key, (row, _) in self.wanted.items()):
            assert self._deliver_all() == 0
            assert self.table.rows == before
        else:
            self._deliver_all()

    def _deliver_all(self) -> int:
        return self._settle([(key, list(texts.elements())) for key, (_, texts) in self.wanted.items()])

    def _settle(self, steps: list[tuple[str, list[Text]]]) -> int:
        """How many queries were delivered, by the counts."""
        reconciler, shown, delivered, retired = self.table.reconciler(), self._shown(), 0, 0
        for key, texts in steps:
            wanted = outcome(*(query(text, query_type=kind) for kind, text in texts), product_key=key)
            wanted = wanted if texts else replace(wanted, queries=())
            self.order[key] = texts
            count = reconciler.reconcile(wanted, b"digest", self.row[key], "autumn")
            assert count.delivered + count.unchanged == len(texts)
            delivered, retired = delivered + count.delivered, retired + count.retired
            self.wanted[key] = self.row[key], Counter(texts)
            self.most[self.row[key]] |= Counter(texts)
        self._check(reconciler.changes)
        self.table.carry_out(reconciler.changes)
        assert len(self._shown() - shown) <= delivered
        assert len(shown - self._shown()) <= retired
        return delivered

    def _check(self, changes: Changes) -> None:
        assert not changes.activate & changes.retire
        assert changes.activate | changes.retire <= set(self.table.rows), "what is added is neither"
        assert not changes.activate & self.hidden, "what an editor has switched off stays off"
        held = {number for one in changes.ledger_rows.values() for number in one.query_ids}
        assert not changes.retire & held
        assert changes.activate <= held

    def _shown(self) -> set[int]:
        return {number for number, row in self.table.rows.items() if row.active}

    @invariant()
    def a_row_shows_the_union_of_its_products(self) -> None:
        for row in (1, 2):
            union: Texts = Counter()
            for place, texts in self.wanted.values():
                union |= texts if place == row else Counter()
            assert self.table.texts(row, active=True) + self._held_and_hidden(row) == union

    def _held_and_hidden(self, row: int) -> Texts:
        held = {number for one in self.table.ledger.values() for number in one.query_ids}
        rows = [self.table.rows[number] for number in held & self.hidden & set(self.table.rows)]
        return Counter((one.query_type, one.text) for one in rows if one.product_id == row)

    @invariant()
    def a_product_holds_what_it_has(self) -> None:
        for key, (row, texts) in self.wanted.items():
            holding, held = self.table.ledger[key], self.table.held(key)
            assert holding.product_id == row
            assert {text: len(ids) for text, ids in held.items()} == texts
            assert all(self.table.rows[number].active for ids in held.values() for number in ids - self.hidden)
            assert len(set(holding.all_ids)) == len(holding.all_ids)

    @invariant()
    def the_ledger_has_the_order_of_the_outcome(self) -> None:
        """Independent of the history, so that equal outcomes leave equal ledgers."""
        for key, texts in self.order.items():
            rows = [self.table.rows[number] for number in self.table.ledger[key].query_ids]
            assert [(row.query_type, row.text) for row in rows] == texts

    @invariant()
    def no_row_is_written_where_an_old_one_would_do(self) -> None:
        """A product that has left a row has taken its memory of what it had there with it."""
        for row in {1, 2} - self.left:
            assert self.table.texts(row) <= self.most[row]


TestDeliveries = Deliveries.TestCase
TestDeliveries.settings = settings(max_examples=300, stateful_step_count=15)
