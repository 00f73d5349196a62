"""A client for stand-ins that does nothing by itself: no retry, no pool, no opinion about what comes back."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True)
class Got:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    """One connection, kept. headers: sent with every request."""

    def __init__(self, port: int, headers: Mapping[str, str] | None = None) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        self._headers = dict(headers or {})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._connection.close()

    def send(self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None) -> Got:
        """body: text and bytes as they are, all else as JSON.

        Raises:
            OSError, http.client.HTTPException: the server did not answer, or not as HTTP wants it.
        """
        data = body if body is None or isinstance(body, bytes | str) else json.dumps(body)
        try:
            self._connection.request(method, path, data, {**self._headers, **(headers or {})})
            response = self._connection.getresponse()
            got = {name.lower(): value for name, value in response.getheaders()}
            return Got(response.status, got, response.read())
        except (OSError, http.client.HTTPException):
            self._connection.close()
            raise


def raw_request(path: str, body: object, headers: Mapping[str, str] | None = None) -> bytes:
    """The bytes of a POST."""
    data = json.dumps(body).encode()
    lines = [f"POST {path} HTTP/1.1", "Host: test", f"Content-Length: {len(data)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + data


def opened(port: int, data: bytes = b"") -> socket.socket:
    """A socket on which `data` has been sent."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=20)
    connection.sendall(data)
    return connection
