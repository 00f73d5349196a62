"""Parsing of `s3://bucket/key`. The key is taken literally: `%`, `#` and `+` are not escapes in it."""

from __future__ import annotations

from dataclasses import dataclass

from querygen_core.api import InputError


@dataclass(frozen=True, slots=True)
class Address:
    bucket: str
    """Name of the bucket, never empty."""
    key: str
    """Key of the object, or a prefix of keys; may be empty."""

    @classmethod
    def parse(cls, url: str) -> Address:
        """Parse an s3:// URL.

        Raises:
            InputError: the URL names no bucket.
        """
        bucket, _, key = url.partition("://")[2].partition("/")
        if not bucket:
            raise InputError(f"{url}: there is no bucket in this URL; it should be s3://bucket/key")
        return cls(bucket, key)

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"
