"""S3 as an object store: objects written on the condition that nobody else has written them."""

from __future__ import annotations

import random
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from hashlib import sha256
from typing import Any, NoReturn, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from querygen_aws.clients import client
from querygen_aws.errors import Kind, code_of, describe_error, kind_of, region_hint
from querygen_aws.s3.address import Address
from querygen_aws.s3.object_settings import ObjectSettings
from querygen_core.api import Context, Entry, InputError, JournalError, StoredObject

T = TypeVar("T")
Response = Mapping[str, Any]

_MAX_ATTEMPTS = 8  # beyond botocore's, which does not retry conflicts or a body that ends early
_PAUSE = 0.05  # seconds, doubled each time


class S3Objects:
    """Implements `KeepsObjects` for `s3://bucket/key`. An error's message holds nothing of a request or a body."""

    def __init__(self, context: Context) -> None:
        self._environ = context.environ
        self._settings = ObjectSettings.of_environ(context.environ)

    def get(self, url: str) -> StoredObject | None:
        def read(**at: str) -> StoredObject | None:
            try:
                response = self._client().get_object(**at)
                return StoredObject(response["Body"].read(), _etag(response, url), _age(response, url))
            except ClientError as error:
                if code_of(error) == "NoSuchKey":
                    return None
                raise

        return _repeated(url, "retry", read)

    def create(self, url: str, body: bytes) -> StoredObject | None:
        for attempt in range(_MAX_ATTEMPTS):
            if self._write(url, body, IfNoneMatch="*"):
                return None
            if existing := self.get(url):
                return None if existing.body == body else existing
            _pause(attempt)
        raise JournalError(f"{url}: is being deleted while it is written; check the bucket's lifecycle rules")

    def replace(self, url: str, body: bytes, etag: str) -> str | None:
        return self._write(url, body, IfMatch=etag)

    def delete(self, url: str) -> None:
        _repeated(url, "changed", lambda **at: self._client().delete_object(**at))

    def entries(self, url: str) -> Iterator[Entry]:
        bucket = _address(url).bucket
        token: dict[str, str] = {}
        while True:
            page = self._page(url, **token)
            for item in page.get("Contents", ()):
                yield Entry(str(Address(bucket, item["Key"])), item["LastModified"].astimezone(UTC))
            if not page.get("IsTruncated"):
                return
            token = {"ContinuationToken": page["NextContinuationToken"]}

    def now(self, url: str) -> datetime:
        return _date(self._page(url, MaxKeys=1), url)

    def _page(self, url: str, **more: Any) -> Response:
        def list_page(*, Bucket: str, Key: str) -> Response:  # noqa: N803 - as S3 calls them
            return self._client().list_objects_v2(Bucket=Bucket, Prefix=Key, **more)  # type: ignore[no-any-return]

        return _repeated(url, "retry", list_page)

    def _write(self, url: str, body: bytes, **condition: str) -> str | None:
        """Return the new ETag; None if the condition is not met."""
        checksum = b64encode(sha256(body).digest()).decode()

        def write(**at: str) -> str | None:
            try:
                response = self._client().put_object(
                    **at, Body=body, ChecksumSHA256=checksum, **condition, **self._settings.arguments
                )
            except ClientError as error:
                if kind_of(error) == "exists" or code_of(error) == "NoSuchKey":
                    return None
                raise
            return _etag(response, url)

        return _repeated(url, "changed", write)

    def _client(self) -> Any:
        return client("s3", self._environ)


def _repeated(url: str, repeated: Kind, send: Callable[..., T]) -> T:
    """Call `send` with bucket and key until it succeeds; again if S3 throttles or the error is of kind `repeated`.

    Raises:
        JournalError: another error, or too many attempts.
    """
    address = _address(url)
    attempt = 0
    while True:
        try:
            return send(Bucket=address.bucket, Key=address.key)
        except (ClientError, BotoCoreError) as error:
            throttled = isinstance(error, ClientError) and kind_of(error) == "retry"
            if not (throttled or kind_of(error) == repeated) or attempt == _MAX_ATTEMPTS:
                _give_up(error, url)
        _pause(attempt)
        attempt += 1


def _address(url: str) -> Address:
    try:
        return Address.parse(url)
    except InputError as error:
        raise JournalError(str(error), kind="config") from None


def _pause(attempt: int) -> None:
    time.sleep(random.uniform(0.5, 1) * _PAUSE * 2**attempt)


def _give_up(error: Exception, url: str) -> NoReturn:
    reason = describe_error(error)
    match kind_of(error):
        case "denied":
            needs = "s3:GetObject and s3:PutObject on what is below journal.url, s3:ListBucket on the bucket"
            needs += "; a bucket's policy may demand QUERYGEN_S3_SSE, QUERYGEN_S3_KMS_KEY_ID or QUERYGEN_S3_ACL"
            raise JournalError(f"{url}: access denied ({reason}); the job needs {needs}", kind="auth") from error
        case "region":
            message = f"the bucket is in another region ({reason}); {region_hint(error)}"
            raise JournalError(f"{url}: {message}", kind="config") from error
        case "missing":
            message = f"{url}: cannot be found ({reason}); check the bucket's name"
            raise JournalError(message, kind="config") from error
        case _:
            raise JournalError(f"{url}: cannot be reached ({reason}); run again") from error


def _etag(response: Response, url: str) -> str:
    """The version of an object, with the quotation marks that S3 puts around it."""
    etag = response.get("ETag")
    return str(etag) if etag else _incomplete(url, "ETag")


def _age(response: Response, url: str) -> float:
    written = response.get("LastModified") or _incomplete(url, "Last-Modified")
    return max(0.0, float((_date(response, url) - written).total_seconds()))


def _date(response: Response, url: str) -> datetime:
    """S3's time of its answer."""
    try:
        return parsedate_to_datetime(response["ResponseMetadata"]["HTTPHeaders"]["date"]).astimezone(UTC)
    except (KeyError, ValueError, TypeError):
        _incomplete(url, "Date")


def _incomplete(url: str, header: str) -> NoReturn:
    message = f"the store's answer has no {header} header, which S3 always sends; use a store that has it"
    raise JournalError(f"{url}: {message}", kind="config")
