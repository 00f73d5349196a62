"""The options of what runs a job's shards in AWS Batch."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from querygen_aws.s3_options import Prefix
from querygen_core.api import Options


class JobDefinitions(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    small: str = Field(
        "querygen-small", min_length=1, description="The job definition of a small shard, and of a report."
    )
    medium: str = Field("querygen-medium", min_length=1, description="The job definition of a medium shard.")
    large: str = Field("querygen-large", min_length=1, description="The job definition of a large shard.")


class BatchOptions(Options):
    bucket: str = Field(
        pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", description="The bucket that configs and prompts are sent to."
    )
    prefix: Prefix = Field("submissions/", description="What the key of each object there begins with.")
    job_queue: str = Field("querygen", min_length=1, description="The job queue: its name or ARN.")
    job_definitions: JobDefinitions = Field(
        JobDefinitions.model_validate({}),
        description="For each size the job definition: a name, of which the newest active revision is taken, "
        "`name:revision`, or an ARN.",
    )
    region: str | None = Field(None, min_length=1, description="Of queue and bucket; default: the process's.")
    poll: float = Field(10, gt=0, le=600, description="Seconds between two looks, with --watch.")
