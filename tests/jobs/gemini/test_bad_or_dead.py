"""A product that a model cannot take is a dead letter; a model that is dead, or a prompt that is useless, ends the run.

Against a model server on a socket whose content depends on the request only.
"""

from __future__ import annotations

import asyncio
import json
import re
import signal
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from querygen_core.cli.loading import load
from querygen_core.engine.build import RunOptions
from querygen_core.engine.run import RunResult, run_job
from querygen_core.testing import HttpCall, HttpReply, HttpServer
from tests.cli.process import end, start, wait_for, write_catalogue, write_config

NOUNS = ["Kettle", "Toaster", "Lamp", "Chair", "Drill", "Blanket", "Stove", "Shelf", "Radio", "Clock"]
GENERATORS = ("product", "market")
BAD = "Unwieldy"


def wire(status: int, name: str, message: str) -> HttpReply:
    return HttpReply(status=status, body={"error": {"code": status, "status": name, "message": message}})


REFUSED = wire(400, "INVALID_ARGUMENT", "The input token count exceeds the maximum number of tokens allowed.")
BROKEN = wire(500, "INTERNAL", "An internal error has occurred.")
GONE = wire(404, "NOT_FOUND", "models/gemini-x is not found for API version v1beta.")


def said(text: str, finish: str = "STOP") -> HttpReply:
    body = {
        "candidates": [{"content": {"role": "model", "parts": [{"text": text}]}, "finishReason": finish, "index": 0}],
        "usageMetadata": {"promptTokenCount": 100, "candidatesTokenCount": 50, "totalTokenCount": 150},
        "modelVersion": "gemini-x-001",
    }
    return HttpReply(body=body)


def questions(prompt: str) -> HttpReply:
    subject = re.search(r'"title": ?"([^"]+)"', prompt)
    title = subject[1] if subject else "thing"
    return said(json.dumps({"questions": [{"text": f"Is the {title} good in way {way}?"} for way in range(3)]}))


@dataclass
class Model:
    """Counts its calls and says how each was answered."""

    answer: Callable[[str, int], HttpReply] = lambda prompt, _number: questions(prompt)
    good: list[int] = field(default_factory=list)
    prompts: list[str] = field(default_factory=list)

    def reply(self, call: HttpCall) -> HttpReply:
        prompt = call.json["contents"][0]["parts"][0]["text"]
        self.prompts.append(prompt)
        number = len(self.prompts)
        reply = self.answer(prompt, number)
        if reply.status == 200 and "Is the" in reply.body["candidates"][0]["content"]["parts"][0]["text"]:
            self.good.append(number)
        return reply

    @property
    def after_the_last_good_one(self) -> int:
        return len(self.prompts) - max(self.good, default=0)


@pytest.fixture
def model() -> Model:
    return Model()


class Shop:
    """A job in a folder of its own."""

    def __init__(self, folder: Path, url: str, titles: list[str], generators: tuple[str, ...] = GENERATORS) -> None:
        self.folder = folder
        self.runtime: dict[str, Any] = {"concurrency": 8}
        self.options = {"api_key": "not-a-real-key", "base_url": url, "model": "gemini-x"}
        self.generators = generators
        self.journal: dict[str, Any] = {}
        folder.mkdir()
        for name in GENERATORS:
            text = f"---\nname: {name}\n---\n{name} questions about {{{{ product | tojson }}}}\n"
            (folder / f"{name}.j2").write_text(text, "utf-8")
        write_catalogue(folder / "c.jsonl", [{"id": f"P{n:03}", "title": title} for n, title in enumerate(titles)])

    def run(self, **options: Any) -> RunResult:
        """In this process."""
        loaded = load(str(self.write()))
        return asyncio.run(run_job(loaded.pipeline, RunOptions(**options), loaded.registry))

    def write(self) -> Path:
        file = self.folder / "shop.yaml"
        generators = [
            {"name": name, "prompt": f"./{name}.j2", "model": "m", "query_type": name, "count": 3}
            for name in self.generators
        ]
        write_config(
            file,
            job_id="shop",
            input={"use": "files/catalogue", "path": "c.jsonl"},
            models={"m": {"use": "gemini/api", **self.options}},
            generators=generators,
            sinks=[{"use": "files/jsonl", "path": str(self.folder / "out.jsonl")}],
            journal=self.journal,
            runtime={"state_dir": str(self.folder / "state"), "refill_rounds": 0, **self.runtime},
        )
        return file


