"""Upload of config, prompts and catalogue. A key contains the content's hash, so nothing is uploaded twice."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from querygen_aws.batch.errors import translate_error
from querygen_aws.errors import kind_of
from querygen_aws.s3.object_settings import DEFAULTS, ObjectSettings
from querygen_core.api import InputError, UsageError

_MAX_BYTES = 5 << 30  # S3's limit for one PutObject


def upload(
    s3: Any, bucket: str, prefix: str, files: Mapping[str, bytes | Path], settings: ObjectSettings = DEFAULTS
) -> None:
    """Upload `files`, keyed by name, in their order: when the last exists, all do. S3 verifies each SHA-256.

    Raises:
        InputError: a file cannot be read.
        UsageError: a file is larger than 5 GiB.
        QuerygenError: the error of S3, translated.
    """
    for name, content in files.items():
        key = f"{prefix}{name}"
        try:
            if not _exists(s3, bucket, key):
                _put(s3, bucket, key, content, settings)
        except (ClientError, BotoCoreError) as error:
            raise translate_error(error, f"s3://{bucket}/{key}", "s3:PutObject on it, and s3:GetObject") from error


def _exists(s3: Any, bucket: str, key: str) -> bool:
    try:
        s3.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        # Without s3:ListBucket, S3 answers "denied" for an object that does not exist.
        if kind_of(error) in {"missing", "denied"}:
            return False
        raise
    return True


def _put(s3: Any, bucket: str, key: str, content: bytes | Path, settings: ObjectSettings) -> None:
    if isinstance(content, bytes):
        s3.put_object(Bucket=bucket, Key=key, Body=content, ChecksumAlgorithm="SHA256", **settings.arguments)
        return
    try:
        with content.open("rb") as body:
            if content.stat().st_size > _MAX_BYTES:
                raise UsageError(f"{content}: is larger than 5 GiB; upload it to S3 yourself and pass its s3:// URL")
            s3.put_object(Bucket=bucket, Key=key, Body=body, ChecksumAlgorithm="SHA256", **settings.arguments)
    except OSError as error:
        raise InputError(f"{content}: cannot be read: {error.strerror or error}") from None
