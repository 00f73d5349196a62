from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from querygen_core.contracts.errors import AnswerError, PluginError, ProviderError
from querygen_core.contracts.journal import ManifestEntry
from querygen_core.contracts.records import Outcome, Product, Query, Request, Response, Want
from querygen_core.engine.generate import GeneratorStage, PostprocessorStage, ProductPipeline, pipeline_key
from querygen_core.report.generators import FirstAnswers
from querygen_core.testing import AskingGenerator, questions
from tests.engine.world import SCHEMA, World, built, world

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


def product_pipeline(
    w: World,
    *,
    count: int = 3,
    filters: Sequence[object] = (),
    rounds: int = 2,
    types=("product",),
    generator=AskingGenerator,
    **of_stage,
) -> ProductPipeline:
    generators = [
        GeneratorStage(name, name, count, built(generator(), "core/test"), {"use": "core/test"}, **of_stage)
        for name in types
    ]
    postprocessors = [PostprocessorStage(built(one, "test/filter"), {"use": "test/filter"}) for one in filters]
    key = pipeline_key(generators, postprocessors, rounds)
    return ProductPipeline(key, generators, postprocessors, rounds, w.model_client)


def make(tmp_path: Path, script, **options) -> tuple[Outcome, World]:
    async def scenario() -> tuple[Outcome, World]:
        async with world(tmp_path, script) as w:
            made = product_pipeline(w, **options)
            entry = ManifestEntry(
                ordinal=4, key=PRODUCT.key, content_hash="c", outcome_key=made.outcome_key(PRODUCT, "c")
            )
            return await made.make(PRODUCT, entry), w

    return asyncio.run(scenario())


def wanted(asked: Request) -> int:
    return int(asked.prompt.split()[2])


def test_exactly_the_count_is_kept_and_the_rest_is_surplus(tmp_path: Path):
    outcome, w = make(tmp_path, lambda *_: questions(*[f"Question {n}?" for n in range(5)]))
    assert (outcome.state, len(outcome.queries), w.stats.calls) == ("done", 3, 1)
    assert [query.dropped for query in outcome.dropped] == ["surplus", "surplus"]
    assert {(query.generator, query.query_type, query.round) for query in outcome.queries} == {
        ("product", "product", 0)
    }


class Remembering(AskingGenerator):
    """Answers with the sub_types that the script gives, and keeps what it was asked for."""

    wants: list[Want] = []  # noqa: RUF012 - set anew by `wants`

    async def generate(self, product, want, ask):
        self.wants.append(want)
        answer = await ask(Request(model="m", prompt=f"_ _ {want.count} {want.query_type} {want.round}", schema=SCHEMA))
        return [Query(text=item["text"], sub_type=item.get("sub_type", "")) for item in answer.value["questions"]]


@pytest.fixture
def wants() -> list[Want]:
    Remembering.wants = []
    return Remembering.wants


def of_kinds(*kinds: str, bad: str = "", more: str = "") -> Response:
    items = [
        {"text": f"{more}{n} {kind}{' bad' if kind in bad.split() else ''}?", "sub_type": kind}
        for n, kind in enumerate(kinds)
    ]
    return Response(text=json.dumps({"questions": items}))


def test_the_first_request_asks_for_more_and_the_plan_decides_what_is_kept(tmp_path: Path, wants: list[Want]):
    plan = {"features": 2, "safety": 1}
    script = lambda *_: of_kinds("features", "features", "features", "care", "safety")  # noqa: E731
    outcome, w = make(tmp_path, script, generator=Remembering, plan=plan, ask=5)
    assert [want.count for want in wants] == [5]
    assert [query.sub_type for query in outcome.queries] == ["features", "features", "safety"]
    assert [(query.sub_type, query.dropped) for query in outcome.dropped] == [
        ("features", "surplus"),
        ("care", "surplus"),
    ]
    assert w.stats.first_answers["product"] == FirstAnswers(products=1, one_call=1, lost=Counter({0: 1}))


def test_a_refill_names_what_is_missing_what_is_there_and_what_was_dropped(tmp_path: Path, wants: list[Want]):
    def script(request: Request, _number: int) -> Response:
        if " 0" not in request.prompt:
            return of_kinds("safety", "safety", more="again ")
        if "market" in request.prompt:
            return of_kinds("rank", "rank", "rank", more="market ")
        return of_kinds("features", "features", "safety", bad="safety")

    outcome, w = make(
        tmp_path,
        script,
        generator=Remembering,
        plan={"features": 2, "safety": 1},
        types=("product", "market"),
        filters=[DropBad()],
    )
    (refill,) = (want for want in wants if want.round)
    assert (refill.query_type, refill.count, refill.missing) == ("product", 2, {"features": 1, "safety": 1})
    assert set(refill.accepted) == {"0 features?", "1 features?", "market 0 rank?", "market 1 rank?", "market 2 rank?"}
    assert refill.dropped == {"2 safety bad?": "test/bad"}
    assert [query.text for query in outcome.queries[:3]] == ["0 features?", "1 features?", "again 0 safety?"]
    assert w.stats.first_answers["product"] == FirstAnswers(products=1, one_call=0, lost=Counter({1: 1}))


