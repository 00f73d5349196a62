from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from querygen_core.api import Request, Response
from querygen_core.testing import context, request
from querygen_gemini import build_api
from querygen_gemini.options import GeminiOptions
from tests.servers import gemini

ASK = request("Ask three questions about a lamp.")
KEY = "AIzaCanary-0123456789-of-a-test"


@pytest.fixture(scope="module")
def running() -> Iterator[gemini.Gemini]:
    """A stand-in for Google's API that knows one key."""
    with gemini.running(keys=(KEY,)) as server:
        yield server


@pytest.fixture
def server(running: gemini.Gemini) -> gemini.Gemini:
    """The same for each test, without faults and with nothing counted."""
    running.set_faults()
    running.set_keys(**{KEY: "valid"})
    running.set_pace(latency="0ms")
    running.reset()
    return running


def ask(server: gemini.Gemini, folder: Path, asked: Request = ASK, **options: Any) -> Response:
    """One answer, of a provider of its own."""
    given = {"model": "gemini-3.5-flash-lite", "api_key": KEY, "base_url": server.url, **options}

    async def run() -> Response:
        model = build_api(GeminiOptions(**given), context(folder))
        try:
            return await model.complete(asked)
        finally:
            await model.aclose()

    return asyncio.run(run())
