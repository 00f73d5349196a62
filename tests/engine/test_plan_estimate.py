"""Lengths without a tokenizer, and the order in which better knowledge takes their place."""

from __future__ import annotations

from dataclasses import replace

import pytest

from querygen_core.api import Usage
from querygen_core.contracts.price import Price
from querygen_core.engine.model import Model
from querygen_core.engine.plan_estimate import Estimator
from querygen_core.engine.plan_requests import ENOUGH, Line, SeenKeys
from querygen_core.engine.shutdown import Shutdown
from querygen_core.engine.throttle import Throttle
from querygen_core.engine.token_guess import Range, answer_tokens, size_of
from querygen_core.journal.store_view import EarlierAnswer
from querygen_core.testing import ScriptedProvider
from tests.engine.world import built, request

LISTS = {"type": "object", "properties": {"good": {"type": "array", "items": {"type": "string"}}}}
TEXTS = {"type": "array", "items": {"type": "object", "properties": {"text": {}, "facet": {}, "stage": {}}}}
LABELLED = {"type": "object", "properties": {"questions": TEXTS}}
SENT = "Ask about this lamp. " * 100


def line(answers: int = 0, *, new: int = 100, name: str = "generator 'product'", model: Model | None = None) -> Line:
    """A generator that asks for 20 questions, with so many stored answers of 300 tokens to 500 sent."""
    provider = built(ScriptedProvider([]), "test/model")
    model = model or Model("m", "m-1", provider, {}, Throttle(Shutdown(), 4), Price(input=1, output=10))
    one = Line(name, model, questions=20, example=request(SENT))
    for _ in range(new):
        one.add_new(request(SENT), size_of(request(SENT)), None, is_refill=False)  # type: ignore[arg-type]
    one.open_new = new
    for _ in range(answers):
        one.answered.add(Usage(input=500, output=290, thinking=10), size_of(request(SENT)).tokens, 1, 20)
        one.explored += 1
    return one


def estimate(*lines: Line, counted: dict[int, float] | None = None, earlier: list[EarlierAnswer] | None = None):
    return Estimator(lines, counted or {}, earlier or [], filters=False, rounds=2).use(0)


@pytest.mark.parametrize(("text", "tokens"), [("a" * 400, 100), ("я" * 400, 200), ("語" * 400, 300)])
def test_other_scripts_have_more_tokens_per_character(text, tokens):
    assert size_of(replace(request(text), schema=None)).tokens == tokens


def test_labels_make_an_answer_longer_and_so_do_other_languages():
    plain = answer_tokens(replace(request(), schema=None), 25)
    assert answer_tokens(replace(request(), schema=LISTS), 25) == plain
    assert answer_tokens(replace(request(), schema=LABELLED), 25).low > 1.5 * plain.low
    assert answer_tokens(replace(request("Größe und Farbe"), schema=LISTS), 25).high > plain.high
    assert plain.low < plain.expected < plain.high


def test_the_model_s_limit_is_the_most():
    one = line()
    one.model = replace(one.model, max_output=40)
    assert estimate(one).output == Range(4_000, 4_000, 1.02 * 4_000)  # a few have to be asked for again


def test_the_store_s_own_answers_come_first():
    guessed = estimate(line())
    assert guessed.output_known == "guessed by the plan"
    assert estimate(line(ENOUGH - 1)) == guessed
    known = estimate(line(ENOUGH), counted={0: 9.0})
    assert (known.input.expected, known.output.expected) == (pytest.approx(50_000), pytest.approx(30_000))
    assert known.usd is not None
    assert known.usd.expected == pytest.approx(0.05 + 0.3)
    assert known.usd.high < 1.5 * known.usd.low


def test_a_count_by_the_provider_comes_before_a_guess():
    counted = estimate(line(), counted={0: 2.0}).input
    assert counted.expected == pytest.approx(2 * 100 * len(SENT) / 4)
    assert counted.high < 1.1 * counted.low


def test_other_answers_of_the_model_count_until_there_are_enough_of_its_own():
    one = line()
    other = line(ENOUGH, name="generator 'market'", model=one.model)
    known = estimate(one, other)
    assert known.output.expected == pytest.approx(30_000)
    earlier = [EarlierAnswer("product", "test/model", "m-1-of-may", 0, 10, Usage(output=100))] * ENOUGH
    assert estimate(one, other, earlier=earlier).output.expected == pytest.approx(100 * 10 * 20)
    elsewhere = [replace(answer, model="n-1") for answer in earlier]
    assert estimate(one, other, earlier=elsewhere) == known


def test_refills_are_as_frequent_as_they_were():
    one = line(ENOUGH)
    one.refills = ENOUGH // 2
    refills = estimate(one).refills
    assert refills.expected == 50
    assert refills.low < 50 < refills.high
    assert Estimator([one], {}, [], filters=True, rounds=0).use(0).refills.high == 0


def test_without_a_price_nothing_is_said_of_the_cost():
    one = line()
    one.model = replace(one.model, price=None)
    assert estimate(one).usd is None


def test_keys_are_seen_once_and_contents_remembered():
    seen = SeenKeys()
    assert (seen.add("ab" * 32), seen.add("ab" * 32)) == (True, False)
    assert (seen.content_of("shop:1", "cd" * 32), seen.content_of("shop:1", "ef" * 32)) == (None, "cd" * 32)
    seen.close()
