"""Whole jobs whose model, prompt or products are bad: who is blamed, and what it costs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.request import Request as HttpRequest
from urllib.request import urlopen

import pytest

from querygen_core.api import Capabilities, ProviderError, Query, Request, Response
from querygen_core.contracts.errors import Exit
from querygen_core.testing import HttpReply, HttpServer, ScriptedProvider, questions, three_questions
from tests.engine.lab import Lab, product, products, states


class Judge:
    """Asks a model about the queries of each product."""

    async def process(self, item: Any, queries: Sequence[Query], ask: Any) -> Sequence[Query]:
        await ask(Request(model="m", prompt=f"judge {item.title} {len(queries)}"))
        return queries


def judged(verdict: Any) -> Any:
    """A script that answers generators, and a postprocessor as `verdict` says."""
    return lambda asked, number: verdict(asked) if asked.prompt.startswith("judge") else three_questions(asked, number)


def test_a_postprocessor_whose_requests_are_all_refused_ends_the_run_without_a_probe(tmp_path: Path):
    script = judged(lambda _: ProviderError("bad_request", "no such model"))
    lab = Lab(tmp_path, products(40), script=script, postprocessors={"judge": Judge()})
    result = lab.run()
    assert (result.code, result.report["stopped_by"]) == (Exit.PROVIDER_REFUSES, "dead_model")
    assert "postprocessor 'lab/judge'" in result.message
    assert "no such model" in result.message
    assert (result.report["calls"]["probe"], result.report["failed"]) == (0, 0)
    assert sum(times for prompt, times in lab.model.calls.items() if prompt.startswith("judge")) <= 4
    lab.model = ScriptedProvider(judged(lambda _: Response(text="good")))
    assert states(lab.run()) == {"done": 40}


def test_a_product_that_a_postprocessor_s_model_refuses_is_a_dead_letter(tmp_path: Path):
    def verdict(asked: Request) -> Any:
        return ProviderError("bad_request", "too long") if "Product 3 " in asked.prompt else Response(text="good")

    lab = Lab(tmp_path, products(10), script=judged(verdict), postprocessors={"judge": Judge()})
    lab.runtime = {"max_failed_ratio": 0.1}
    assert states(lab.run()) == {"done": 9, "failed": 1}
    (letter,) = lab.dead_letters()
    assert (letter["product_key"], letter["reason"]) == (product(3).key, "refused")
    calls = sum(lab.model.calls.values())
    assert states(lab.run()) == {"done": 9, "failed": 1}
    assert sum(lab.model.calls.values()) == calls


def test_a_refill_that_is_refused_leaves_the_product_short(tmp_path: Path):
    def script(asked: Request, _number: int) -> Any:
        first = " product 3 0 " in asked.prompt
        return questions("One?") if first else ProviderError("bad_request", "too long")

    lab = Lab(tmp_path, products(3), script=script)
    result = lab.run()
    assert states(result) == {"short": 3}
    assert set(result.report["short_reasons"]) == {"refused"}
    assert lab.run().report["calls"]["refused"] == 0


class RefusesLate:
    """A provider that refuses every product, the last one only while it answers the probe."""

    capabilities = Capabilities(free=True)
    limit_key = "late"

    def __init__(self) -> None:
        self._probed = asyncio.Event()
        self._refused = asyncio.Event()

    async def complete(self, request: Request) -> Response:
        if request.prompt.startswith("Enamelled"):
            self._probed.set()
            await self._refused.wait()
            await asyncio.sleep(0.3)  # by then the run knows that nothing but verdicts is left
            return Response(text=json.dumps({"questions": [{"text": "Is it good?"}]}))
        if request.prompt.startswith("Product 3 "):
            await self._probed.wait()
            self._refused.set()
        raise ProviderError("bad_request", "too long")

    async def aclose(self) -> None: ...


def test_a_product_that_is_refused_while_a_probe_is_under_way_is_decided_by_the_next(tmp_path: Path):
    lab = Lab(tmp_path, products(4), model=RefusesLate())
    lab.runtime = {"max_failed_ratio": 1}
    result = lab.run()
    assert states(result) == {"failed": 4}
    assert result.report["calls"]["probe"] == 2


class Naive:
    """A provider whose author did not think of answers without a text."""

    capabilities = Capabilities(free=True)
    limit_key = "naive"

    def __init__(self, url: str) -> None:
        self._url = url

    async def complete(self, request: Request) -> Response:
        answer = await asyncio.to_thread(self._post, request.prompt.encode())
        return Response(text=answer["text"].strip())

    def _post(self, body: bytes) -> Any:
        with urlopen(HttpRequest(self._url, body), timeout=10) as answer:
            return json.load(answer)

    async def aclose(self) -> None: ...


@pytest.fixture
def server() -> Iterator[HttpServer]:
    with HttpServer(lambda _: HttpReply(body={"text": None})) as running:
        yield running


@pytest.mark.parametrize(
    "body", [{"text": None}, ["text"], {}, "[" * 5_000, {"text": 7}], ids=lambda body: str(body)[:9]
)
def test_a_provider_whose_code_raises_costs_few_calls(tmp_path: Path, server: HttpServer, body: Any):
    server.reply = lambda _: HttpReply(body=body)
    lab = Lab(tmp_path, products(60), model=Naive(server.url))
    result = lab.run()
    assert (result.code, result.report["stopped_by"]) == (Exit.PROVIDER_REFUSES, "dead_model")
    assert states(result) == {"pending": 60}
    assert len(server.calls) <= 10
    assert "lab/model" in result.message
    good = json.dumps({"questions": [{"text": f"Is it good in way {way}?"} for way in range(3)]})
    server.reply = lambda _: HttpReply(body={"text": good})
    assert states(lab.run()) == {"done": 60}
