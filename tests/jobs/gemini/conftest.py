from __future__ import annotations

from collections.abc import Iterator

import pytest

from gemini_fixtures import KEY, as_new
from gemini_server import Gemini, running


@pytest.fixture(scope="session")
def any_server() -> Iterator[Gemini]:
    """A stand-in for Google's API that knows one key and asks about the products it is shown."""
    with running(keys=(KEY,), answers="offline") as server:
        yield server


@pytest.fixture
def server(any_server: Gemini) -> Gemini:
    """The same for each test, without faults and with nothing counted."""
    return as_new(any_server)
