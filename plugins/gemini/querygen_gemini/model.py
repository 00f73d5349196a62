"""`gemini/api`: sends one request, returns one answer. No SDK object and no API key leaves this package."""

from __future__ import annotations

import asyncio
import json
import logging
import warnings
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any, TypeVar

import httpx2
from google import genai
from google.genai import types

from querygen_core.api import Capabilities, Price, ProviderError, Request, Response
from querygen_gemini.dedicated_connections import DedicatedConnections
from querygen_gemini.failures import provider_error
from querygen_gemini.options import GeminiOptions, Thinking
from querygen_gemini.prices import find_price
from querygen_gemini.requests import count_body, max_output, request_body, resource_name
from querygen_gemini.responses import read_response

T = TypeVar("T")

_CONNECT_SECONDS = 10.0
_THOUGHTS = {
    "minimal": (0, 20, 80),
    "low": (60, 150, 350),
    "medium": (250, 500, 900),
    "high": (1_000, 1_600, 2_600),
    "xhigh": (3_500, 5_000, 9_000),
}
"""Tokens of thinking for 25 to 30 questions, by level."""
_ANYTHING = {"contents": [{"role": "user", "parts": [{"text": "?"}]}]}
_MULTI_REGIONS = ("us", "eu")

for _library in ("google_genai", "httpx2", "httpcore2"):  # they log every request at INFO
    logging.getLogger(_library).setLevel(logging.WARNING)
# The SDK warns of every finish reason that it does not know; `read_response` handles unknown ones.
warnings.filterwarnings("ignore", message=".* is not a valid ", module=r"google\.genai")


class GeminiModel:
    """A provider with one SDK client, made at the first call and again when the key has changed."""

    def __init__(self, options: GeminiOptions) -> None:
        self._options = options
        self._client: _KeyedClient | None = None
        self._replaced_clients: list[_KeyedClient] = []  # calls with them may still be under way
        self._lock = asyncio.Lock()  # guards `_client`
        self.capabilities = Capabilities(
            price=_price(options), max_output_tokens=max_output(options), thinking=_thinking(options.thinking)
        )
        # Google counts limits per project and model; the key's reference stands for its unknown project.
        account = options.project or (options.api_key.reference if options.api_key else "")
        self.limit_key = f"gemini/{options.backend}/{account}/{options.model}"

    async def complete(self, request: Request) -> Response:
        body = request_body(self._options, request)
        return await self._send(lambda client: client.generate(body))

    async def check(self) -> None:
        """Ask for what costs nothing and needs a valid key and an existing model. That is the model's description; on
        Vertex AI a count of tokens, which needs the same right as a call, while a description needs another one.
        """
        if self._options.backend == "vertex":
            await self._send(lambda client: client.count(_ANYTHING))
        else:
            await self._send(lambda client: client.describe())

    async def count_tokens(self, request: Request) -> int:
        """What would be billed for the request, which costs nothing to ask."""
        body = request_body(self._options, request)
        return await self._send(lambda client: client.count(body))

    async def aclose(self) -> None:
        clients = [*self._replaced_clients, *([self._client] if self._client is not None else [])]
        self._client, self._replaced_clients = None, []
        for client in clients:
            await client.close()

    async def _send(self, call: Callable[[_KeyedClient], Coroutine[Any, Any, T]]) -> T:
        """If the key is refused, fetch it once more, as it may have been rotated, and repeat the call with it."""
        client = await self._current_client()
        try:
            return await self._call_bounded(client, call)
        except ProviderError as error:
            if error.kind != "auth" or not await self._refresh_key(client):
                raise
        return await self._call_bounded(await self._current_client(), call)

    async def _call_bounded(self, client: _KeyedClient, call: Callable[[_KeyedClient], Coroutine[Any, Any, T]]) -> T:
        """One call, bounded by `timeout` as a whole; the SDK's own timeout starts anew with every chunk received."""
        seconds = self._options.timeout
        failure: ProviderError | None
        try:
            async with asyncio.timeout(seconds):
                return await call(client)
        except TimeoutError:
            failure = ProviderError("retry", f"gemini: no answer within {seconds:g} s", indeterminate=True)
        except Exception as error:  # noqa: BLE001 - the SDK raises many kinds; all are classified
            failure = provider_error(error, client.secret)
            if failure is None:
                failure = ProviderError("bad_request", f"gemini: {type(error).__name__} in the SDK")
        raise failure  # outside of `except`, so that the SDK's error, which may hold the key, is not chained to it

    async def _current_client(self) -> _KeyedClient:
        async with self._lock:
            if self._client is None:
                key = self._options.api_key
                secret = await asyncio.to_thread(key.reveal) if key else ""
                self._client = await asyncio.to_thread(_KeyedClient, self._options, secret)
            return self._client

    async def _refresh_key(self, client: _KeyedClient) -> bool:
        """Whether there is a new key. Of the callers whose key was refused, the first fetches it for all."""
        key = self._options.api_key
        async with self._lock:
            if self._client is not client:
                return True  # another caller has replaced it
            if key is None or client.refreshed:
                return False
            client.refreshed = True
            if await asyncio.to_thread(key.refresh, client.secret) == client.secret:
                return False
            self._client = None
        self._replaced_clients.append(client)
        return True


