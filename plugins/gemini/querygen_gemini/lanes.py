"""An HTTP transport for many calls at a time: a lane for each, taken up again by the next.

The usual pool looks at every idle connection before each request, which with hundreds of them costs more than the
request itself.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import httpx2

_KEEP_ALIVE = 60.0  # seconds that an idle connection is kept


class Lanes(httpx2.AsyncBaseTransport):
    """As many lanes as there are requests at once, each of one connection; the last one used is the first to be used
    again. How many there may be is for the caller to see to.
    """

    def __init__(self, proxy: str | None = None) -> None:
        self._tls = httpx2.create_ssl_context()
        self._proxy = proxy
        self._free: list[httpx2.AsyncHTTPTransport] = []
        self._all: list[httpx2.AsyncHTTPTransport] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        lane = self._free.pop() if self._free else self._new()
        try:
            response = await lane.handle_async_request(request)
        except BaseException:
            self._free.append(lane)
            raise
        stream = _Released(response.stream, lambda: self._free.append(lane))
        return httpx2.Response(
            response.status_code, headers=response.headers, stream=stream, extensions=response.extensions
        )

    async def aclose(self) -> None:
        for lane in self._all:
            await lane.aclose()

    def _new(self) -> httpx2.AsyncHTTPTransport:
        limits = httpx2.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=_KEEP_ALIVE)
        lane = httpx2.AsyncHTTPTransport(verify=self._tls, limits=limits, proxy=self._proxy)
        self._all.append(lane)
        return lane


class _Released(httpx2.AsyncByteStream):
    """A body whose end gives its lane back."""

    def __init__(self, stream: object, release: Callable[[], None]) -> None:
        assert isinstance(stream, httpx2.AsyncByteStream)  # noqa: S101 - of an asynchronous transport
        self._stream = stream
        self._release: Callable[[], None] | None = release

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._stream:
            yield part

    async def aclose(self) -> None:
        await self._stream.aclose()
        release, self._release = self._release, None
        if release is not None:
            release()
