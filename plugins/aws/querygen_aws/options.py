"""The options of the plugin's components, with the checks that need no request to AWS."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from querygen_aws.metric_table import RESERVED_DIMENSIONS
from querygen_aws.s3.object_settings import NO_KMS, CannedAcl, Encryption
from querygen_core.api import Options

_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]|arn:[\w/:.-]+", re.ASCII)
_MAX_PREFIX_BYTES = 512  # a key may have 1024, and the rest of ours needs less than half of them

# CloudWatch takes only ASCII without control characters. Quotes and backslashes are excluded because JSON escapes them,
# which would change the length of the line.
_DIMENSION = re.compile(r"[!#-9;-\[\]-~][ !#-\[\]-~]*")
_NAMESPACE = re.compile(r"[A-Za-z0-9._/#:-][A-Za-z0-9._/#: -]{0,254}")
_MAX_DIMENSION_LENGTH = 255
_MAX_DIMENSIONS = 20
_MAX_DIMENSION_CHARACTERS = 2000  # of all together: a log line has to stay below 16 KB


def _check_bucket(name: str) -> str:
    if not _BUCKET.fullmatch(name):
        raise ValueError("should be a bucket name or an access point ARN, without s3:// and without a key")
    return name


def _check_prefix(prefix: str) -> str:
    if prefix and (not prefix.endswith("/") or prefix.startswith("/") or "//" in prefix):
        raise ValueError("should end with one slash and not begin with one, for example `query/`")
    if any(part in {".", ".."} for part in prefix.split("/")) or not prefix.isprintable():
        raise ValueError("should be printable text, without `.` or `..` between slashes")
    if len(prefix.encode()) > _MAX_PREFIX_BYTES:
        raise ValueError(f"should be at most {_MAX_PREFIX_BYTES} bytes long")
    return prefix


def _check_dimensions(dimensions: dict[str, str]) -> dict[str, str]:
    for name, value in dimensions.items():
        if not all(_DIMENSION.fullmatch(text) and len(text) <= _MAX_DIMENSION_LENGTH for text in (name, value)):
            raise ValueError(
                f"{name!r}: names and values should be printable ASCII, at most {_MAX_DIMENSION_LENGTH} characters"
            )
        if name in RESERVED_DIMENSIONS or name.startswith("CallErrors"):
            raise ValueError(f"{name!r} is a name that querygen uses itself; choose another one")
        if name.lower().replace("_", "").replace("-", "") == "jobid":
            raise ValueError(
                f"{name!r} would create metrics that are billed for each job; the job id is in every log line already"
            )
    if sum(map(len, [*dimensions, *dimensions.values()])) > _MAX_DIMENSION_CHARACTERS:
        raise ValueError(f"should be at most {_MAX_DIMENSION_CHARACTERS} characters in total")
    return dimensions


def _check_namespace(namespace: str) -> str:
    if not _NAMESPACE.fullmatch(namespace) or namespace.startswith("AWS/"):
        raise ValueError("should be at most 255 letters, digits and . - _ / # :, and not begin with AWS/")
    return namespace


Bucket = Annotated[str, AfterValidator(_check_bucket)]
Prefix = Annotated[str, AfterValidator(_check_prefix)]
Table = Annotated[str, Field(pattern=r"^([A-Za-z0-9_.-]{3,255}|arn:[A-Za-z0-9:/_.-]{3,1000})$")]
Region = Annotated[str, Field(pattern=r"^[a-z0-9-]+$")]
Dimensions = Annotated[dict[str, str], Field(max_length=_MAX_DIMENSIONS), AfterValidator(_check_dimensions)]

_BUCKET_NAME = "Name of the bucket, or ARN of an access point. It must exist."
_BUCKET_REGION = "Region of the bucket. Default: AWS_REGION, AWS_DEFAULT_REGION or the profile's region."
_TABLE_REGION = "Region of the table. Default: AWS_REGION, AWS_DEFAULT_REGION or the profile's region."


class NoOptions(Options):
    """Nothing to configure: credentials, region and endpoint are those of the process."""


class S3Options(Options):
    not_in_key: ClassVar[frozenset[str]] = frozenset(
        {"bucket", "prefix", "layout", "region", "error_prefix", "backup_dir", "replace", "sse", "kms_key_id", "acl"}
    )

    bucket: Bucket = Field(description=_BUCKET_NAME)
    prefix: Prefix = Field("query/", description="Prefix of the keys of all result objects.")
    layout: Literal["auto", "document", "parts"] = Field(
        "auto",
        description="`document`: one JSON document. `parts`: a JSON Lines file per partition, and a manifest. "
        "`auto`: a document if the job runs in one process and has at most 5000 products, otherwise parts.",
    )
    region: str | None = Field(None, min_length=1, description=_BUCKET_REGION)
    error_prefix: Prefix | None = Field(
        "errors/",
        description="Prefix of the keys of the lists of products with too few questions, and of dead letters, and why. "
        "`null`: write none.",
    )
    backup_dir: str | None = Field(
        None,
        min_length=1,
        description="Local folder for the backup file that is written if the bucket refuses every write. Default: the "
        "job's state folder.",
    )
    replace: bool = Field(
        False,
        description="Replace objects at the job's keys even if another job or program wrote them. Otherwise such an "
        "object ends the run before anything is paid (exit 74).",
    )
    sse: Encryption | None = Field(
        None, description="Server-side encryption to ask for with each object. Default: the bucket's own."
    )
    kms_key_id: str | None = Field(
        None,
        min_length=1,
        pattern=r"^[\w/:.-]+$",
        description="Id, alias or ARN of the KMS key, with `sse: aws:kms`. Default: the bucket's key, else AWS's own.",
    )
    acl: CannedAcl | None = Field(
        None, description="Canned ACL of each object. Default: none, as most buckets have their ACLs disabled."
    )

    @model_validator(mode="after")
    def _check_encryption(self) -> Self:
        if self.kms_key_id and not (self.sse or "").startswith("aws:kms"):
            raise ValueError(NO_KMS)
        return self


class OrchestrationLogOptions(Options):
    table: Table = Field(description="Name or ARN of the table, whose key is `pk`, `sk`, both strings.")
    region: Region | None = Field(None, description=_TABLE_REGION)
    ttl_days: float | None = Field(
        None,
        gt=0,
        le=36_500,
        description="Days after which DynamoDB may delete an event, by its attribute `expires_at`. Default: never.",
    )


class MetricsOptions(Options):
    namespace: Annotated[str, AfterValidator(_check_namespace)] = Field(
        "Querygen", description="CloudWatch namespace of the metrics."
    )
    table: Table | None = Field(
        None,
        description="Name or ARN of the DynamoDB table that stores how long successful runs took, for `DurationRatio`; "
        "may be the table of `aws/orchestration-log`. Default: `DurationRatio` is not written.",
    )
    region: Region | None = Field(None, description=_TABLE_REGION)
    dimensions: Dimensions = Field(
        {},
        description="Dimensions of all metrics, for example `{Environment: prod}`. CloudWatch bills every combination "
        "of values as metrics of its own.",
    )


class JobDefinitions(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    small: str = Field("querygen-small", min_length=1, description="Job definition of a small shard and of the report.")
    medium: str = Field("querygen-medium", min_length=1, description="Job definition of a medium shard.")
    large: str = Field("querygen-large", min_length=1, description="Job definition of a large shard.")


class BatchOptions(Options):
    bucket: str = Field(
        pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$",
        description="Name of the bucket that configs and prompts are uploaded to.",
    )
    prefix: Prefix = Field("submissions/", description="Prefix of the keys of all uploaded objects.")
    job_queue: str = Field("querygen", min_length=1, description="Name or ARN of the job queue.")
    job_definitions: JobDefinitions = Field(
        JobDefinitions.model_validate({}),
        description="Job definition for each size: a name (its newest active revision is used), `name:revision` or an "
        "ARN.",
    )
    region: str | None = Field(
        None,
        min_length=1,
        description="Region of queue and bucket. Default: AWS_REGION, AWS_DEFAULT_REGION or the profile's region.",
    )
    poll: float = Field(10, gt=0, le=600, description="Seconds between two status requests of `--watch`.")
