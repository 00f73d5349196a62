from __future__ import annotations

import asyncio
import pickle

import pytest

from querygen_core.api import ProviderError
from querygen_core.contracts.canonical import canonical_json, digest
from querygen_core.contracts.records import product_key
from querygen_core.testing import (
    HOSTILE,
    UNSTORABLE,
    FakeAsk,
    context,
    outcome,
    product,
    query,
    reject,
    request,
    response,
)


@pytest.mark.parametrize("record", [product(), query(), outcome(), request(), response(), reject()])
def test_samples_are_plain_records(record):
    assert pickle.loads(pickle.dumps(record)) == record
    assert canonical_json(record)


def test_samples_take_changes():
    assert product(title="Toaster").title == "Toaster"
    assert query("Why?", round=2).round == 2
    made = outcome("Why?", query("How?", query_type="market"), product_id="7", ordinal=3)
    assert [(item.query_type, item.text) for item in made.queries] == [("product", "Why?"), ("market", "How?")]
    assert made.product_key == product_key("shop", "7", "en")
    assert made.ordinal == 3
    assert outcome(queries=()).queries == ()
    with pytest.raises(TypeError):
        product(titel="Toaster")


def test_hostile_texts_are_storable_and_the_others_are_not_all():
    for text in HOSTILE:
        assert "\x00" not in text
        assert text.encode("utf-8").decode("utf-8") == text
    with pytest.raises(UnicodeEncodeError):
        "".join(UNSTORABLE).encode("utf-8")


def test_a_context_has_its_folders(tmp_path):
    made = context(tmp_path, "files/jsonl", job_id="other")
    assert made.state_dir.is_dir()
    assert (made.config_dir, made.job_id, made.component) == (tmp_path, "other", "files/jsonl")


def test_answers_come_in_turn_and_repeats_from_the_journal():
    ask = FakeAsk([["Why?"], "text", ProviderError("auth", "no key")])
    first, again = asyncio.run(ask(request("a"))), asyncio.run(ask(request("a")))
    assert (first.value, first.from_journal, again.value, again.from_journal) == (["Why?"], False, ["Why?"], True)
    assert first.request_key == digest(request("a"))
    assert asyncio.run(ask(request("b"))).response.text == "text"
    with pytest.raises(ProviderError):
        asyncio.run(ask(request("c")))
    with pytest.raises(AssertionError, match="FakeAsk has only 3 answers"):
        asyncio.run(ask(request("d")))
    assert [item.prompt for item in ask.requests] == ["a", "b", "c"]


def test_answers_may_depend_on_the_request():
    ask = FakeAsk(lambda asked: asked.prompt.upper())
    assert asyncio.run(ask(request("abc"))).value == "ABC"
