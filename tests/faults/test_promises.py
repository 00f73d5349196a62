"""Nothing is paid for twice, whatever is changed: only what is really new is asked."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.faults.shop import OUTPUTS, Shop, balanced

PROMPTS = Path(__file__).parents[2] / "prompts"


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A job with prompts of its own that has been run to its end."""
    folder = tmp_path_factory.mktemp("original") / "shop"
    shop = Shop(folder, products=12, latency_ms=0)
    shutil.copytree(PROMPTS, folder / "prompts")
    ended = shop.run()
    assert ended.code == 0, ended.err
    return folder


@pytest.fixture
def done(original: Path, tmp_path: Path) -> Shop:
    """A copy of it, to be changed."""
    shutil.copytree(original, tmp_path / "shop")
    return Shop(tmp_path / "shop", products=12, latency_ms=0)


def report(shop: Shop, *words: str) -> dict[str, Any]:
    before = shop.paid
    ended = shop.run(*words)
    assert ended.code == 0, ended.err
    assert ended.json["calls"]["new"] == shop.paid - before
    assert balanced(ended.json)
    made: dict[str, Any] = ended.json
    return made


def lines(shop: Shop) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (shop.folder / OUTPUTS[0]).read_text("utf-8").splitlines()]


def test_again_there_is_nothing_to_do(done):
    before, marks = done.outputs(), done.marks()
    again = report(done)
    assert (again["calls"]["new"], again["calls"]["journal"]) == (0, 0), "no request was even made"
    assert again["answers_by_rung"] == {}
    assert (done.outputs(), done.marks()) == (before, marks)
    assert all(sink["delivered"] == sink["retired"] == 0 for sink in again["sinks"].values())


def test_a_product_more_costs_its_own_calls(done):
    before = lines(done)
    done.products = 13
    done.write()
    more = report(done)
    assert 2 <= more["calls"]["new"] <= 10
    assert more["calls"]["journal"] == 0
    assert more["done"] + more["short"] == 13
    assert lines(done)[: len(before)] == before
    assert {line["product_id"] for line in lines(done)[len(before) :]} == {"S012"}


def test_a_product_less_costs_nothing_and_leaves_the_outputs(done):
    done.products = 11
    done.write()
    less = report(done)
    assert (less["calls"]["new"], less["not_in_input"]) == (0, 1)
    assert "S011" not in {line["product_id"] for line in lines(done)}


def test_a_word_in_one_prompt_costs_its_calls_and_back_again_nothing(done):
    before, paid = done.outputs(), done.paid
    prompt = done.folder / "prompts" / "market.j2"
    original = prompt.read_text("utf-8")
    system = "{% block system %}"
    assert system in original
    prompt.write_text(original.replace(system, f"{system}Hello. ", 1), "utf-8")
    changed = report(done)
    market = {line["request_key"] for line in lines(done) if line["query_type"] == "market"}
    product = {line["request_key"] for line in lines(done) if line["query_type"] == "product"}
    old = [json.loads(line) for line in before[OUTPUTS[0]].decode().splitlines()]
    assert 12 <= changed["calls"]["new"] < paid
    assert changed["calls"]["journal"] >= 12, "the product questions came from the journal"
    assert product == {line["request_key"] for line in old if line["query_type"] == "product"}
    assert not market & {line["request_key"] for line in old if line["query_type"] == "market"}
    prompt.write_text(original, "utf-8")
    back = report(done)
    assert (back["calls"]["new"], back["calls"]["journal"]) == (0, 0)
    assert done.outputs() == before


@pytest.mark.slow
def test_a_stricter_filter_asks_for_the_shortfall_only(done):
    before = lines(done)
    usual = [{"use": "text/standardise"}, {"use": "text/quality", "max_words": 12}, {"use": "text/dedup"}]
    done.changes = {"postprocessors": usual}
    done.write()
    tightened = report(done)
    kept = {line["query_text"] for line in lines(done)}
    gone = sum(line["query_text"] not in kept for line in before)
    assert gone > 0, "the filter was not tight enough to try anything"
    assert max(len(text.split()) for text in kept) < max(len(line["query_text"].split()) for line in before)
    assert tightened["calls"]["journal"] >= 24, "every first answer came from the journal"
    first_requests = {line["request_key"] for line in before if line["round"] == 0}
    assert {line["request_key"] for line in lines(done) if line["round"] == 0} <= first_requests
    assert tightened["calls"]["new"] <= 2 * 2 * 12, "at most two more rounds for each prompt of each product"
    done.changes = {}
    done.write()
    assert report(done)["calls"]["new"] == 0


def test_a_sink_more_is_filled_without_a_call(done):
    marks = done.marks()
    sinks = [{"use": f"files/{name.partition('.')[2]}", "path": name} for name in OUTPUTS]
    done.changes = {"sinks": [*sinks, {"use": "files/jsonl", "name": "copy", "path": "more/copy.jsonl"}]}
    done.write()
    more = report(done)
    assert (more["calls"]["new"], more["calls"]["journal"]) == (0, 0)
    assert (done.folder / "more" / "copy.jsonl").read_bytes() == done.outputs()[OUTPUTS[0]]
    assert done.marks() == marks


def test_outputs_that_were_lost_or_spoilt_are_made_again_without_a_call(done):
    before = done.outputs()
    (done.folder / OUTPUTS[0]).unlink()
    (done.folder / OUTPUTS[1]).write_text("spoilt")
    assert report(done)["calls"]["new"] == 0
    assert done.outputs() == before


@pytest.mark.slow
def test_lost_outcomes_are_made_again_of_the_answers(done):
    before = done.outputs()
    with closing(sqlite3.connect(done.folder / ".querygen" / "shop" / "journal.sqlite")) as db, db:
        db.execute("DELETE FROM outcomes WHERE seq % 2")
        db.execute("UPDATE outcomes SET body = x'00' WHERE seq % 4 = 0")
    again = report(done)
    assert again["calls"]["new"] == 0
    assert again["calls"]["journal"] > 0
    assert done.outputs() == before


@pytest.mark.slow
def test_speed_addresses_and_flaws_of_transport_are_in_no_key(done):
    done.latency_ms = 1
    done.runtime = {"concurrency": 1, "call_timeout": 30}
    done.write()
    again = report(done, "--set", "models.m.errors=0.5")
    assert (again["calls"]["new"], again["calls"]["journal"]) == (0, 0)


@pytest.mark.slow
def test_answers_that_were_removed_are_missed(unbroken, shop):
    shop.write()
    assert shop.run().code == 0
    for file in (shop.folder / ".querygen").glob("answers.sqlite*"):
        file.unlink()
    again = shop.run()
    assert again.code == 0
    assert f"this job has paid for {shop.paid} answers, and the store has none of them" in again.err
    assert "has paid for" not in shop.run().err.replace(again.err, "")