class _KeyedClient:
    """The SDK's client for one key, around an HTTP client of our own, without the SDK's retries."""

    def __init__(self, options: GeminiOptions, secret: str) -> None:
        self.secret = secret
        self.refreshed = False
        self._resource = resource_name(options)
        timeout = httpx2.Timeout(options.timeout, connect=min(_CONNECT_SECONDS, options.timeout))
        self._http = httpx2.AsyncClient(
            transport=DedicatedConnections(options.proxy), timeout=timeout, follow_redirects=False
        )
        self._vertex = vertex = options.backend == "vertex"
        self._client = genai.Client(
            vertexai=vertex,
            api_key=secret or None,
            project=options.project if vertex else None,
            location=options.location if vertex else None,
            http_options=types.HttpOptions(
                base_url=options.base_url or _address_of(options),  # without it, an environment variable decides
                api_version=options.api_version or ("v1beta1" if vertex else "v1"),
                timeout=int(options.timeout * 1000),
                retry_options=types.HttpRetryOptions(attempts=1),
                httpx_async_client=self._http,
            ),
        )

    async def generate(self, body: dict[str, Any]) -> Response:
        """This is the request that the SDK's `generate_content` sends. Its conversions before and after (types to JSON,
        JSON to types) take more CPU time than all the rest of a call.
        """
        api = self._client._api_client  # noqa: SLF001 - see above; tests/test_requests.py pins what is sent
        answer = await api.async_request("post", f"{self._resource}:generateContent", body)
        return read_response(answer.body or "")

    async def count(self, body: dict[str, Any]) -> int:
        asked = count_body(self._resource, body, vertex=self._vertex)
        api = self._client._api_client  # noqa: SLF001 - as in `generate`
        answer = await api.async_request("post", f"{self._resource}:countTokens", asked)
        return int(json.loads(answer.body or "{}").get("totalTokens", 0))

    async def describe(self) -> types.Model:
        return await self._client.aio.models.get(model=self._resource)

    async def close(self) -> None:
        await self._client.aio.aclose()
        await self._http.aclose()
        self._client.close()


def _address_of(options: GeminiOptions) -> str:
    if options.backend == "ai-studio":
        return "https://generativelanguage.googleapis.com/"
    if options.location in (None, "global"):
        return "https://aiplatform.googleapis.com/"
    if options.location in _MULTI_REGIONS:
        return f"https://aiplatform.{options.location}.rep.googleapis.com/"
    return f"https://{options.location}-aiplatform.googleapis.com/"


def _price(options: GeminiOptions) -> Price | None:
    if options.prices is not None:
        return Price(input=options.prices.input, output=options.prices.output, cached=options.prices.cached)
    return find_price(options.model, datetime.now(UTC).date())


def _thinking(level: Thinking | int | None) -> tuple[int, int, int]:
    """See `Capabilities.thinking`. A budget is a limit, which such a task rarely needs."""
    if isinstance(level, int):
        return (level // 8, level // 3, level) if level >= 0 else _THOUGHTS["medium"]
    return _THOUGHTS[level or "medium"]
