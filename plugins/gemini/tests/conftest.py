from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.servers import gemini

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
