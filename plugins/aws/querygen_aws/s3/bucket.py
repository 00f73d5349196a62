"""Conditional writes to a bucket: no object is replaced that another job owns, or that changed since it was read."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from querygen_aws.errors import code_of, describe_error, kind_of, region_hint
from querygen_aws.s3.address import Address
from querygen_aws.s3.body import Body
from querygen_aws.s3.download import Download, ObjectChanged
from querygen_aws.s3.object_settings import DEFAULTS, ObjectSettings
from querygen_core.api import SinkError

MAX_ATTEMPTS = 60
"""Attempts to write an object that other writers keep changing."""

_PAUSE = 0.02  # seconds, multiplied by the number of attempts
_MAX_PAUSE = 1.0
_IMPOSSIBLE_ETAG = '"00000000000000000000000000000000"'


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    etag: str
    """Version of the object, with the quotation marks that S3 puts around it."""
    size: int
    """Bytes."""
    job: str = ""
    """The job that owns it, as `object_keys.job_name` returns it; "" if querygen did not write it."""
    sha256: str = ""
    """Hash of the content in hexadecimal, from the metadata; "" if querygen did not write it."""
    lines: int = 0
    """Number of queries in it."""
    products: int = 0
    """Number of products in it."""


class Bucket:
    """One job's access to a bucket. Every method sends requests and blocks, so call it in a thread.

    Raises, from every method:
        SinkError: S3 refused or failed, or the object belongs to another job.
    """

    def __init__(
        self,
        client: Any,
        name: str,
        job: str,
        settings: ObjectSettings = DEFAULTS,
        before_write: Callable[[], None] = lambda: None,
        *,
        replace: bool = False,
    ) -> None:
        """before_write: called before each write and removal; what it raises prevents that and is passed on. replace:
        objects that are not the job's may be replaced too.
        """
        self.name = name
        self._settings = settings
        self._replace = replace
        self._before_write = before_write
        self._client = client
        self._job = job

    def head(self, key: str) -> ObjectInfo | None:
        """Return what S3 knows of the object; None if it does not exist."""
        with self._errors(key):
            try:
                return _info(self._client.head_object(Bucket=self.name, Key=key))
            except ClientError as error:
                if kind_of(error) == "missing":
                    return None
                raise

    def head_own(self, key: str) -> ObjectInfo | None:
        """Like `head`, but raise SinkError if the object is not this job's."""
        info = self.head(key)
        if info is not None:
            self._require_own(key, info)
        return info

    def list(self, prefix: str) -> dict[str, str]:
        """Return the ETags of all objects whose keys begin with `prefix`, by key."""
        with self._errors(prefix):
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix)
            return {entry["Key"]: entry["ETag"] for page in pages for entry in page.get("Contents", ())}

    def open(self, key: str) -> tuple[ObjectInfo, Download] | None:
        """Open the object for reading; None if it does not exist.

        Reading raises `ObjectChanged` if another writer replaces it meanwhile.
        """
        with self._errors(key):
            try:
                stream = Download(self._client, Address(self.name, key), lambda error: self._translate(error, key))
            except ClientError as error:
                if kind_of(error) == "missing":
                    return None
                raise
        info = _info({"ETag": stream.etag, "ContentLength": stream.size, "Metadata": stream.metadata})
        try:
            self._require_own(key, info)
        except SinkError:
            stream.close()
            raise
        return info, stream

    def put(self, key: str, body: Body, current: ObjectInfo | None) -> ObjectInfo:
        """Make the object hold `body`, retrying while other writers of this job change it.

        current: the last result of `head`. Equal content is not sent again.
        """
        for attempt in range(MAX_ATTEMPTS):
            if written := self.try_put(key, body, current):
                return written
            back_off(attempt)
            current = self.head(key)
        raise SinkError("retry", f"{self._url(key)}: other processes keep writing this object; stop them, or run again")

    def try_put(self, key: str, body: Body, current: ObjectInfo | None) -> ObjectInfo | None:
        """Like `put`, but return None if another writer was faster."""
        if current is not None:
            self._require_own(key, current)
            if current.sha256 == body.sha256:
                return current
        self._before_write()
        with self._errors(key):
            try:
                return self._put(key, body, current)
            except ClientError as error:
                if not _is_conflict(error):
                    raise
        return None

    def _put(self, key: str, body: Body, current: ObjectInfo | None) -> ObjectInfo:
        condition = {"IfNoneMatch": "*"} if current is None else {"IfMatch": current.etag}
        counts = {"querygen-lines": str(body.lines), "querygen-products": str(body.products)}
        metadata = {"querygen-job": self._job, "querygen-sha256": body.sha256, **counts}
        response = self._send(key, body, condition, metadata)
        return ObjectInfo(str(response["ETag"]), body.size, self._job, body.sha256, body.lines, body.products)

    def remove(self, key: str, info: ObjectInfo) -> None:
        """Delete the object, unless it has changed since `info` was read. It must be this job's."""
        self._require_own(key, info)
        self._before_write()
        with self._errors(key):
            try:
                self._client.delete_object(Bucket=self.name, Key=key, IfMatch=info.etag)
            except ClientError as error:
                if kind_of(error) not in {"missing", "exists"}:
                    raise

    def clear(self, keys: Iterable[str], log: logging.Logger, what: str) -> None:
        """Delete objects of this job that are out of date. One that cannot be deleted is named in the log as `what`."""
        for key in keys:
            try:
                if (info := self.head(key)) is not None:
                    self.remove(key, info)
            except SinkError as error:
                if error.kind == "fenced":
                    raise
                log.warning("%s is left over and should be removed: %s", what, error)

    def check(self) -> None:
        """Raise SinkError unless the bucket exists and may be accessed."""
        with self._errors(""):
            self._client.head_bucket(Bucket=self.name)

    def probe(self, key: str, body: Body) -> bool:
        """Write an object as every other one is written, and delete it. Return whether it is gone.

        Others may do the same with the same key at the same time.

        Raises:
            SinkError: `key` may not be written so, or the store ignores conditions.
        """
        with self._errors(key):
            ignored = self._written(key, body, {"IfMatch": _IMPOSSIBLE_ETAG})
            if not ignored and not self._written(key, body, {"IfNoneMatch": "*"}) and (left := self.head(key)):
                self._written(key, body, {"IfMatch": left.etag})  # left by a job that must not delete
            try:
                self._client.delete_object(Bucket=self.name, Key=key)
            except ClientError as error:
                if kind_of(error) != "denied":
                    raise
                return False
        if ignored:
            message = "it ignores If-Match, so writers could overwrite each other; use a store with conditional writes"
            raise SinkError("permanent", f"{self._url('')}: {message}")
        return True

    def _written(self, key: str, body: Body, condition: dict[str, str]) -> bool:
        """Write the probe's object; whether the condition was met."""
        try:
            self._send(key, body, condition, {})
        except ClientError as error:
            if not _is_conflict(error):
                raise
            return False
        return True

    def _send(self, key: str, body: Body, condition: dict[str, str], metadata: dict[str, str]) -> Any:
        return self._client.put_object(
            Bucket=self.name,
            Key=key,
            Body=body.file(),
            ContentLength=body.size,
            ContentType=body.content_type,
            ChecksumSHA256=body.checksum,
            Metadata=metadata,
            **condition,
            **self._settings.arguments,
        )

    def _require_own(self, key: str, info: ObjectInfo) -> None:
        if info.job != self._job and not self._replace:
            owner = f"it belongs to the job {info.job}" if info.job else "querygen has not written it"
            message = f"{self._url(key)}: there is an object already, and {owner}; it is left unchanged"
            advice = "move it, choose another prefix, or take it over with `replace: true`"
            raise SinkError("permanent", f"{message}: {advice}")

    @contextmanager
    def _errors(self, key: str) -> Iterator[None]:
        try:
            yield
        except (ClientError, BotoCoreError) as error:
            raise self._translate(error, key) from error

    def _translate(self, error: Exception, key: str) -> Exception:
        if isinstance(error, ObjectChanged):
            return error
        url, kind = self._url(key), kind_of(error)
        if kind == "denied":
            permissions = (
                "the job needs s3:GetObject and s3:PutObject under its prefixes, and s3:ListBucket on the bucket"
            )
            if isinstance(error, ClientError) and error.operation_name == "PutObject":
                permissions += "; a bucket's policy may demand the options `sse`, `kms_key_id` or `acl`"
            return SinkError("auth", f"{url}: access denied ({describe_error(error)}); {permissions}")
        if kind == "region":
            return SinkError("permanent", f"{url}: the bucket is in another region; {region_hint(error)}, or `region`")
        if kind == "missing":
            return SinkError("permanent", f"{url}: there is no such bucket; create it, or correct the name")
        return SinkError("retry" if kind in {"retry", "changed"} else "permanent", f"{url}: {describe_error(error)}")

    def _url(self, key: str) -> str:
        return str(Address(self.name, key))


def back_off(attempt: int) -> None:
    """Sleep before the next attempt. Not at all after the first, since usually there is only one other writer."""
    time.sleep(random.uniform(0, min(_PAUSE * attempt, _MAX_PAUSE)))


def _info(response: dict[str, Any]) -> ObjectInfo:
    metadata = response.get("Metadata", {})
    lines, products = (metadata.get(f"querygen-{name}", "") for name in ("lines", "products"))
    return ObjectInfo(
        str(response["ETag"]),
        int(response["ContentLength"]),
        metadata.get("querygen-job", ""),
        metadata.get("querygen-sha256", ""),
        int(lines) if lines.isdecimal() else 0,
        int(products) if products.isdecimal() else 0,
    )


def _is_conflict(error: ClientError) -> bool:
    """Whether another writer changed or removed the object, or is writing it at this moment."""
    if code_of(error) == "NoSuchBucket":
        return False
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    return kind_of(error) in {"exists", "changed", "missing"} or status == 409
