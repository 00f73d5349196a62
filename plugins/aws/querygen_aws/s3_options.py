"""The options of what reads from and writes to S3."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from querygen_core.api import Options

_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]|arn:[\w/:.-]+", re.ASCII)
_LONGEST_PREFIX = 512  # bytes; a key has 1024


def _check_bucket(name: str) -> str:
    if not _BUCKET.fullmatch(name):
        raise ValueError("should be a bucket's name, or an access point's ARN, without s3:// and without a key")
    return name


def _check_prefix(prefix: str) -> str:
    if prefix and (not prefix.endswith("/") or prefix.startswith("/") or "//" in prefix):
        raise ValueError("should end with one slash and not begin with one, like `query/`")
    if any(part in {".", ".."} for part in prefix.split("/")) or not prefix.isprintable():
        raise ValueError("should be plain text, without `.` or `..` between slashes")
    if len(prefix.encode()) > _LONGEST_PREFIX:
        raise ValueError(f"should be at most {_LONGEST_PREFIX} bytes long")
    return prefix


Bucket = Annotated[str, AfterValidator(_check_bucket)]
Prefix = Annotated[str, AfterValidator(_check_prefix)]


class S3StorageOptions(Options):
    """Nothing to choose: credentials, region and endpoint are the process's."""


class S3Options(Options):
    not_in_key: ClassVar[frozenset[str]] = frozenset({
        "bucket", "prefix", "layout", "region", "error_prefix", "backup_dir",
    })  # fmt: skip

    bucket: Bucket = Field(description="The bucket; it has to be there.")
    prefix: Prefix = Field("query/", description="What the key of each object begins with.")
    layout: Literal["auto", "document", "parts"] = Field(
        "auto",
        description="`document`: one JSON document. `parts`: 64 files of JSON lines and a manifest. `auto`: a document "
        "for a job that runs in one process and has at most 5000 products, else parts.",
    )
    region: str | None = Field(None, min_length=1, description="The bucket's region; default: the process's.")
    error_prefix: Prefix | None = Field(
        "errors/", description="Where the products that fell short are listed, with the reasons; `null`: nowhere."
    )
    backup_dir: str | None = Field(
        None,
        min_length=1,
        description="The folder of the last resort, when the bucket takes nothing at all; default: the job's state "
        "folder.",
    )
