from __future__ import annotations

import socket

import pytest

from gemini_fixtures import KEY
from gemini_server import Gemini
from querygen_core.api import Provider, Request
from querygen_core.testing import PluginContract, ProviderContract, context, request
from querygen_gemini import build_api
from querygen_gemini.options import GeminiOptions


class TestPlugin(PluginContract):
    package = "querygen_gemini"


class TestApi(ProviderContract):
    secret = KEY

    @pytest.fixture(autouse=True)
    def _use(self, server: Gemini) -> None:
        self.url = server.url

    def provider(self) -> Provider:
        return self.at(self.url)

    def at(self, url: str) -> Provider:
        return build_api(GeminiOptions(model="gemini-3.5-flash-lite", api_key=KEY, base_url=url), context(self.folder))

    def failing(self) -> tuple[Provider, Request]:
        with socket.create_server(("127.0.0.1", 0)) as closed:
            port = closed.getsockname()[1]
        return self.at(f"http://127.0.0.1:{port}"), request()


class TestVertex(TestApi):
    def at(self, url: str) -> Provider:
        options = GeminiOptions(model="gemini-3.5-flash-lite", api_key=KEY, base_url=url, backend="vertex")
        return build_api(options, context(self.folder))
