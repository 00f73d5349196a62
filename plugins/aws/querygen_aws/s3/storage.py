"""`s3://` URLs: catalogues, configs and prompts are read from S3, and a job's answers kept there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import BinaryIO, cast

from botocore.exceptions import BotoCoreError, ClientError

from querygen_aws.errors import code_of, describe_error, kind_of, region_hint
from querygen_aws.s3.address import Address
from querygen_aws.s3.download import Download, ObjectChanged
from querygen_aws.s3.objects import S3Objects
from querygen_core.api import CredentialsError, InputError, MissingInput, QuerygenError

_EXAMPLES = 3


class S3Storage(S3Objects):
    """Reads in constant memory. Every method sends requests and blocks, so call it in a thread."""

    def open(self, url: str) -> BinaryIO:
        address = Address.parse(url)
        if not address.key or address.key.endswith("/"):
            raise InputError(self._folder_message(url))
        try:
            stream = Download(self._client(), address, lambda error: _translate(error, url))
        except (ClientError, BotoCoreError) as error:
            raise _translate(error, url) from error
        if stream.size == 0:
            stream.close()
            raise InputError(f"{url}: the object is empty; upload it again, or choose another one")
        return cast("BinaryIO", stream)

    def list(self, url: str) -> Iterable[str]:
        """Yield the URLs under a prefix, sorted: S3 orders keys by UTF-8 bytes, which is Python's order of text."""
        return self._list(url, Address.parse(url))

    def _list(self, url: str, address: Address) -> Iterator[str]:
        pages = self._client().get_paginator("list_objects_v2")
        try:
            for page in pages.paginate(Bucket=address.bucket, Prefix=address.key):
                yield from (str(Address(address.bucket, entry["Key"])) for entry in page.get("Contents", ()))
        except (ClientError, BotoCoreError) as error:
            raise _translate(error, url) from error

    def _folder_message(self, url: str) -> str:
        examples = list(islice((name for name in self.list(url) if not name.endswith("/")), _EXAMPLES))
        advice = f"such as {', '.join(examples)}" if examples else "but there is nothing under it"
        return f"{url}: this is a folder; give the URL of one object, {advice}"


def _translate(error: Exception, url: str) -> QuerygenError:
    """Return the error to raise about `url`."""
    if isinstance(error, ObjectChanged):
        return InputError(f"{url}: {error}; run again when the upload is complete")
    match kind_of(error):
        case "missing":
            thing = "bucket" if isinstance(error, ClientError) and code_of(error) == "NoSuchBucket" else "object"
            return MissingInput(f"{url}: there is no such {thing}; check its name and the AWS account")
        case "denied":
            return CredentialsError(
                f"{url}: access denied ({describe_error(error)}); "
                "the job needs s3:GetObject on it and s3:ListBucket on its bucket"
            )
        case "region":
            return InputError(f"{url}: the bucket is in another region; {region_hint(error)}")
        case "retry":
            return InputError(f"{url}: cannot be read at the moment ({describe_error(error)}); run again", kind="retry")
        case _:
            return InputError(f"{url}: cannot be read ({describe_error(error)})")
