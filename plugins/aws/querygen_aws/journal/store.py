"""The objects of one job in S3."""

from __future__ import annotations

import random
import time
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from hashlib import sha256
from typing import Any, NoReturn

from botocore.exceptions import BotoCoreError, ClientError

from querygen_aws.failures import Kind, code_of, kind_of, said
from querygen_core.api import ConfigError, CredentialsError, JournalError

_TRIES = 8  # beyond botocore's: S3 throttles, another is writing the same object, a connection ends within a body
_PAUSE = 0.05  # seconds, doubled each time


class Refused(JournalError):
    """No credentials, or no right: trying again does not help."""

    exit_code = CredentialsError("").exit_code


class Misplaced(JournalError):
    """No such bucket, or it is elsewhere."""

    exit_code = ConfigError.exit_code


@dataclass(frozen=True, slots=True)
class Found:
    """An object. written, asked: when it was, and when it was asked for, both by S3's clock."""

    body: bytes
    etag: str
    written: datetime
    asked: datetime


class Store:
    """Names are below the job's folder. Every method makes requests, so it belongs into a thread.

    Raises, from every method:
        JournalError: S3 refuses, or does not answer. Nothing of what was sent is in the message.
    """

    def __init__(self, client: Any, bucket: str, folder: str) -> None:
        self._client = client
        self._bucket = bucket
        self._folder = folder

    def check(self) -> None:
        """Make sure that reading and writing will work. Leaves nothing behind: the condition cannot be met."""
        next(self.list("answers/"), None)
        self.get("check")
        self.replace("check", b"", '"none"')

    def get(self, name: str) -> Found | None:
        """None if it is not there."""
        again = 0
        while True:
            try:
                answer = self._client.get_object(Bucket=self._bucket, Key=self._folder + name)
                body = answer["Body"].read()
            except ClientError as error:
                if code_of(error) == "NoSuchKey":
                    return None
                again = self._again(again, error, name)
            except BotoCoreError as error:
                again = self._again(again, error, name, "retry")
            else:
                asked = parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])
                return Found(body, answer["ETag"], answer["LastModified"], asked)

    def put(self, name: str, body: bytes) -> None:
        """Whatever is there is replaced."""
        self._write(name, body)

    def create(self, name: str, body: bytes) -> Found | None:
        """None: it is there now, and it is this one. Else what was there before, which is left."""
        for again in range(_TRIES):
            if self._write(name, body, IfNoneMatch="*"):
                return None
            found = self.get(name)
            if found is not None:  # a put whose answer got lost, so that it was sent once more, finds itself
                return None if found.body == body else found
            _pause(again)
        raise JournalError(f"{self._at(name)}: comes and goes; is there a lifecycle rule on it?")

    def replace(self, name: str, body: bytes, etag: str) -> str | None:
        """Its new etag; None: it is not the one with `etag` any more, and is left."""
        return self._write(name, body, IfMatch=etag)

    def list(self, folder: str) -> Iterator[list[str]]:
        """Names of what is in it, page by page, without the folder. No page is empty."""
        below = self._folder + folder
        given = {"Bucket": self._bucket, "Prefix": below}
        again = 0
        while True:
            try:
                page = self._client.list_objects_v2(**given)
            except (ClientError, BotoCoreError) as error:
                again = self._again(again, error, folder)
                continue
            again = 0
            if names := [found["Key"].removeprefix(below) for found in page.get("Contents", ())]:
                yield names
            if not page.get("IsTruncated"):
                return
            given["ContinuationToken"] = page["NextContinuationToken"]

    def _write(self, name: str, body: bytes, **condition: str) -> str | None:
        """The etag; None if the condition is not met."""
        checksum = b64encode(sha256(body).digest()).decode()
        again = 0
        while True:
            try:
                answer = self._client.put_object(
                    Bucket=self._bucket, Key=self._folder + name, Body=body, ChecksumSHA256=checksum, **condition
                )
            except (ClientError, BotoCoreError) as error:
                if kind_of(error) == "exists" or (isinstance(error, ClientError) and code_of(error) == "NoSuchKey"):
                    return None
                again = self._again(again, error, name, "changed")
            else:
                return str(answer["ETag"])

    def _again(self, tried: int, error: Exception, name: str, if_it_is: Kind | None = None) -> int:
        """Once more, after a pause, where S3 itself asks for one, or it is of the kind.

        Raises:
            JournalError: it is neither, or was tried often.
        """
        throttled = isinstance(error, ClientError) and kind_of(error) == "retry"
        if not (throttled or kind_of(error) == if_it_is) or tried == _TRIES:
            self._give_up(error, name)
        _pause(tried)
        return tried + 1

    def _at(self, name: str) -> str:
        return f"journal s3://{self._bucket}/{self._folder}{name}"

    def _give_up(self, error: Exception, name: str) -> NoReturn:
        match kind_of(error):
            case "denied":
                needed = f"s3:GetObject and s3:PutObject on {self._folder}*, s3:ListBucket on the bucket"
                raise Refused(f"{self._at(name)}: refused ({said(error)}); it takes {needed}") from error
            case "missing" | "region":
                advice = "check the bucket's name and region"
                raise Misplaced(f"{self._at(name)}: not there ({said(error)}); {advice}") from error
            case _:
                raise JournalError(f"{self._at(name)}: cannot be reached ({said(error)}); run again") from error


def _pause(again: int) -> None:
    time.sleep(random.uniform(0.5, 1) * _PAUSE * 2**again)
