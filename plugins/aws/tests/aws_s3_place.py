"""A job's place in S3, written by sinks of ours and read with nothing of ours."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from querygen_aws import build_s3
from querygen_aws.options import S3Options
from querygen_core.api import Outcome, Receipt, Shard, SnapshotSink
from querygen_core.testing import context

WHOLE = Shard()


@dataclass
class Place:
    """job: its id; name: what its keys have instead. Uses the process's environment, as the sinks do."""

    bucket: str
    folder: Path
    job: str = "test-job"
    name: str = "test-job"

    @property
    def client(self) -> Any:
        return boto3.client("s3")

    def sink(
        self,
        shard: Shard = WHOLE,
        environ: dict[str, str] | None = None,
        fence: int | None = None,
        *,
        sample: bool = False,
        **options: Any,
    ) -> SnapshotSink:
        given = {"environ": environ} if environ else {}
        made = context(self.folder, "aws/s3", job_id=self.job, shard=shard, fence=fence, sample=sample, **given)
        return build_s3(S3Options(bucket=self.bucket, **options), made)

    def deliver(self, outcomes: Sequence[Outcome], shard: Shard = WHOLE, **options: Any) -> tuple[list[Receipt], int]:
        """A whole delivery, in several batches; the receipts, and what `publish` said."""
        return asyncio.run(
            deliver(self.sink(shard, **options), [one for one in outcomes if shard.has(one.product_key)])
        )

    def objects(self, prefix: str = "") -> dict[str, bytes]:
        client = self.client
        return {key: client.get_object(Bucket=self.bucket, Key=key)["Body"].read() for key in self.names(prefix)}

    def names(self, prefix: str = "") -> list[str]:
        found = self.client.list_objects_v2(Bucket=self.bucket, Prefix=prefix)
        assert not found["IsTruncated"]
        return [one["Key"] for one in found.get("Contents", ())]

    def document(self) -> dict[str, Any]:
        body = self.client.get_object(Bucket=self.bucket, Key=f"query/{self.name}.json")["Body"].read()
        made: dict[str, Any] = json.loads(body)
        return made

    def put(self, key: str, body: bytes = b"{}", **metadata: str) -> None:
        self.client.put_object(Bucket=self.bucket, Key=key, Body=body, Metadata=metadata)


async def deliver(sink: SnapshotSink, outcomes: Sequence[Outcome]) -> tuple[list[Receipt], int]:
    receipts: list[Receipt] = []
    try:
        await sink.check()
        for start in range(0, len(outcomes), 7):
            receipts += await sink.apply(outcomes[start : start + 7])
        return receipts, await sink.publish()
    finally:
        await sink.aclose()


def totals(delivery: tuple[list[Receipt], int]) -> tuple[int, int, int]:
    """Delivered, unchanged, retired."""
    receipts, retired = delivery
    return (
        sum(one.delivered for one in receipts),
        sum(one.unchanged for one in receipts),
        sum(one.retired for one in receipts) + retired,
    )


def of_document(document: dict[str, Any]) -> Counter[tuple[str, str, str]]:
    return Counter(
        (product["product_key"], query["query_type"], query["text"])
        for product in document["products"]
        for query in product["queries"]
    )


def of_lines(body: bytes) -> Counter[tuple[str, str, str]]:
    lines = map(json.loads, body.decode().splitlines())
    return Counter((line["product_key"], line["query_type"], line["query_text"]) for line in lines)