def titles(count: int, bad: range = range(0)) -> list[str]:
    return [f"{BAD if number in bad else 'Alva'} {NOUNS[number % 10]} {number}" for number in range(count)]


def states(result: RunResult) -> tuple[int, int, int]:
    return tuple(result.report[name] for name in ("done", "failed", "pending"))


def refuses_the_bad(prompt: str, _number: int) -> HttpReply:
    return REFUSED if BAD in prompt else questions(prompt)


@pytest.mark.parametrize("concurrency", [pytest.param(1, marks=pytest.mark.slow), 8])
def test_refused_neighbours_are_dead_letters_and_are_not_asked_for_again(tmp_path: Path, model: Model, concurrency):
    model.answer = refuses_the_bad
    with HttpServer(model.reply) as server:
        shop = Shop(tmp_path / "shop", server.url, titles(60, range(20, 23)))
        shop.runtime["concurrency"] = concurrency
        first = shop.run()
        assert (first.code, states(first)) == (0, (57, 3, 0)), first.message
        assert first.report["calls"]["refused"] == 6
        assert first.report["calls"]["probe"] <= 4
        paid = len(model.prompts)
        again = shop.run()
        assert (again.code, states(again), len(model.prompts)) == (0, (57, 3, 0), paid)


def test_many_refused_products_at_the_front_do_not_stop_the_others(tmp_path: Path, model: Model):
    model.answer = refuses_the_bad
    with HttpServer(model.reply) as server:
        shop = Shop(tmp_path / "shop", server.url, titles(60, range(20)), ("product",))
        first = shop.run()
        assert (first.code, first.report["stopped_by"]) == (65, "rejected_input"), first.message
        assert states(first) == (40, 20, 0)
        assert first.report["calls"]["probe"] <= 4
        paid = len(model.prompts)
        again = shop.run()
        assert (again.code, states(again), len(model.prompts)) == (65, (40, 20, 0), paid)
        model.answer = Model().answer
        healed = shop.run(retry=True)
        assert (healed.code, states(healed), len(model.prompts)) == (0, (60, 0, 0), paid + 20)


@pytest.mark.parametrize("reply", [GONE, REFUSED], ids=["404", "400"])
@pytest.mark.parametrize("after", [0, 13, pytest.param(30, marks=pytest.mark.slow)])
def test_a_model_that_dies_ends_the_run_and_nothing_is_remembered(tmp_path: Path, model: Model, reply, after):
    def answer(prompt: str, number: int) -> HttpReply:
        # Not all at once, so that calls arrive in the order in which they are sent, which is the one that counts.
        return replace(reply if number > after else questions(prompt), seconds=number % 8 / 50)

    model.answer = answer
    with HttpServer(model.reply) as server:
        shop = Shop(tmp_path / "shop", server.url, titles(30))
        dead = shop.run()
        assert (dead.code, dead.report["stopped_by"], dead.report["failed"]) == (69, "dead_model", 0)
        assert reply.body["error"]["message"] in dead.message
        assert model.after_the_last_good_one <= 10
        model.answer = Model().answer
        healed = shop.run()
        assert (healed.code, states(healed)) == (0, (30, 0, 0))
        assert healed.report["calls"]["job"] == 60


def test_a_model_that_dies_at_the_last_product_is_not_taken_for_a_bad_product(tmp_path: Path, model: Model):
    model.answer = lambda prompt, _number: GONE if "Alva Stove 6" in prompt or "kettle" in prompt else questions(prompt)
    with HttpServer(model.reply) as server:
        shop = Shop(tmp_path / "shop", server.url, titles(7), ("product",))
        shop.runtime["concurrency"] = 1
        dead = shop.run()
        assert (dead.code, dead.report["stopped_by"], states(dead)) == (69, "dead_model", (6, 0, 1))
        model.answer = Model().answer
        assert states(shop.run()) == (7, 0, 0)


