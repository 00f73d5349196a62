"""A journal in S3 between tests' hands: opened for a run, on one disk or another, and looked at from outside."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from querygen_aws.journal.journal import S3Journal
from querygen_aws.journal_options import S3JournalOptions
from querygen_core.api import Journal, Response, Usage
from querygen_core.testing import context, response
from tests.servers.aws import Aws

R = TypeVar("R")
KEY = "ab" * 32
OTHER = "cd" * 32


@dataclass
class Place:
    """The bucket of a test. environ: how its journals reach it; `aws` is asked beside them."""

    aws: Aws
    bucket: str
    environ: Mapping[str, str]
    options: dict[str, Any] = field(default_factory=dict)

    def journal(self, disk: Path, **changes: Any) -> S3Journal:
        """changes: of the context."""
        options = S3JournalOptions(bucket=self.bucket, **{"lease_seconds": 3, **self.options})
        return S3Journal(options, context(disk, environ=self.environ, **changes))

    def opened(self, disk: Path, work: Callable[[S3Journal], Awaitable[R]], **changes: Any) -> R:
        """`work` in a run of its own."""

        async def main() -> R:
            journal = self.journal(disk, **changes)
            try:
                await journal.begin({})
                return await work(journal)
            finally:
                await journal.aclose()

        return asyncio.run(main())

    def abandon(self, disk: Path, work: Callable[[S3Journal], Awaitable[R]] | None = None, **changes: Any) -> None:
        """A run whose process is killed: nobody renews its lease any more, and nobody gives it back."""

        async def main() -> None:
            journal = self.journal(disk, **changes)
            await journal.begin({})
            if work is not None:
                await work(journal)
            journal._lease.close()
            journal._pool.close()
            await journal._local.aclose()

        asyncio.run(main())

    def names(self, folder: str = "") -> list[str]:
        """Of the objects of the test's job."""
        pages = self.aws.client("s3").get_paginator("list_objects_v2")
        below = f"journal/test-job/{folder}"
        found = pages.paginate(Bucket=self.bucket, Prefix=below)
        return [one["Key"].removeprefix("journal/test-job/") for page in found for one in page.get("Contents", ())]

    def body(self, name: str) -> bytes:
        answer = self.aws.client("s3").get_object(Bucket=self.bucket, Key=f"journal/test-job/{name}")
        found: bytes = answer["Body"].read()
        return found

    def put(self, name: str, body: bytes) -> None:
        self.aws.client("s3").put_object(Bucket=self.bucket, Key=f"journal/test-job/{name}", Body=body)

    def delete(self, folder: str) -> None:
        for name in self.names(folder):
            self.aws.client("s3").delete_object(Bucket=self.bucket, Key=f"journal/test-job/{name}")


def answer(text: str) -> Response:
    return response(text, usage=Usage(input=10, output=2))


async def pay(journal: Journal, text: str, key: str = KEY, number: int = 0, *, usable: bool = True) -> Response:
    """A whole call that cost 0.25; the answer that counts."""
    intent = await journal.intend(key, number)
    return await journal.record(intent, key, number, answer(text), usable=usable, cost=0.25)


async def texts(journal: Journal, key: str = KEY) -> list[str]:
    return [stored.response.text for stored in await journal.answers(key)]


async def nothing(journal: Journal) -> None:
    """A run that is begun, and ended."""
