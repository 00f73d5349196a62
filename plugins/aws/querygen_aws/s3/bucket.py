"""A bucket in which nothing is overwritten that is not ours, and nothing that we have not seen."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from querygen_aws.failures import code_of, kind_of, said
from querygen_aws.s3.address import Address
from querygen_aws.s3.body import Body
from querygen_aws.s3.download import Changed, Download
from querygen_aws.s3.storage import region_hint
from querygen_core.api import SinkError

TURNS = 60
"""How often an object is tried that others are writing too."""

_PAUSE = 0.02  # seconds, at most, times the turn
_LONGEST_PAUSE = 1.0
_NO_ETAG = '"00000000000000000000000000000000"'


@dataclass(frozen=True, slots=True)
class Seen:
    """An object as it was found. job: whose it is, "" if nobody said."""

    etag: str
    size: int
    job: str = ""
    sha256: str = ""
    lines: int = 0
    products: int = 0


class Bucket:
    """One job's view of it. Makes requests, so it belongs into a thread.

    Raises, from every method:
        SinkError
    """

    def __init__(self, client: Any, name: str, job: str) -> None:
        self.name = name
        self._client = client
        self._job = job

    def look(self, key: str) -> Seen | None:
        with self._failures(key):
            try:
                return _seen(self._client.head_object(Bucket=self.name, Key=key))
            except ClientError as error:
                if kind_of(error) == "missing":
                    return None
                raise

    def look_at_ours(self, key: str) -> Seen | None:
        """As `look`, but SinkError if it is not this job's."""
        seen = self.look(key)
        if seen is not None:
            self._refuse_foreign(key, seen)
        return seen

    def list(self, prefix: str) -> dict[str, str]:
        """ETags of the objects whose keys begin so."""
        with self._failures(prefix):
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix)
            return {found["Key"]: found["ETag"] for page in pages for found in page.get("Contents", ())}

    def open(self, key: str) -> tuple[Seen, Download] | None:
        """The object, to be read. Reading raises `Changed` if another writer replaces it meanwhile."""
        with self._failures(key):
            try:
                stream = Download(self._client, Address(self.name, key), lambda error: self._explain(error, key))
            except ClientError as error:
                if kind_of(error) == "missing":
                    return None
                raise
        seen = _seen({"ETag": stream.etag, "ContentLength": stream.size, "Metadata": stream.metadata})
        if seen.job != self._job:
            stream.close()
            self._refuse_foreign(key, seen)
        return seen, stream

    def put(self, key: str, body: Body, seen: Seen | None) -> Seen:
        """Make the object hold `body`. seen: what was there last, by `look`; another may have come since."""
        for turn in range(TURNS):
            if done := self.try_to_put(key, body, seen):
                return done
            pause(turn)
            seen = self.look(key)
        raise SinkError("retry", f"{self._at(key)}: others write it without end; stop them, or run again")

    def try_to_put(self, key: str, body: Body, seen: Seen | None) -> Seen | None:
        """As `put`, but None if another was faster."""
        if seen is not None:
            self._refuse_foreign(key, seen)
            if seen.sha256 == body.sha256:
                return seen
        with self._failures(key):
            try:
                return self._put(key, body, seen)
            except ClientError as error:
                if not _lost_a_race(error):
                    raise
        return None

    def _put(self, key: str, body: Body, seen: Seen | None) -> Seen:
        condition = {"IfNoneMatch": "*"} if seen is None else {"IfMatch": seen.etag}
        counts = {"querygen-lines": str(body.lines), "querygen-products": str(body.products)}
        answer = self._client.put_object(
            Bucket=self.name, Key=key, Body=body.file(), ContentLength=body.size, ContentType=body.content_type,
            ChecksumSHA256=body.checksum, **condition,
            Metadata={"querygen-job": self._job, "querygen-sha256": body.sha256, **counts},
        )  # fmt: skip
        return Seen(str(answer["ETag"]), body.size, self._job, body.sha256, body.lines, body.products)

    def remove(self, key: str, seen: Seen) -> None:
        """Unless it was changed since it was `seen`, or is not ours."""
        self._refuse_foreign(key, seen)
        with self._failures(key):
            try:
                self._client.delete_object(Bucket=self.name, Key=key, IfMatch=seen.etag)
            except ClientError as error:
                if kind_of(error) not in {"missing", "exists"}:
                    raise

    def check(self) -> None:
        """It is there, and may be looked at."""
        with self._failures(""):
            self._client.head_bucket(Bucket=self.name)

    def probe(self, key: str) -> None:
        """Whether `key` may be written, by a request that cannot succeed: it replaces a version that never was."""
        with self._failures(key):
            try:
                self._client.put_object(Bucket=self.name, Key=key, Body=b"", IfMatch=_NO_ETAG)
            except ClientError as error:
                if _lost_a_race(error):
                    return
                raise
            self._client.delete_object(Bucket=self.name, Key=key)
        message = "it ignores If-Match, so writers could undo each other's work; use one that heeds conditional writes"
        raise SinkError("permanent", f"{self._at('')}: {message}")

    def _refuse_foreign(self, key: str, seen: Seen) -> None:
        if seen.job != self._job:
            whose = f"it belongs to the job {seen.job}" if seen.job else "querygen has not written it"
            message = f"{self._at(key)}: there is an object already, and {whose}; it is left alone"
            raise SinkError("permanent", f"{message}: move it away, or choose another prefix")

    @contextmanager
    def _failures(self, key: str) -> Iterator[None]:
        try:
            yield
        except (ClientError, BotoCoreError) as error:
            raise self._explain(error, key) from error

    def _explain(self, error: Exception, key: str) -> Exception:
        if isinstance(error, Changed):
            return error
        where, kind = self._at(key), kind_of(error)
        if kind == "denied":
            rights = "it takes s3:GetObject and s3:PutObject under its prefixes, and s3:ListBucket on the bucket"
            return SinkError("auth", f"{where}: not allowed ({said(error)}); {rights}")
        if kind == "region":
            return SinkError(
                "permanent", f"{where}: the bucket is in another region; {region_hint(error)}, or `region`"
            )
        if kind == "missing":
            return SinkError("permanent", f"{where}: there is no such bucket; make it, or correct the name")
        return SinkError("retry" if kind in {"retry", "changed"} else "permanent", f"{where}: {said(error)}")

    def _at(self, key: str) -> str:
        return str(Address(self.name, key))


def pause(turn: int) -> None:
    """Before the next try, for others to get through. None after the first: mostly there is but one other."""
    time.sleep(random.uniform(0, min(_PAUSE * turn, _LONGEST_PAUSE)))


def _seen(answer: dict[str, Any]) -> Seen:
    metadata = answer.get("Metadata", {})
    lines, products = (metadata.get(f"querygen-{name}", "") for name in ("lines", "products"))
    return Seen(
        str(answer["ETag"]),
        int(answer["ContentLength"]),
        metadata.get("querygen-job", ""),
        metadata.get("querygen-sha256", ""),
        int(lines) if lines.isdecimal() else 0,
        int(products) if products.isdecimal() else 0,
    )


def _lost_a_race(error: ClientError) -> bool:
    """There is another version, there is none any more, or another is writing one at this moment."""
    if code_of(error) == "NoSuchBucket":
        return False
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    return kind_of(error) in {"exists", "changed", "missing"} or status == 409
