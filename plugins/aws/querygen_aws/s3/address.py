"""`s3://bucket/key`, taken as it is: nothing in it is unescaped, so `%`, `#` and `+` are what they look like."""

from __future__ import annotations

from dataclasses import dataclass

from querygen_core.api import InputError


@dataclass(frozen=True, slots=True)
class Address:
    bucket: str
    key: str

    @classmethod
    def of(cls, url: str) -> Address:
        """InputError if there is no bucket in it."""
        bucket, _, key = url.partition("://")[2].partition("/")
        if not bucket:
            raise InputError(f"{url}: there is no bucket in this; it should be s3://bucket/key")
        return cls(bucket, key)

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"
