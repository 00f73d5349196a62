"""What both snapshot sinks promise, whatever their format."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from files_snapshots import (
    FORMATS,
    Held,
    Totals,
    catalogue,
    deliver,
    deliver_all,
    failing,
    only,
    outcome,
    sink_for,
    state_of,
    stored,
    wanted,
)
from querygen_core.api import Query


@pytest.fixture(params=FORMATS)
def path(request, tmp_path):
    return tmp_path / f"queries.{request.param}"


def test_a_first_run_delivers_everything(path):
    assert deliver(path, catalogue()) == Totals(21, 0, 0)
    assert stored(path) == wanted(catalogue())
    assert only(path)


def test_an_equal_run_leaves_the_file_untouched(path):
    deliver(path, catalogue())
    before = state_of(path)
    assert deliver(path, catalogue()) == Totals(0, 21, 0)
    assert state_of(path) == before
    assert only(path)


def test_a_withdrawn_product_is_as_if_it_had_never_been_there(path, tmp_path):
    deliver(path, catalogue())
    gone = [replace(one, state="deleted", queries=(), version=8) if one.ordinal == 4 else one for one in catalogue()]
    assert deliver(path, gone) == Totals(0, 17, 4)
    other = tmp_path / "other" / path.name
    deliver(other, [one for one in catalogue() if one.ordinal != 4])
    assert path.read_bytes() == other.read_bytes()


def test_an_older_product_is_refused_and_the_newer_one_written_again(path):
    held = [replace(one, version=5) for one in catalogue()]
    deliver(path, held)
    before = state_of(path)

    async def run() -> list[str | None]:
        sink = sink_for(path)
        receipts = await sink.apply([outcome(n, ["Other?"], version=4) for n in range(len(held))])
        assert await sink.publish() == 0
        return [receipt.error for receipt in receipts]

    errors = asyncio.run(run())
    # A product without a question is in a document, but not in lines.
    assert errors[1:] == ["version 4 is older than version 5, which stays"] * 6
    if path.suffix == ".json":
        assert state_of(path) == before
        assert errors[0]


def test_the_bytes_do_not_depend_on_the_batches(path):
    contents = set()
    for batch in (1, 2, 3, 5, 100):
        path.unlink(missing_ok=True)
        deliver(path, catalogue(), batch)
        contents.add(path.read_bytes())
    assert len(contents) == 1


def test_the_bytes_do_not_depend_on_the_order_of_keys(path):
    labels = {"persona": "hiker", "facet": "battery"}
    reasons = {"product": "facts", "market": "filters"}

    def made_of(labels, reasons):
        queries = (Query(text="Is it bright?", query_type="product", labels=labels),)
        deliver(path, [outcome(1, (), queries=queries, state="short", reasons=reasons)])
        return path.read_bytes()

    reverse = made_of(dict(reversed(labels.items())), dict(reversed(reasons.items())))
    assert made_of(labels, reasons) == reverse


def test_one_sink_can_publish_again_and_again(path):
    async def run():
        sink = sink_for(path)
        return [await deliver_all(sink, outcomes) for outcomes in (catalogue(3), catalogue(3), catalogue(2))]

    assert asyncio.run(run()) == [Totals(3, 0, 0), Totals(0, 3, 0), Totals(0, 1, 2)]
    assert stored(path) == wanted(catalogue(2))


def test_a_job_without_outcomes_empties_the_file(path):
    deliver(path, catalogue(3))
    assert deliver(path, []) == Totals(0, 0, 3)
    assert not stored(path)
    assert deliver(path, []) == Totals(0, 0, 0)


@pytest.mark.parametrize(
    ("after", "totals"),
    [
        ([outcome(1, "abc"), outcome(3, "x")], Totals(0, 4, 2)),  # a product went
        ([outcome(1, "abc"), outcome(2, "d"), outcome(3, "x")], Totals(0, 5, 1)),  # one shrank
        ([outcome(1, "abc"), outcome(2, "dE"), outcome(3, "x")], Totals(1, 5, 1)),  # a text changed
        ([outcome(1, "cba"), outcome(2, "ed"), outcome(3, "x")], Totals(0, 6, 0)),  # other order of queries
        ([outcome(3, "x"), outcome(2, "de"), outcome(1, "abc")], Totals(0, 6, 0)),  # other order of products
        ([outcome(1, "abc"), outcome(2, "de"), outcome(3, "x", "market")], Totals(1, 5, 1)),  # other type
        ([outcome(1, "abca"), outcome(2, "de"), outcome(3, "x")], Totals(1, 6, 0)),  # a text twice
        ([outcome(1, "abc"), outcome(2, ""), outcome(3, "x"), outcome(4, "x")], Totals(1, 4, 2)),
    ],
)
def test_receipts_say_what_came_stayed_and_went(path, after, totals):
    deliver(path, [outcome(1, "abc"), outcome(2, "de"), outcome(3, "x")])
    assert deliver(path, after) == totals
    assert stored(path) == wanted(after)


def test_a_product_named_twice_is_counted_once(path):
    deliver(path, [outcome(1, "abc")])
    assert deliver(path, [outcome(1, "ab"), outcome(1, "ab")], batch=1) == Totals(2, 2, 1)


texts = st.lists(st.text(max_size=8), max_size=4)
catalogues = st.lists(texts, max_size=4).map(lambda all_texts: [outcome(n, t) for n, t in enumerate(all_texts)])


@pytest.mark.parametrize("kind", FORMATS)
@settings(max_examples=50, deadline=None)
@given(first=catalogues, second=catalogues)
def test_sums_are_right_and_any_text_comes_back(kind, tmp_path_factory, first, second):
    path = tmp_path_factory.mktemp("any") / f"out.{kind}"
    held: Held = Counter()
    for outcomes in (first, second):
        totals = deliver(path, outcomes)
        now = wanted(outcomes)
        assert totals == Totals((now - held).total(), (now & held).total(), (held - now).total())
        held = now
        assert stored(path) == held


lone = st.text(st.characters(categories=["Cs"]) | st.sampled_from('\x00\x1b\x7f\x85\u2028\u2029\ufeff\u202e"\\\r\n'))


@pytest.mark.parametrize("kind", FORMATS)
@settings(max_examples=50, deadline=None)
@given(text=lone)
def test_hostile_text_stays_on_its_line_and_is_known_again(kind, tmp_path_factory, text):
    path = tmp_path_factory.mktemp("hostile") / f"out.{kind}"
    outcomes = [outcome(1, [text], title=text, product_key=f"{text}:1:en")]
    deliver(path, outcomes)
    content = path.read_bytes().decode("utf-8")
    assert len(content.splitlines()) == content.count("\n") == (1 if kind == "jsonl" else 6)
    assert deliver(path, outcomes) == Totals(0, 1, 0)
    (stored_text,) = [text for _, _, text in stored(path)]
    assert stored_text.encode("utf-16", "surrogatepass") == text.encode("utf-16", "surrogatepass")


FOREIGN = {
    "empty": b"",
    "text": b"hello\nworld\n",
    "binary": bytes(range(256)) * 9,
    "utf-16": '{"product_key":"a"}\n'.encode("utf-16"),
    "deep": b"[" * 100_000 + b"\n",
    "long number": b'{"product_key":' + b"9" * 5_000 + b"}\n",
    "other json": b'{"a": 1}\n',
    "other type": b'{"product_key":1,"query_type":"product","query_text":"x"}\n',
    "no newline": b'{"product_key":"a","query_type":"product","query_text":"x"}',
    "cut document": b'{"job_id":"autumn","format":"querygen/1","products":[\n{"product_key":"a","queries":[\n',
    "other format": b'{"job_id":"x","format":"v2","products":[\n{"product_key":"a","queries":[\n]}\n],"summary":{}}\n',
    "no queries": b'{"job_id":"x","format":"querygen/1","products":[\n{"product_key":"a","x":[\n]}\n],"summary":{}}\n',
    "no summary": b'{"job_id":"autumn","format":"querygen/1","products":[\n{"product_key":"a","queries":[\n]}\n',
    "bad summary": b'{"job_id":"autumn","format":"querygen/1","products":[\n],"summary":{\n',
}


@pytest.mark.parametrize("content", FOREIGN.values(), ids=FOREIGN)
def test_a_foreign_file_holds_nothing_and_is_replaced_only_if_that_is_wanted(path, content, caplog):
    path.write_bytes(content)
    if content and not content.startswith(b'{"job_id":"autumn"'):
        assert "`replace: true`" in str(failing(path, catalogue(3)))
        assert path.read_bytes() == content
        assert only(path)

    async def run():
        sink = sink_for(path, replace=True)
        await sink.check()
        receipts = await sink.apply(catalogue(3))
        assert path.read_bytes() == content
        return sum(receipt.delivered for receipt in receipts), await sink.publish()

    assert asyncio.run(run()) == (3, 0)
    assert stored(path) == wanted(catalogue(3))
    if content or path.suffix == ".json":
        assert "replaced as if it were empty" in caplog.text


def test_a_line_without_end_is_not_read_into_memory(path, monkeypatch, caplog):
    deliver(path, catalogue())
    monkeypatch.setattr("querygen_core.formats.lines.LONGEST", 100)
    assert deliver(path, catalogue()) == Totals(21, 0, 0)
    assert "a line is not terminated" in caplog.text


def test_a_product_without_end_is_not_read_into_memory(tmp_path, monkeypatch, caplog):
    path = tmp_path / "queries.json"
    deliver(path, catalogue())
    monkeypatch.setattr("querygen_core.formats.document.LONGEST", 100)
    assert deliver(path, catalogue()) == Totals(21, 0, 0)
    assert "it is incomplete" in caplog.text


def test_a_file_damaged_near_its_end_holds_nothing(path, caplog):
    deliver(path, catalogue())
    path.write_bytes(path.read_bytes()[:-30])
    assert deliver(path, catalogue()) == Totals(21, 0, 0)
    assert "replaced as if it were empty" in caplog.text


def test_what_a_person_removed_is_delivered_again(path):
    deliver(path, catalogue(4))
    lines = path.read_bytes().splitlines(keepends=True)
    # With its comma the document stays well-formed: it is not the last query of its product.
    path.write_bytes(b"".join(line for line in lines if b"lamp 3 bright, 1" not in line))
    assert deliver(path, catalogue(4)) == Totals(1, 5, 0)


def test_closing_without_publishing_leaves_the_old_file_alone(path):
    deliver(path, catalogue(3))
    before = state_of(path)

    async def run():
        sink = sink_for(path)
        await sink.apply(catalogue(6))
        await sink.aclose()
        await sink.aclose()

    asyncio.run(run())
    assert state_of(path) == before
    assert only(path)


def test_a_cancelled_call_is_finished_before_the_sink_closes(path):
    async def run():
        sink = sink_for(path)
        task = asyncio.create_task(sink.apply(catalogue(60)))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await sink.aclose()

    asyncio.run(run())
    assert not list(path.parent.iterdir())


def test_the_event_loop_is_free_while_a_file_is_written(path):
    async def run():
        sink = sink_for(path)
        ticks = 0
        task = asyncio.create_task(sink.apply(catalogue(200)))
        while not task.done():
            await asyncio.sleep(0.001)
            ticks += 1
        await sink.aclose()
        return ticks

    assert asyncio.run(run()) > 5


def test_after_a_failure_nothing_incomplete_is_published(path):
    deliver(path, catalogue(3))
    before = state_of(path)
    broken = outcome(1, (), queries=(Query(text="x", labels={"facet": object()}),))

    async def run():
        sink = sink_for(path)
        with pytest.raises(TypeError):
            await sink.apply([outcome(0, "a"), broken])
        assert only(path)
        for call in (sink.apply([outcome(2, "b")]), sink.publish()):
            with pytest.raises(TypeError):
                await call
        await sink.aclose()

    asyncio.run(run())
    assert state_of(path) == before
    assert only(path)


@pytest.mark.parametrize("version", [0, 3])
def test_what_has_no_outcome_keeps_its_very_bytes(path, version):
    """In the order of the input, wherever it stood before; what was never there stays away."""
    labels = {"persona": "hiker", "facet": "battery"}
    rich = Query(text="Is it\u2028bright?", query_type="product", labels=labels, model="m", request_key="k", round=1)
    dropped = (Query(text="No?", query_type="product", dropped="text/quality/length"),)
    held = [
        outcome(0, "ab", state="short", reasons={"product": "facts"}, version=version),
        outcome(1, (), queries=(rich,), dropped=dropped, version=version),
        outcome(2, "d", version=version),
    ]
    deliver(path, held)
    before = path.read_bytes()
    unknown = [outcome(number, (), state="failed", version=version) for number in range(4)]
    assert deliver(path, [*unknown[:2], held[2], unknown[3]]) == Totals(0, 4, 0)
    assert path.read_bytes() == before
    deliver(path, [replace(unknown[2], ordinal=0), replace(unknown[0], ordinal=1)])
    assert [key for key, _, _ in stored(path)] == ["shop:2:en", "shop:0:en", "shop:0:en"]
