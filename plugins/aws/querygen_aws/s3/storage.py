"""Objects in S3 as something to read a catalogue from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, BinaryIO, cast

from botocore.exceptions import BotoCoreError, ClientError

from querygen_aws.clients import client
from querygen_aws.failures import code_of, kind_of, said
from querygen_aws.s3.address import Address
from querygen_aws.s3.download import Changed, Download
from querygen_core.api import Context, CredentialsError, InputError, MissingInput, QuerygenError, Stopped

_EXAMPLES = 3


class Unreachable(InputError):
    """It may be there, but cannot be read now; a scheduler should try again."""

    exit_code = Stopped.exit_code


class S3Storage:
    """Reads in constant memory. Every method makes requests, so it belongs into a thread."""

    def __init__(self, context: Context) -> None:
        self._environ = context.environ

    def open(self, url: str) -> BinaryIO:
        address = Address.of(url)
        if not address.key or address.key.endswith("/"):
            raise InputError(self._of_a_folder(url))
        try:
            stream = Download(self._client(), address, lambda error: _explain(error, url))
        except (ClientError, BotoCoreError) as error:
            raise _explain(error, url) from error
        if stream.size == 0:
            stream.close()
            raise InputError(f"{url}: the object is empty; upload it again, or name another")
        return cast("BinaryIO", stream)

    def etag(self, url: str) -> str | None:
        address = Address.of(url)
        try:
            return str(self._client().head_object(Bucket=address.bucket, Key=address.key)["ETag"])
        except (ClientError, BotoCoreError) as error:
            if kind_of(error) == "missing":
                return None
            raise _explain(error, url) from error

    def list(self, url: str) -> Iterable[str]:
        """S3 lists by bytes of UTF-8, which sorts like Python's text."""
        return self._list(url, Address.of(url))

    def _list(self, url: str, address: Address) -> Iterator[str]:
        pages = self._client().get_paginator("list_objects_v2")
        try:
            for page in pages.paginate(Bucket=address.bucket, Prefix=address.key):
                yield from (str(Address(address.bucket, found["Key"])) for found in page.get("Contents", ()))
        except (ClientError, BotoCoreError) as error:
            raise _explain(error, url) from error

    def _of_a_folder(self, url: str) -> str:
        inside = list(islice((name for name in self.list(url) if not name.endswith("/")), _EXAMPLES))
        there = f"there are {', '.join(inside)}" if inside else "there is nothing under it"
        return f"{url}: this is a folder, and one object is read; name it: {there}"

    def _client(self) -> Any:
        return client("s3", self._environ)


def _explain(error: Exception, url: str) -> QuerygenError:
    """The error of this package that says what happened to `url`, and what to do."""
    if isinstance(error, Changed):
        return InputError(f"{url}: {error}; run again when it has been uploaded")
    match kind_of(error):
        case "missing":
            thing = "bucket" if isinstance(error, ClientError) and code_of(error) == "NoSuchBucket" else "object"
            return MissingInput(f"{url}: there is no such {thing}; check the name and the account")
        case "denied":
            return CredentialsError(
                f"{url}: may not be read ({said(error)}); it takes s3:GetObject on it and s3:ListBucket on its bucket"
            )
        case "region":
            return InputError(f"{url}: the bucket is in another region; {region_hint(error)}")
        case "retry":
            return Unreachable(f"{url}: cannot be read now ({said(error)}); run again")
        case _:
            return InputError(f"{url}: cannot be read ({said(error)})")


def region_hint(error: Exception) -> str:
    """What to set, with the region's name where S3 tells it."""
    answer = error.response if isinstance(error, ClientError) else {}
    region = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("x-amz-bucket-region")
    return f"set AWS_REGION={region}" if region else "set AWS_REGION to the bucket's"
