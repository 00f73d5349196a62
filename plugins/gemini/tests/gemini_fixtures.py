from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gemini_server import Gemini, running
from querygen_core.api import Request, Response
from querygen_core.testing import context, request
from querygen_core.testing.http_server import HttpServer
from querygen_gemini import build_api
from querygen_gemini.options import GeminiOptions

ASK = request("Ask three questions about a lamp.")
KEY = "AIzaCanary-0123456789-of-a-test"


@pytest.fixture(scope="module")
def any_server() -> Iterator[Gemini]:
    """A stand-in for Google's API that knows one key."""
    with running(keys=(KEY,)) as server:
        yield server


@pytest.fixture
def server(any_server: Gemini) -> Gemini:
    """The same for each test, without faults and with nothing counted."""
    return as_new(any_server)


def as_new(server: Gemini) -> Gemini:
    """Forget what another test has told it."""
    server.set_faults()
    server.set_keys(**{KEY: "valid"})
    server.set_pace(latency="0ms")
    server.reset()
    return server


def ask(server: Gemini | HttpServer, folder: Path, asked: Request = ASK, **options: Any) -> Response:
    """One answer, of a provider of its own."""
    given = {"model": "gemini-3.5-flash-lite", "api_key": KEY, "base_url": server.url, **options}

    async def run() -> Response:
        model = build_api(GeminiOptions(**given), context(folder))
        try:
            return await model.complete(asked)
        finally:
            await model.aclose()

    return asyncio.run(run())
