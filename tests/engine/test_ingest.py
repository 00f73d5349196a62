"""From the input to the manifest: every record ends in one state, and nothing grows with the catalogue."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from querygen_core.api import Product, ProviderError, Reject, Request, Shard
from querygen_core.contracts.errors import Exit, InputError, MissingInput
from querygen_core.testing import HOSTILE, UNSTORABLE, ListInput, MemorySnapshotSink, ScriptedProvider, three_questions
from tests.engine.lab import Lab, product, products, states


class Marking:
    """A preprocessor that changes titles and rejects what is called so."""

    async def process(self, items):
        return [
            Reject(reason="unwanted", message="it is unwanted")
            if "unwanted" in item.title
            else replace(item, title=f"{item.title}!")
            for item in items
        ]


def test_every_record_of_several_chunks_is_done_in_input_order(tmp_path: Path):
    lab = Lab(tmp_path, products(450))
    result = lab.run()
    assert (result.code, states(result)) == (Exit.DONE, {"done": 450})
    assert [row[0] for row in lab.rows("SELECT key FROM manifest ORDER BY ordinal")] == [
        item.key for item in products(450)
    ]
    assert len(lab.table.texts) == 450


def test_an_empty_input_is_unusable(tmp_path: Path):
    result = Lab(tmp_path, []).run()
    assert (result.code, result.message) == (Exit.INPUT_UNUSABLE, "the input has no records")


def test_a_sample_is_the_first_records_and_reads_no_further(tmp_path: Path):
    shelf = ListInput(products(1000))
    lab = Lab(tmp_path, input=shelf)
    result = lab.run(sample=7)
    assert states(result) == {"done": 7}
    assert not lab.table.texts, "it knows no samples"
    assert shelf.read_so_far == 7


def test_the_same_product_again_is_a_duplicate_and_other_content_a_conflict(tmp_path: Path):
    first, other = product(1), product(2)
    records = [first, other, product(1, raw_ref="list:9"), product(1, title="Something else", raw_ref="list:10")]
    lab = Lab(tmp_path, records, runtime={"max_failed_ratio": 0.5})
    assert states(lab.run()) == {"done": 2, "duplicate": 1, "rejected": 1}
    (letter,) = lab.dead_letters()
    assert (letter["stage"], letter["reason"], letter["product_key"]) == ("input", "conflict", first.key)
    assert (letter["file"], letter["line"]) == ("list", 10)
    assert "list:1" in letter["message"]
    assert sum(lab.model.calls.values()) == 2


@pytest.mark.parametrize("chunks_between", [0, 1])
def test_duplicates_are_found_across_chunks(tmp_path: Path, chunks_between: int):
    between = [product(number) for number in range(10, 10 + 250 * chunks_between)]
    result = Lab(tmp_path, [product(1), *between, product(1)]).run()
    assert result.report["duplicate"] == 1


def test_what_differs_only_in_price_or_place_is_the_same_content(tmp_path: Path):
    result = Lab(tmp_path, [product(1, url="a", refs={"id": 1}), product(1, url="b", refs={"id": 2})]).run()
    assert states(result) == {"done": 1, "duplicate": 1}


def test_a_reject_becomes_a_dead_letter_with_its_place_and_the_rest_is_done(tmp_path: Path):
    broken = Reject(reason="bad_json", message="line 2 is no JSON", file="a.jsonl", line=2, raw="{oops" * 9000)
    lab = Lab(tmp_path, [product(0), broken, product(1)], runtime={"max_failed_ratio": 0.5})
    result = lab.run()
    assert (result.code, states(result)) == (Exit.DONE, {"done": 2, "rejected": 1})
    (letter,) = lab.dead_letters()
    assert {name: letter[name] for name in ("stage", "reason", "message", "file", "line", "attempt")} == {
        "stage": "input",
        "reason": "bad_json",
        "message": "line 2 is no JSON",
        "file": "a.jsonl",
        "line": 2,
        "attempt": 1,
    }
    assert 0 < len(letter["raw"]) <= 4000


def test_more_rejects_than_allowed_end_with_65_after_the_rest_is_done(tmp_path: Path):
    records = [*products(9), Reject(reason="bad", message="bad")]
    lab = Lab(tmp_path, records, runtime={"max_failed_ratio": 0.05, "max_failed": 0})
    result = lab.run()
    assert (result.code, states(result)) == (Exit.INPUT_UNUSABLE, {"done": 9, "rejected": 1})
    assert "10.0%" in result.message
    assert len(lab.table.texts) == 9
    lab.runtime = {"max_failed_ratio": 0.1, "max_failed": 0}
    assert lab.run().code == Exit.DONE


def test_preprocessors_work_in_order_and_their_rejects_say_which_product(tmp_path: Path):
    records = [product(0), product(1, title="unwanted thing"), product(2)]
    steps = {"first": Marking(), "second": Marking()}
    lab = Lab(tmp_path, records, preprocessors=steps, runtime={"max_failed_ratio": 0.5})
    result = lab.run()
    assert states(result) == {"done": 2, "rejected": 1}
    assert {prompt.split(" product")[0] for prompt in lab.model.calls} == {"Product 0!!", "Product 2!!"}
    (letter,) = lab.dead_letters()
    assert (letter["stage"], letter["reason"], letter["component"]) == ("preprocess", "unwanted", "lab/first")
    assert (letter["product_key"], letter["file"], letter["line"]) == (records[1].key, "list", 1)


@pytest.mark.parametrize(
    "made",
    [lambda items: items[1:], lambda items: [*items, items[0]], lambda _: None, lambda _: ["text", "text", "text"]],
    ids=["fewer", "more", "nothing", "text"],
)
def test_a_preprocessor_that_breaks_its_contract_is_named(tmp_path: Path, made):
    class Wrong:
        async def process(self, items):
            return made(items)

    lab = Lab(tmp_path, products(3), preprocessors={"wrong": Wrong()})
    result = lab.run()
    assert result.code == Exit.CONFIG
    assert "lab/wrong" in result.message
    assert not lab.model.calls


@pytest.mark.parametrize("error", [ValueError("boom"), SystemExit(0), MemoryError()], ids=repr)
def test_a_preprocessor_that_fails_is_named(tmp_path: Path, error: BaseException):
    class Failing:
        async def process(self, items):
            raise error

    result = Lab(tmp_path, products(3), preprocessors={"failing": Failing()}).run()
    assert result.code == Exit.CONFIG
    assert "lab/failing" in result.message


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InputError("cannot be read"), Exit.INPUT_UNUSABLE),
        (MissingInput("is not there"), Exit.INPUT_MISSING),
        (OSError("gone"), Exit.INPUT_UNUSABLE),
        (SystemExit(0), Exit.INPUT_UNUSABLE),
    ],
    ids=repr,
)
def test_an_input_that_fails_on_the_way_ends_the_run_and_what_was_paid_is_kept(tmp_path: Path, error, code):
    records = products(210)
    lab = Lab(tmp_path, [*records, error])
    result = lab.run()
    assert result.code == code
    assert result.report["input"] == sum(states(result).values())
    lab.input = ListInput(records)
    again = lab.run()
    assert again.code == Exit.DONE
    assert sum(lab.model.calls.values()) == 210


def test_a_snapshot_is_not_replaced_by_half_an_input(tmp_path: Path):
    lab = Lab(tmp_path, products(5), sinks={"page": MemorySnapshotSink()})
    lab.run()
    whole = lab.sinks["page"].published
    lab.records = [*products(3), InputError("cannot be read")]
    assert lab.run().code == Exit.INPUT_UNUSABLE
    assert lab.sinks["page"].published == whole


@pytest.mark.parametrize("item", [None, "text", 7, {"title": "x"}], ids=repr)
def test_an_input_that_yields_no_record_is_named(tmp_path: Path, item):
    result = Lab(tmp_path, [product(1), item]).run()
    assert result.code == Exit.CONFIG
    assert "lab/input" in result.message


def test_the_input_is_read_only_a_little_ahead_of_the_work(tmp_path: Path):
    shelf = ListInput(product(number) for number in range(3_000))
    furthest = 0

    def answer(request: Request, number: int):
        nonlocal furthest
        furthest = max(furthest, shelf.read_so_far)
        return three_questions(request, number) if lab.model.calls.total() < 40 else ProviderError("quota", "no more")

    lab = Lab(tmp_path, input=shelf, model=ScriptedProvider(answer, seconds=0.001))
    assert lab.run().code == Exit.PROVIDER_REFUSES
    assert furthest <= 800
    assert shelf.read_so_far == 3_000, "after the end of the calls the input is read on, to be accounted for"


def test_records_pass_through_and_are_let_go(tmp_path: Path):
    """Of many records that need no work only a chunk or two live at a time."""

    class Heavy(str):
        __slots__ = ("__weakref__",)

    alive: weakref.WeakSet[Heavy] = weakref.WeakSet()
    most = 0

    def records() -> Iterator[Reject]:
        nonlocal most
        for number in range(2_000):
            raw = Heavy(f"raw {number}")
            alive.add(raw)
            most = max(most, len(alive))
            yield Reject(reason="bad", message="bad", raw=raw)

    result = Lab(tmp_path, input=ListInput(records()), runtime={"max_failed_ratio": 1}).run()
    assert result.report["rejected"] == 2_000
    assert most <= 1_000


def test_four_shards_do_everything_once(tmp_path: Path):
    lab = Lab(tmp_path, products(60))
    results = [lab.run(shard=Shard(index, 4)) for index in range(4)]
    assert all(result.code == Exit.DONE for result in results)
    assert sum(result.report["done"] for result in results) == 60
    assert all(result.report["done"] for result in results)
    assert sum(lab.model.calls.values()) == 60
    assert max(lab.model.calls.values()) == 1
    assert len(lab.table.texts) == 60
    whole = lab.run()
    assert states(whole) == {"done": 60}
    assert whole.report["calls"]["new"] == 0


def test_a_record_without_a_key_is_some_shard_s(tmp_path: Path):
    records = [Reject(reason="bad", message="bad") for _ in range(40)]
    lab = Lab(tmp_path, records, runtime={"max_failed_ratio": 1})
    rejected = [lab.run(shard=Shard(index, 3)).report["rejected"] for index in range(3)]
    assert sum(rejected) == 40


def test_a_product_that_left_the_input_is_counted(tmp_path: Path):
    lab = Lab(tmp_path, products(5))
    lab.run()
    lab.records = products(3)
    result = lab.run()
    assert (result.report["not_in_input"], states(result)) == (2, {"done": 3})


def test_hostile_products_go_through_as_they_are(tmp_path: Path):
    texts = [text[:200] for text in (*HOSTILE, *UNSTORABLE) if text]
    records = [Product(product_id=f"{n} {text}", title=text, raw_ref=text) for n, text in enumerate(texts)]
    lab = Lab(tmp_path, [*records, *[Reject(reason="bad", message=text, raw=text, file=text) for text in texts]])
    lab.runtime = {"max_failed_ratio": 1}
    result = lab.run()
    assert states(result) == {"done": len(texts), "rejected": len(texts)}
    stored = {title for (title,) in lab.rows("SELECT title FROM manifest WHERE state = 'done'")}
    assert stored == {text.encode("utf-8", "replace").decode() for text in texts}
    raws = [letter["raw"] for letter in lab.dead_letters()]
    assert raws == [text.encode("utf-8", "replace").decode() for text in texts]


@pytest.mark.parametrize(
    "field",
    [{"rating": float("nan")}, {"attributes": {"a": object()}}, {"tags": [b"x"]}],
    ids=["nan", "object", "bytes"],
)
def test_a_product_that_cannot_be_hashed_is_rejected_and_the_rest_is_done(tmp_path: Path, field):
    lab = Lab(tmp_path, [product(0), product(1, **field), product(2)], runtime={"max_failed_ratio": 0.5})
    lab.generators["asking"].volatile = frozenset({"rating", "tags"})
    assert states(lab.run()) == {"done": 2, "rejected": 1}
    (letter,) = lab.dead_letters()
    assert (letter["reason"], letter["product_key"], letter["line"]) == ("bad_product", product(1).key, 1)


def test_dead_letters_are_one_line_each_to_every_reader(tmp_path: Path):
    raw = "a\u2028b\x85c\u2029d\x9b31me\nf\x1bg – ü"
    lab = Lab(tmp_path, [Reject(reason="bad", message=raw, raw=raw)], runtime={"max_failed_ratio": 1})
    lab.run()
    (letter,) = lab.dead_letters()
    assert (letter["raw"], letter["message"]) == (raw, raw)
    assert "ü" in (lab.state / "dead_letters.jsonl").read_text("utf-8")


@pytest.mark.parametrize("error", [InputError("cut off in line 4"), OSError("the disk failed")], ids=repr)
def test_what_was_read_before_an_input_failed_is_worked_off(tmp_path: Path, error: Exception):
    class Torn:
        def read(self):
            yield from products(3)
            raise error

    lab = Lab(tmp_path, input=Torn())
    result = lab.run()
    assert result.code == Exit.INPUT_UNUSABLE
    assert str(error) in result.message
    assert (result.report["input"], result.report["done"], result.report["pending"]) == (3, 3, 0)
    assert lab.run().report["calls"]["new"] == 0
