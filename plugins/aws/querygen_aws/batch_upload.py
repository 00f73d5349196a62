"""What a job needs, put into a bucket. A name has the content's hash in it, so that nothing is sent twice."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from querygen_aws.batch_errors import explain
from querygen_aws.failures import kind_of
from querygen_core.api import InputError, UsageError

_LARGEST = 5 << 30  # bytes that S3 takes in one request


def upload(s3: Any, bucket: str, prefix: str, files: Mapping[str, bytes | Path]) -> None:
    """In their order, so that the last one is there only when all are. S3 checks each one's SHA-256."""
    for name, content in files.items():
        key = f"{prefix}{name}"
        try:
            if not _is_there(s3, bucket, key):
                _put(s3, bucket, key, content)
        except (ClientError, BotoCoreError) as error:
            raise explain(error, f"s3://{bucket}/{key}", "s3:PutObject on it, and s3:GetObject") from error


def _is_there(s3: Any, bucket: str, key: str) -> bool:
    try:
        s3.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        # Who may not list a bucket is not told that an object is missing.
        if kind_of(error) in {"missing", "denied"}:
            return False
        raise
    return True


def _put(s3: Any, bucket: str, key: str, content: bytes | Path) -> None:
    if isinstance(content, bytes):
        s3.put_object(Bucket=bucket, Key=key, Body=content, ChecksumAlgorithm="SHA256")
        return
    try:
        with content.open("rb") as body:
            if content.stat().st_size > _LARGEST:
                raise UsageError(f"{content}: is larger than 5 GiB; put it into S3 yourself, and give its s3:// URL")
            s3.put_object(Bucket=bucket, Key=key, Body=body, ChecksumAlgorithm="SHA256")
    except OSError as error:
        raise InputError(f"{content}: cannot be read: {error.strerror or error}") from None