def test_a_prompt_whose_answers_cannot_be_used_ends_the_run_and_the_others_answers_are_kept(
    tmp_path: Path, model: Model
):
    model.answer = lambda prompt, _number: said("I would rather not.") if "market" in prompt else questions(prompt)
    with HttpServer(model.reply) as server:
        shop = Shop(tmp_path / "shop", server.url, titles(30))
        useless = shop.run()
        assert (useless.code, useless.report["stopped_by"], useless.report["failed"]) == (69, "useless_prompt", 0)
        assert "market.j2" in useless.message
        assert "I would rather not." in useless.message
        asked = sum("market" in prompt for prompt in model.prompts)
        assert asked <= 10
        answered = len(model.prompts) - asked
        model.answer = Model().answer
        healed = shop.run()
        assert (healed.code, states(healed)) == (0, (30, 0, 0))
        assert len(model.prompts) == asked + 60, "what the other generator was paid for is used"
        assert healed.report["calls"]["journal"] == answered


def answers_errors_for_the_bad(prompt: str, _number: int) -> HttpReply:
    return BROKEN if BAD in prompt else questions(prompt)


@pytest.mark.slow
def test_a_product_that_the_provider_always_fails_at_fails_in_the_second_run(tmp_path: Path, model: Model):
    model.answer = answers_errors_for_the_bad
    with HttpServer(model.reply) as server:
        shop = Shop(tmp_path / "shop", server.url, titles(30, range(10, 13)), ("product",))
        shop.runtime |= {"retry_for": 0, "max_failed_ratio": 0.1}
        first = shop.run()
        assert (first.code, first.report["stopped_by"], states(first)) == (75, "provider_wait", (27, 0, 3))
        assert BROKEN.body["error"]["message"] in first.message
        second = shop.run()
        assert (second.code, states(second)) == (0, (27, 3, 0)), second.message
        asked = len(model.prompts)
        third = shop.run()
        assert (third.code, states(third), len(model.prompts)) == (0, (27, 3, 0), asked)
        model.answer = Model().answer
        assert states(shop.run(retry=True)) == (30, 0, 0)


@pytest.mark.slow
@pytest.mark.parametrize("after", [0, 10])
def test_an_outage_is_no_products_fault(tmp_path: Path, model: Model, after: int):
    model.answer = lambda prompt, number: BROKEN if number > after else questions(prompt)
    with HttpServer(model.reply) as server:
        shop = Shop(tmp_path / "shop", server.url, titles(20))
        shop.runtime["retry_for"] = 0
        for _ in range(3):
            away = shop.run()
            assert (away.code, away.report["failed"]) == (75, 0)
            assert away.report["pending"] > 0
        model.answer = Model().answer
        assert states(shop.run()) == (20, 0, 0)


@pytest.mark.slow
def test_a_provider_slower_than_its_timeout_is_paid_few_times(tmp_path: Path, model: Model):
    model.answer = lambda prompt, _number: replace(questions(prompt), seconds=30)
    with HttpServer(model.reply) as server:
        shop = Shop(tmp_path / "shop", server.url, titles(60))
        shop.runtime |= {"call_timeout": 2, "concurrency": 4}
        slow = shop.run()
        assert (slow.code, slow.report["stopped_by"], states(slow)) == (69, "dead_model", (0, 0, 60))
        assert "no answer within 2 s" in slow.message
        assert len(model.prompts) <= 12


@pytest.mark.slow
def test_a_model_that_falls_silent_is_probed_until_the_time_for_retries_is_over(tmp_path: Path, model: Model):
    model.answer = lambda prompt, number: replace(questions(prompt), seconds=30 if number > 12 else 0)
    with HttpServer(model.reply) as server:
        shop = Shop(tmp_path / "shop", server.url, titles(30), ("product",))
        shop.runtime |= {"call_timeout": 1, "retry_for": 5}
        silent = shop.run()
        assert (silent.code, silent.report["stopped_by"], silent.report["failed"]) == (75, "dead_model", 0)
        assert silent.report["calls"]["probe"] == 2, "at growing pauses, until the next one would be too long"
        model.answer = Model().answer
        healed = shop.run()
        assert (healed.code, states(healed)) == (0, (30, 0, 0))