def test_only_the_newest_fifty_of_the_dropped_are_told(tmp_path: Path, wants: list[Want]):
    bad = questions(*(f"bad {n}?" for n in range(60)))
    make(tmp_path, lambda *_: bad, count=60, generator=Remembering, filters=[DropBad()])
    assert list(wants[1].dropped) == [f"bad {n}?" for n in range(10, 60)]


@pytest.mark.parametrize(
    ("items", "calls", "reasons"),
    [
        (["One?", "Two?"], 1, {"product": "facts"}),
        (["One?", "Two?", "Three?"], 1, {}),
        (["One?", "bad 1?", "bad 2?"], 3, {"product": "filters"}),
    ],
)
def test_a_model_may_say_that_the_facts_carry_no_more(tmp_path: Path, items, calls, reasons):
    text = json.dumps({"questions": [{"text": text} for text in items], "short": "facts"})
    outcome, w = make(tmp_path, lambda *_: Response(text=text), filters=[DropBad()])
    assert (outcome.reasons, w.stats.calls) == (reasons, calls)
    assert w.stats.first_answers["product"].lost == ({0: 1} if not reasons else {} if calls == 1 else {2: 1})


def test_only_the_shortfall_is_asked_for_again(tmp_path: Path):
    asked: list[int] = []

    def script(request: Request, _number: int) -> Response:
        asked.append(wanted(request))
        good = ["One?", "Two?"] if len(asked) == 1 else ["Three?"]
        return questions(*good, *(["bad?"] if len(asked) == 1 else []))

    outcome, _ = make(tmp_path, script, filters=[DropBad()])
    assert asked == [3, 2], "one is missing, and one more is asked for, since some are dropped"
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
    assert w.stats.calls == (1 if reason == "blocked" else 3)


def test_a_model_that_knows_no_more_is_not_pressed(tmp_path: Path):
    def script(request: Request, _number: int) -> Response:
        return questions("One?") if wanted(request) == 3 else questions()

    outcome, w = make(tmp_path, script)
    assert outcome.reasons == {"product": "facts"}
    assert w.stats.calls == 3  # an empty answer is asked for once more


def test_a_blocked_generator_does_not_take_the_others_questions(tmp_path: Path):
    def script(request: Request, _number: int):
        return ProviderError("blocked", "no") if "market" in request.prompt else questions("A?", "B?", "C?")

    outcome, _ = make(tmp_path, script, types=("product", "market"))
    assert outcome.reasons == {"market": "blocked"}
    assert len(outcome.queries) == 3


def to_the_probe(request: Request) -> bool:
    return "Kettle " not in request.prompt


def test_a_broken_first_answer_fails_the_product_but_a_broken_refill_only_shortens_it(tmp_path: Path):
    with pytest.raises(AnswerError):
        make(tmp_path / "first", lambda asked, _: questions("A?") if to_the_probe(asked) else Response(text="Sorry"))

    def script(request: Request, _number: int) -> Response:
        return questions("One?") if wanted(request) == 3 else Response(text="Sorry")

    outcome, _ = make(tmp_path / "refill", script)
    assert outcome.reasons == {"product": "broken"}


def test_what_one_generator_was_paid_for_is_kept_when_another_fails(tmp_path: Path):
    def script(request: Request, _number: int) -> Response:
        bad = "market" in request.prompt and not to_the_probe(request)
        return Response(text="Sorry") if bad else questions("A?", "B?", "C?")

    async def scenario() -> int:
        async with world(tmp_path, script) as w:
            made = product_pipeline(w, types=("product", "market"))
            with pytest.raises(AnswerError):
                await made.make(PRODUCT, ManifestEntry(ordinal=0, key=PRODUCT.key))
            return (await w.journal.spent()).calls

    assert asyncio.run(scenario()) == 4, "with the probe"


def test_the_same_answers_make_the_same_outcome(tmp_path: Path):
    def script(request: Request, _number: int) -> Response:
        return questions("One?", "bad?", "Two?") if wanted(request) == 3 else questions("Three?", "Four?")

    first, _ = make(tmp_path, script, filters=[DropBad()])
    again, w = make(tmp_path, lambda *_: AssertionError("asked"), filters=[DropBad()])
    assert first == again
    assert w.stats.calls == 0


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
    source = GeneratorStage("a", "product", 25, built(None, "core/test"), {"use": "core/test", "hash": "1"})
    step = PostprocessorStage(built(None, "text/quality"), {"options": {"min_words": 4}})
    keys = {
        pipeline_key([source], [step], 2),
        pipeline_key([replace(source, count=24)], [step], 2),
        pipeline_key([replace(source, ask=28)], [step], 2),
        pipeline_key([replace(source, query_type="market")], [step], 2),
        pipeline_key([replace(source, name="b")], [step], 2),
        pipeline_key([replace(source, fingerprint={"use": "core/test", "hash": "2"})], [step], 2),
        pipeline_key([source], [replace(step, fingerprint={"options": {"min_words": 5}})], 2),
        pipeline_key([source], [], 2),
        pipeline_key([source], [step], 1),
    }
    assert len(keys) == 9
