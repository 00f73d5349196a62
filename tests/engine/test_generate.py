from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from querygen_core.engine.generate import Filter, Recipe, Source, recipe_key
from querygen_core.errors import AnswerError, PluginError, ProviderError
from querygen_core.journal.interface import Entry
from querygen_core.records import Outcome, Product, Query, Request, Response
from tests.engine.world import AskingGenerator, World, questions, world

PRODUCT = Product(product_id="1", title="Kettle")


class DropBad:
    """Drops what says so, and whatever was there before."""

    async def process(self, product, queries: Sequence[Query], ask) -> Sequence[Query]:
        seen: set[str] = set()
        marked = []
        for query in queries:
            unwanted = "bad" in query.text or query.text in seen
            seen.add(query.text)
            marked.append(replace(query, dropped="test/bad") if unwanted else query)
        return marked


def recipe(w: World, *, count: int = 3, filters: Sequence[object] = (), rounds: int = 2, types=("product",)) -> Recipe:
    sources = [Source(name, "core/test", name, count, AskingGenerator(), {"use": "core/test"}) for name in types]
    steps = [Filter("f", "test/filter", one, {"use": "test/filter"}) for one in filters]
    return Recipe(recipe_key(sources, steps, rounds), sources, steps, rounds, w.asker)


def make(tmp_path: Path, script, **options) -> tuple[Outcome, World]:
    async def scenario() -> tuple[Outcome, World]:
        async with world(tmp_path, script) as w:
            made = recipe(w, **options)
            entry = Entry(ordinal=4, key=PRODUCT.key, content_hash="c", outcome_key=made.outcome_key(PRODUCT, "c"))
            return await made.make(PRODUCT, entry), w

    return asyncio.run(scenario())


def wanted(asked: Request) -> int:
    return int(asked.prompt.split()[2])


def test_exactly_the_count_is_kept_and_the_rest_is_surplus(tmp_path: Path):
    outcome, w = make(tmp_path, lambda *_: questions(*[f"Question {n}?" for n in range(5)]))
    assert (outcome.state, len(outcome.queries), w.meter.calls) == ("done", 3, 1)
    assert [query.dropped for query in outcome.dropped] == ["surplus", "surplus"]
    assert {(query.generator, query.query_type, query.round) for query in outcome.queries} == {
        ("product", "product", 0)
    }


def test_only_the_shortfall_is_asked_for_again(tmp_path: Path):
    asked: list[int] = []

    def script(request: Request, _number: int) -> Response:
        asked.append(wanted(request))
        good = ["One?", "Two?"] if len(asked) == 1 else ["Three?"]
        return questions(*good, *(["bad?"] if len(asked) == 1 else []))

    outcome, _ = make(tmp_path, script, filters=[DropBad()])
    assert asked == [3, 1]
    assert outcome.state == "done"
    assert [query.text for query in outcome.queries] == ["One?", "Two?", "Three?"]
    assert [query.round for query in outcome.queries] == [0, 0, 1]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (questions("One?", "bad 1?", "bad 2?"), "filters"),
        (Response(text='{"questions": [{"text": "One?"}, {"text": "Tw', finish="length"), "cut"),
        (ProviderError("blocked", "SAFETY"), "blocked"),
    ],
)
def test_a_shortfall_has_a_reason(tmp_path: Path, answer, reason):
    outcome, w = make(tmp_path, lambda *_: answer, filters=[DropBad()])
    assert (outcome.state, outcome.reasons) == ("short", {"product": reason})
    assert w.meter.calls == (1 if reason == "blocked" else 3)


def test_a_model_that_knows_no_more_is_not_pressed(tmp_path: Path):
    def script(request: Request, _number: int) -> Response:
        return questions("One?") if wanted(request) == 3 else questions()

    outcome, w = make(tmp_path, script)
    assert outcome.reasons == {"product": "facts"}
    assert w.meter.calls == 3  # an empty answer is asked for once more


def test_a_blocked_generator_does_not_take_the_others_questions(tmp_path: Path):
    def script(request: Request, _number: int):
        return ProviderError("blocked", "no") if "market" in request.prompt else questions("A?", "B?", "C?")

    outcome, _ = make(tmp_path, script, types=("product", "market"))
    assert outcome.reasons == {"market": "blocked"}
    assert len(outcome.queries) == 3


def test_a_broken_first_answer_fails_the_product_but_a_broken_refill_only_shortens_it(tmp_path: Path):
    with pytest.raises(AnswerError):
        make(tmp_path / "first", lambda *_: Response(text="Sorry"))

    def script(request: Request, _number: int) -> Response:
        return questions("One?") if wanted(request) == 3 else Response(text="Sorry")

    outcome, _ = make(tmp_path / "refill", script)
    assert outcome.reasons == {"product": "broken"}


def test_what_one_generator_was_paid_for_is_kept_when_another_fails(tmp_path: Path):
    def script(request: Request, _number: int) -> Response:
        return Response(text="Sorry") if "market" in request.prompt else questions("A?", "B?", "C?")

    async def scenario() -> int:
        async with world(tmp_path, script) as w:
            made = recipe(w, types=("product", "market"))
            with pytest.raises(AnswerError):
                await made.make(PRODUCT, Entry(ordinal=0, key=PRODUCT.key))
            return (await w.journal.spent()).calls

    assert asyncio.run(scenario()) == 3


def test_the_same_answers_make_the_same_outcome(tmp_path: Path):
    def script(request: Request, _number: int) -> Response:
        return questions("One?", "bad?", "Two?") if wanted(request) == 3 else questions("Three?", "Four?")

    first, _ = make(tmp_path, script, filters=[DropBad()])
    again, w = make(tmp_path, lambda *_: AssertionError("asked"), filters=[DropBad()])
    assert first == again
    assert w.meter.calls == 0


@pytest.mark.parametrize(
    "result", [[], [Query(text="a?")] * 4, ["text"] * 3, None, ValueError("boom")], ids=lambda value: repr(value)[:20]
)
def test_a_postprocessor_that_breaks_its_contract_is_named(tmp_path: Path, result):
    class Wrong:
        async def process(self, product, queries, ask):
            if isinstance(result, Exception):
                raise result
            return result

    with pytest.raises(PluginError, match="test/filter"):
        make(tmp_path, lambda *_: questions("A?", "B?", "C?"), filters=[Wrong()])


def test_every_part_of_the_recipe_is_in_its_key():
    source = Source("a", "core/test", "product", 25, None, {"use": "core/test", "hash": "1"})
    step = Filter("f", "text/quality", None, {"options": {"min_words": 4}})
    keys = {
        recipe_key([source], [step], 2),
        recipe_key([replace(source, count=24)], [step], 2),
        recipe_key([replace(source, query_type="market")], [step], 2),
        recipe_key([replace(source, name="b")], [step], 2),
        recipe_key([replace(source, fingerprint={"use": "core/test", "hash": "2"})], [step], 2),
        recipe_key([source], [replace(step, fingerprint={"options": {"min_words": 5}})], 2),
        recipe_key([source], [], 2),
        recipe_key([source], [step], 1),
    }
    assert len(keys) == 8
