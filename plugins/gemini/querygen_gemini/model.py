"""`gemini/api`: one request, one answer. No SDK object, and no key, leaves this package."""

from __future__ import annotations

import asyncio
import logging
import warnings
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any, TypeVar

import httpx2
from google import genai
from google.genai import types

from querygen_core.api import Capabilities, Price, ProviderError, Request, Response
from querygen_gemini.failures import provider_error
from querygen_gemini.lanes import Lanes
from querygen_gemini.options import GeminiOptions
from querygen_gemini.prices import price_of
from querygen_gemini.replies import read_reply
from querygen_gemini.requests import request_body, resource_of

T = TypeVar("T")

_CONNECT = 10.0  # seconds
_MULTI_REGIONS = ("us", "eu")
_TOO_CHATTY = ("google_genai", "httpx2", "httpcore2")

for _name in _TOO_CHATTY:
    logging.getLogger(_name).setLevel(logging.WARNING)
warnings.filterwarnings(
    "ignore", message=".* is not a valid ", module=r"google\.genai"
)  # a new word of Google's is no news


class GeminiModel:
    """One client, made at the first call and made anew when the key has changed."""

    def __init__(self, options: GeminiOptions) -> None:
        self._options = options
        self._client: _Client | None = None
        self._retired: list[_Client] = []  # others may still be calling
        self._one_at_a_time = asyncio.Lock()
        self.capabilities = Capabilities(schema=options.schema_field, price=_price(options))
        whose = options.project or (options.api_key.reference if options.api_key else "")
        self.limit_key = f"gemini/{options.backend}/{whose}/{options.model}"

    async def complete(self, request: Request) -> Response:
        body = request_body(self._options, request)
        return read_reply(await self._send(lambda client: client.generate(body)))

    async def check(self) -> None:
        """Ask for the model's description, which costs nothing."""
        await self._send(lambda client: client.describe())

    async def aclose(self) -> None:
        clients = [*self._retired, *([self._client] if self._client is not None else [])]
        self._client, self._retired = None, []
        for client in clients:
            await client.close()

    async def _send(self, call: Callable[[_Client], Coroutine[Any, Any, T]]) -> T:
        """A refused key is fetched again, once: it may have been rotated since."""
        client = await self._current()
        try:
            return await self._bounded(client, call)
        except ProviderError as error:
            if error.kind != "auth" or not await self._refreshed(client):
                raise
        return await self._bounded(await self._current(), call)

    async def _bounded(self, client: _Client, call: Callable[[_Client], Coroutine[Any, Any, T]]) -> T:
        """The SDK's timeout is one for each step; a server that drips would never be through."""
        seconds = self._options.timeout
        failure: ProviderError | None
        try:
            async with asyncio.timeout(seconds):
                return await call(client)
        except TimeoutError:
            failure = ProviderError("retry", f"gemini: no answer within {seconds:g} s", indeterminate=True)
        except Exception as error:  # noqa: BLE001 - sorted by what it is
            failure = provider_error(error, client.secret)
            if failure is None:
                text = f"gemini: {type(error).__name__} in the SDK"
                failure = ProviderError("bad_request", text)
        raise failure  # out here, so that it does not hold on to the SDK's error, and the key in it

    async def _current(self) -> _Client:
        async with self._one_at_a_time:
            if self._client is None:
                key = self._options.api_key
                secret = await asyncio.to_thread(key.reveal) if key else ""
                self._client = await asyncio.to_thread(_Client, self._options, secret)
            return self._client

    async def _refreshed(self, client: _Client) -> bool:
        """Whether there is another key now. One caller asks for it, the others get what it got."""
        key = self._options.api_key
        async with self._one_at_a_time:
            if self._client is not client:
                return True
            if key is None or client.refreshed:
                return False
            client.refreshed = True
            if await asyncio.to_thread(key.refresh, client.secret) == client.secret:
                return False
            self._client = None
        self._retired.append(client)
        return True


class _Client:
    """The SDK's client around an HTTP client of our own: no other transport, no retries that we do not see."""

    def __init__(self, options: GeminiOptions, secret: str) -> None:
        self.secret = secret
        self.refreshed = False
        self._resource = resource_of(options)
        timeout = httpx2.Timeout(options.timeout, connect=min(_CONNECT, options.timeout))
        self._http = httpx2.AsyncClient(transport=Lanes(options.proxy), timeout=timeout, follow_redirects=False)
        vertex = options.backend == "vertex"
        self._client = genai.Client(
            vertexai=vertex,
            api_key=secret or None,
            project=options.project if vertex else None,
            location=options.location if vertex else None,
            http_options=types.HttpOptions(
                base_url=options.base_url or _address_of(options),  # else an environment variable would decide
                api_version=options.api_version or ("v1beta1" if vertex else "v1"),
                timeout=int(options.timeout * 1000),
                retry_options=types.HttpRetryOptions(attempts=1),
                httpx_async_client=self._http,
            ),
        )

    async def generate(self, body: dict[str, Any]) -> str:
        """The answer's body. The SDK's own `generate_content` ends in this very request; what it does before and after,
        turning its types into `body` and the answer into others, takes it longer than all the rest of a call.
        """
        api = self._client._api_client  # noqa: SLF001 - see above; the tests of requests hold it to the wire
        answer = await api.async_request("post", f"{self._resource}:generateContent", body)
        return answer.body or ""

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
    return price_of(options.model, datetime.now(UTC).date())
