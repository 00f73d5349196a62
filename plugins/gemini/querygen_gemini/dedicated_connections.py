"""An HTTP transport that gives each call in flight a connection of its own and keeps idle connections for the next.

The usual connection pool scans every idle connection before each request, which with hundreds of connections costs more
than the request itself.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing

import httpx2

_KEEP_ALIVE_SECONDS = 60.0
_LARGEST_ANSWER = 16 * 1024 * 1024  # bytes once unpacked: a few kilobytes on the wire can unpack to gigabytes


class AnswerTooLargeError(Exception):
    """A response's body is larger than any answer."""


class DedicatedConnections(httpx2.AsyncBaseTransport):
    """As many connections as there are calls at once; the engine's concurrency bounds them.

    The most recently used connection is reused first, so that connections from a burst expire.
    """

    def __init__(self, proxy: str | None = None) -> None:
        self._tls = httpx2.create_ssl_context()  # loads the certificates, so it is made once for all connections
        self._proxy = proxy
        self._idle: list[httpx2.AsyncHTTPTransport] = []
        self._all: list[httpx2.AsyncHTTPTransport] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        connection = self._idle.pop() if self._idle else self._open()
        try:
            response = await connection.handle_async_request(request)
        except BaseException:  # a cancelled call also returns its connection
            self._idle.append(connection)
            raise
        stream = _ReleasingStream(response.stream, lambda: self._idle.append(connection))
        return _BoundedResponse(
            response.status_code, headers=response.headers, stream=stream, extensions=response.extensions
        )

    async def aclose(self) -> None:
        for connection in self._all:
            await connection.aclose()

    def _open(self) -> httpx2.AsyncHTTPTransport:
        limits = httpx2.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=_KEEP_ALIVE_SECONDS)
        connection = httpx2.AsyncHTTPTransport(verify=self._tls, limits=limits, proxy=self._proxy)
        self._all.append(connection)
        return connection


class _BoundedResponse(httpx2.Response):
    """Raises AnswerTooLargeError, and reads no further, when more of the body is unpacked than an answer can have."""

    async def aiter_bytes(self, chunk_size: int | None = None) -> AsyncGenerator[bytes, None]:
        size = 0
        async with aclosing(super().aiter_bytes(chunk_size)) as parts:
            async for part in parts:
                size += len(part)
                if size > _LARGEST_ANSWER:
                    raise AnswerTooLargeError(f"the answer is larger than {_LARGEST_ANSWER >> 20} MB")
                yield part


class _ReleasingStream(httpx2.AsyncByteStream):
    """A response body that releases its connection when it is closed."""

    def __init__(self, stream: object, release: Callable[[], None]) -> None:
        assert isinstance(stream, httpx2.AsyncByteStream)  # noqa: S101 - an asynchronous transport has no other
        self._stream = stream
        self._release: Callable[[], None] | None = release

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._stream:
            yield part

    async def aclose(self) -> None:
        await self._stream.aclose()
        release, self._release = self._release, None  # once only: closing twice must not list a connection twice
        if release is not None:
            release()
