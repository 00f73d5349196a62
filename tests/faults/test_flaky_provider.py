"""F45: one call in ten fails at random; all succeed in the end, and few are repeated in vain."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.process import install, querygen, write_catalogue, write_config

pytestmark = pytest.mark.slow

FLAKY = """
import hashlib
from collections import Counter
from querygen_core.api import Capabilities, Component, Options, ProviderError, Response, Usage, hookimpl

querygen_api = 1
ANSWER = '{"questions": [{"text": "What is it made of?"}, {"text": "How heavy is it?"}]}'

class Model:
    capabilities = Capabilities(free=True)
    limit_key = "flaky"

    def __init__(self):
        self.tries = Counter()

    async def complete(self, request):
        self.tries[request.prompt] += 1
        drawn = hashlib.sha256(f"{self.tries[request.prompt]} {request.prompt}".encode()).digest()
        if drawn[0] < 26:
            raise ProviderError("retry", "503 for no reason")
        return Response(text=ANSWER, usage=Usage(input=10, output=5))
    async def aclose(self):
        pass

@hookimpl
def querygen_providers():
    return [Component("model", Options, lambda options, context: Model(), "Fails at random")]
"""
CALLS = 2_000


def test_all_calls_succeed(tmp_path: Path):
    plugin = install(tmp_path / "site", "flaky", FLAKY)
    (tmp_path / "ask.j2").write_text("Ask {{ want.count }} questions about {{ product.title }}.\n")
    write_catalogue(tmp_path / "cat.jsonl", [{"id": f"L{n}", "title": f"Lamp {n}"} for n in range(CALLS)])
    write_config(
        tmp_path / "job.yaml",
        input={"use": "files/catalogue", "path": "cat.jsonl"},
        models={"m": {"use": "flaky/model"}},
        generators=[{"name": "product", "prompt": "./ask.j2", "model": "m", "count": 2, "ask": 2}],
        sinks=[{"use": "files/jsonl", "path": "out.jsonl"}],
        runtime={"concurrency": 512},
    )
    ended = querygen("run", "job.yaml", "--json", "--log-level", "warning", cwd=tmp_path, path=[plugin])
    assert ended.code == 0, ended.err[-2000:]
    assert (ended.json["done"], ended.json["failed"], ended.json["short"]) == (CALLS, 0, 0)
    assert ended.json["calls"]["new"] == CALLS
    assert ended.json["calls"]["job"] <= CALLS * 1.2, json.dumps(ended.json["calls"])
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == CALLS * 2
