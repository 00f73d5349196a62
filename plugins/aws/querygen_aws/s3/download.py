"""An object's bytes, in order, whatever happens to the connection on the way."""

from __future__ import annotations

import io
import random
import time
from collections.abc import Callable
from typing import Any, NoReturn

from botocore.exceptions import BotoCoreError, ClientError, ResponseStreamingError

from querygen_aws.failures import kind_of
from querygen_aws.s3.address import Address

_TRIES = 6  # in a row that bring nothing
_PAUSE = 0.05  # seconds, doubled each time


class Changed(Exception):
    """The object was replaced or removed while it was read."""

    def __init__(self) -> None:
        super().__init__("it was changed while it was read")


class Download(io.RawIOBase):
    """Goes on where a connection broke, with the same version of the object or not at all.

    Opening asks for the object, and lets errors of botocore pass; reading raises what `explain` makes of them and of
    `Changed`.
    """

    def __init__(self, client: Any, address: Address, explain: Callable[[Exception], Exception]) -> None:
        self._client = client
        self._address = address
        self._explain = explain
        self._got = 0
        self._failed = 0
        answer = client.get_object(Bucket=address.bucket, Key=address.key)
        self.etag = str(answer["ETag"])
        self.size = int(answer["ContentLength"])
        self.metadata: dict[str, str] = answer.get("Metadata", {})
        self._body = answer["Body"]

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while self._got < self.size:
            data = self._read(len(buffer))
            if data:
                self._failed = 0
                self._got += len(data)
                buffer[: len(data)] = data
                return len(data)
        return 0

    def close(self) -> None:
        if not self.closed:
            self._body.close()
        super().close()

    def _read(self, size: int) -> bytes:
        """The next bytes; b"" if the connection broke and there is a new one."""
        try:
            data: bytes = self._body.read(size)
        except BotoCoreError as error:
            self._go_on(error)
            return b""
        if not data:
            self._go_on(ResponseStreamingError(error="it ended too early"))
        return data

    def _go_on(self, error: Exception) -> None:
        self._body.close()
        self._failed += 1
        if self._failed == _TRIES:
            self._give_up(error)
        if self._failed > 1:
            time.sleep(random.uniform(0.5, 1) * _PAUSE * 2**self._failed)
        try:
            answer = self._client.get_object(
                Bucket=self._address.bucket, Key=self._address.key, Range=f"bytes={self._got}-", IfMatch=self.etag
            )
        except (ClientError, BotoCoreError) as failure:
            self._give_up(Changed() if kind_of(failure) in {"exists", "missing"} else failure)
        self._body = answer["Body"]
        if answer["ETag"] != self.etag:
            self._give_up(Changed())

    def _give_up(self, error: Exception) -> NoReturn:
        raise self._explain(error) from error