@pytest.mark.slow
def test_a_model_that_answers_again_is_asked_again(tmp_path: Path, model: Model):
    quiet = range(13, 22)
    model.answer = lambda prompt, number: replace(questions(prompt), seconds=30 if number in quiet else 0)
    with HttpServer(model.reply) as server:
        shop = Shop(tmp_path / "shop", server.url, titles(30), ("product",))
        shop.runtime |= {"call_timeout": 1}
        assert states(shop.run()) == (30, 0, 0)


@pytest.mark.parametrize("text", ["number", "list"])
def test_answers_that_a_provider_cannot_read_end_the_run(tmp_path: Path, model: Model, text: str):
    parts = None if text == "number" else ["?"]
    model.answer = lambda _prompt, _number: HttpReply(
        body={"candidates": [{"content": {"parts": parts}}] if parts else 7}
    )
    with HttpServer(model.reply) as server:
        shop = Shop(tmp_path / "shop", server.url, titles(60))
        result = shop.run()
        assert (result.code, result.report["failed"], result.report["pending"]) == (69, 0, 60)
        assert len(model.prompts) <= 10


def test_products_with_the_same_request_wait_for_one_verdict(tmp_path: Path, model: Model):
    model.answer = refuses_the_bad
    with HttpServer(model.reply) as server:
        shop = Shop(tmp_path / "shop", server.url, [f"{BAD} Lamp", f"{BAD} Lamp", *titles(4)], ("product",))
        shop.runtime |= {"concurrency": 1, "max_failed_ratio": 0.5}
        result = shop.run()
        assert (result.code, states(result)) == (0, (4, 2, 0))
        assert sum(BAD in prompt for prompt in model.prompts) == 1


def test_a_refusal_is_known_on_another_machine(tmp_path: Path, model: Model):
    model.answer = refuses_the_bad
    with HttpServer(model.reply) as server:
        shop = Shop(tmp_path / "shop", server.url, titles(12, range(3, 6)), ("product",))
        shop.journal = {"url": f"file://{tmp_path}/store/"}
        shop.runtime["max_failed_ratio"] = 0.3
        assert states(shop.run()) == (9, 3, 0)
        paid = len(model.prompts)
        shop.runtime["state_dir"] = str(tmp_path / "another")
        again = shop.run()
        assert (again.code, states(again), len(model.prompts)) == (0, (9, 3, 0), paid)


def test_a_probe_is_subject_to_the_budget(tmp_path: Path, model: Model):
    model.answer = lambda _prompt, _number: said("No.")
    with HttpServer(model.reply) as server:
        shop = Shop(tmp_path / "shop", server.url, titles(12), ("product",))
        shop.runtime |= {"max_calls": 4}
        over = shop.run()
        assert (over.code, over.report["stopped_by"], states(over)) == (69, "budget", (0, 0, 12))
        assert len(model.prompts) == 4
        shop.runtime["max_calls"] = 100
        useless = shop.run()
        assert (useless.code, useless.report["stopped_by"], states(useless)) == (69, "useless_prompt", (0, 0, 12))


@pytest.mark.slow
def test_a_product_that_waits_for_its_verdict_stays_pending_when_the_run_is_stopped(tmp_path: Path, model: Model):
    def answer(prompt: str, _number: int) -> HttpReply:
        return REFUSED if BAD in prompt else replace(questions(prompt), seconds=60)

    model.answer = answer
    with HttpServer(model.reply) as server:
        shop = Shop(tmp_path / "shop", server.url, titles(4, range(1)), ("product",))
        shop.runtime |= {"drain": 9, "concurrency": 2}
        shop.write()
        process = start("run", "shop.yaml", "--json", cwd=shop.folder)
        assert wait_for(process, lambda: len(model.prompts) >= 3)
        process.send_signal(signal.SIGTERM)
        ended = end(process)
        assert (ended.code, ended.json["pending"], ended.json["failed"]) == (75, 4, 0), ended.err
        model.answer = Model().answer
        assert states(shop.run()) == (4, 0, 0)
