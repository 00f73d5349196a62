"""Reading of an object as a stream that reconnects when the connection breaks."""

from __future__ import annotations

import io
import random
import time
from collections.abc import Callable
from typing import Any, NoReturn

from botocore.exceptions import BotoCoreError, ClientError, ResponseStreamingError

from querygen_aws.errors import kind_of
from querygen_aws.s3.address import Address

_MAX_FAILURES = 6  # in a row without a byte
_PAUSE = 0.05  # seconds, doubled after each failure


class ObjectChanged(Exception):
    """The object was replaced or deleted while it was read."""

    def __init__(self) -> None:
        super().__init__("the object was changed while it was read")


class Download(io.RawIOBase):
    """After a broken connection it continues at the same byte of the same version, or fails with `ObjectChanged`.

    The constructor sends the first request and raises botocore's errors as they are. Reading raises what `translate`
    returns for them and for `ObjectChanged`.
    """

    def __init__(self, client: Any, address: Address, translate: Callable[[Exception], Exception]) -> None:
        self._client = client
        self._address = address
        self._translate = translate
        self._position = 0
        self._failures = 0
        response = client.get_object(Bucket=address.bucket, Key=address.key)
        self.etag = str(response["ETag"])
        self.size = int(response["ContentLength"])
        self.metadata: dict[str, str] = response.get("Metadata", {})
        self._body = response["Body"]

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while self._position < self.size:
            data = self._read(len(buffer))
            if data:
                self._failures = 0
                self._position += len(data)
                buffer[: len(data)] = data
                return len(data)
        return 0

    def close(self) -> None:
        if not self.closed:
            self._body.close()
        super().close()

    def _read(self, size: int) -> bytes:
        """Return the next bytes; b"" if the connection broke and a new one was opened."""
        try:
            data: bytes = self._body.read(size)
        except BotoCoreError as error:
            self._reconnect(error)
            return b""
        if not data:
            self._reconnect(ResponseStreamingError(error="the body ended too early"))
        return data

    def _reconnect(self, error: Exception) -> None:
        self._body.close()
        self._failures += 1
        if self._failures == _MAX_FAILURES:
            self._give_up(error)
        if self._failures > 1:  # the first reconnection is immediate: idle connections are often closed
            time.sleep(random.uniform(0.5, 1) * _PAUSE * 2**self._failures)
        try:
            response = self._client.get_object(
                Bucket=self._address.bucket, Key=self._address.key, Range=f"bytes={self._position}-", IfMatch=self.etag
            )
        except (ClientError, BotoCoreError) as failure:
            self._give_up(ObjectChanged() if kind_of(failure) in {"exists", "missing"} else failure)
        self._body = response["Body"]
        if response["ETag"] != self.etag:  # a store that ignores If-Match
            self._give_up(ObjectChanged())

    def _give_up(self, error: Exception) -> NoReturn:
        raise self._translate(error) from error
