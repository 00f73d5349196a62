"""A plugin that fails, or breaks its contract, fails what it was asked for, and is named."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import pytest

from querygen_core.api import CredentialsError, Query, Response
from querygen_core.contracts.errors import Exit
from querygen_core.engine import deliver
from querygen_core.testing import MemorySink, MemorySnapshotSink, ScriptedProvider, three_questions
from tests.engine.lab import Lab, product, products, states


@pytest.mark.parametrize("error", [ValueError("boom"), SystemExit(0), MemoryError("much")], ids=repr)
@pytest.mark.parametrize("kind", ["generator", "postprocessor"])
def test_a_part_that_fails_for_one_product_fails_that_product(tmp_path: Path, kind, error):
    class Step:
        async def process(self, item, queries, ask):
            return self._try(item, queries)

        async def generate(self, item, want, ask):
            return self._try(item, [Query(text=f"{item.title} {n}?") for n in range(3)])

        def _try(self, item, queries):
            if item.title == "Product 1":
                raise error
            return queries

    parts = {"generators": {"step": Step()}} if kind == "generator" else {"postprocessors": {"step": Step()}}
    lab = Lab(tmp_path, products(4), runtime={"max_failed_ratio": 0.25}, **parts)
    result = lab.run()
    assert (result.code, states(result)) == (Exit.DONE, {"done": 3, "failed": 1})
    (letter,) = lab.dead_letters()
    assert letter["product_key"] == product(1).key
    assert (letter["file"], letter["line"], letter["attempt"]) == ("list", 1, 1)
    assert f"{kind} 'lab/step' (querygen-lab 1) failed: {type(error).__name__}" in letter["message"]
    assert re.fullmatch(r"tests/engine/test_faulty_parts\.py:\d+ in _try", letter["frame"])
    assert letter["frame"] in letter["message"]
    assert letter["component"] == "lab/step"
    (told,) = [json.loads(data) for kind, data in lab.rows("SELECT kind, data FROM events") if kind == "product_failed"]
    assert (told["frame"], told["product"], told["line"]) == (letter["frame"], product(1).key, 1)


@pytest.mark.parametrize(
    "answer",
    [Response(text=None), Response(text=b"x"), Response(text="x", usage=None), Response(text="x", finish="odd"), 7],
    ids=["no text", "bytes", "no usage", "odd finish", "number"],
)
def test_a_provider_that_breaks_its_contract_is_no_bug_of_ours(tmp_path: Path, answer):
    lab = Lab(tmp_path, products(40), script=lambda *_: answer)
    result = lab.run()
    assert (result.code, result.report["stopped_by"]) == (Exit.PROVIDER_REFUSES, "dead_model")
    assert states(result) == {"pending": 40}
    assert "lab/model" in result.message
    assert sum(lab.model.calls.values()) <= 5


def test_a_provider_that_cancels_itself_leaves_nothing_pending(tmp_path: Path):
    """As libraries with cancel scopes of their own do when they go wrong."""

    class Cancelled(ScriptedProvider):
        async def complete(self, request):
            raise asyncio.CancelledError

    result = Lab(tmp_path, products(2), model=Cancelled(three_questions)).run()
    assert (result.code, states(result)) == (Exit.PROVIDER_REFUSES, {"pending": 2})
    assert "it cancelled its own task" in result.message


def test_a_provider_that_fails_for_one_product_fails_that_product_and_is_not_asked_again(tmp_path: Path):
    def script(asked, number):
        return ValueError("boom") if "Product 3 " in asked.prompt else three_questions(asked, number)

    lab = Lab(tmp_path, products(6), script=script, runtime={"max_failed_ratio": 0.2})
    assert states(lab.run()) == {"done": 5, "failed": 1}
    (letter,) = lab.dead_letters()
    assert "boom" in letter["message"]
    again = lab.run()
    assert (states(again), again.report["calls"]["errors"]) == ({"done": 5, "failed": 1}, {})


@pytest.mark.parametrize("made", [[Query(text=None)], ["text"], None, [Query(text="a?", labels=None)]], ids=repr)
def test_a_generator_that_breaks_its_contract_is_no_bug_of_ours(tmp_path: Path, made):
    class Wrong:
        async def generate(self, item, want, ask):
            return made

    lab = Lab(tmp_path, products(2), generators={"wrong": Wrong()})
    result = lab.run()
    assert result.code == Exit.INPUT_UNUSABLE
    assert all("lab/wrong" in letter["message"] for letter in lab.dead_letters())


@pytest.mark.parametrize(("transient", "code"), [(False, Exit.CREDENTIALS), (True, Exit.TRY_AGAIN)])
@pytest.mark.parametrize("kind", ["model", "check", "sink"])
def test_a_secret_that_cannot_be_had_now_is_worth_another_try(tmp_path: Path, monkeypatch, kind, transient, code):
    """Whichever part needed it; a scheduler runs 75 again, and 77 not."""
    monkeypatch.setattr(deliver, "_PATIENCE", 0)
    error = CredentialsError("the secret is away", transient=transient)
    table = MemorySink(errors=[error] * 20 if kind == "sink" else [], check_error=error if kind == "check" else None)
    script = three_questions if kind != "model" else lambda *_: error
    result = Lab(tmp_path, products(20), script=script, sinks={"table": table}, runtime={"retry_for": 0}).run()
    assert (result.code, "the secret is away" in result.message) == (code, True)


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("capabilities", 7, "its capabilities are int, not Capabilities"),
        ("limit_key", None, "its limit_key is NoneType, not text"),
    ],
)
def test_a_provider_with_attributes_of_the_wrong_type_is_refused_before_a_call(tmp_path: Path, name, value, problem):
    provider = ScriptedProvider(three_questions)
    setattr(provider, name, value)
    result = Lab(tmp_path, products(2), model=provider).run()
    assert (result.code, result.report["calls"]["new"]) == (Exit.CONFIG, 0)
    assert "lab/model" in result.message
    assert problem in result.message


def test_a_snapshot_sink_must_say_how_many_queries_it_retired(tmp_path: Path):
    class Mute(MemorySnapshotSink):
        async def publish(self):
            await super().publish()

    result = Lab(tmp_path, products(2), sinks={"mute": Mute()}).run()
    assert result.code == Exit.SINK_FAILED
    assert "publish must return the number of retired queries" in result.message
