"""The options of the journal in S3."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from querygen_aws.s3_options import Bucket, Prefix
from querygen_core.api import Options


class S3JournalOptions(Options):
    not_in_key: ClassVar[frozenset[str]] = frozenset({"bucket", "prefix", "region", "lease_seconds", "segment_answers"})

    bucket: Bucket = Field(description="The bucket; it has to be there.")
    prefix: Prefix = Field("journal/", description="What the key of each object begins with.")
    region: str | None = Field(None, min_length=1, description="The bucket's region; default: the process's.")
    lease_seconds: int = Field(
        60,
        ge=2,
        le=3600,
        description="How long after the last sign of life of a process another may go on with its shard. A sign is "
        "given three times as often.",
    )
    segment_answers: int = Field(
        2000, ge=1, le=100_000, description="After so many answers they are also put together into one object."
    )
