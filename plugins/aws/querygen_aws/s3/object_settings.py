"""Encryption and access of the objects that are written, which a bucket's policy may demand to be named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from querygen_core.api import ConfigError

Encryption = Literal["AES256", "aws:kms", "aws:kms:dsse"]
CannedAcl = Literal[
    "private",
    "public-read",
    "public-read-write",
    "authenticated-read",
    "aws-exec-read",
    "bucket-owner-read",
    "bucket-owner-full-control",
]

_NAMES = {"sse": "QUERYGEN_S3_SSE", "kms_key_id": "QUERYGEN_S3_KMS_KEY_ID", "acl": "QUERYGEN_S3_ACL"}
NO_KMS = "kms_key_id needs `sse: aws:kms` or `aws:kms:dsse`"


@dataclass(frozen=True, slots=True)
class ObjectSettings:
    sse: str | None = None
    """`Encryption`; None: the bucket's default."""
    kms_key_id: str | None = None
    """Id, alias or ARN of the KMS key; None: the bucket's, else AWS's own."""
    acl: str | None = None
    """`CannedAcl`; None: the bucket's default."""

    @classmethod
    def of_environ(cls, environ: Mapping[str, str]) -> ObjectSettings:
        """The settings of what has no options: the journal, and what `querygen submit` uploads.

        Raises:
            ConfigError: a variable has an impossible value.
        """
        given = {name: environ.get(variable) or None for name, variable in _NAMES.items()}
        for name, allowed in (("sse", get_args(Encryption)), ("acl", get_args(CannedAcl))):
            if given[name] not in (None, *allowed):
                raise ConfigError(f"{_NAMES[name]} should be one of {', '.join(allowed)}, not {given[name]!r}")
        if given["kms_key_id"] and not (given["sse"] or "").startswith("aws:kms"):
            raise ConfigError(f"{_NAMES['kms_key_id']} needs {_NAMES['sse']}=aws:kms or aws:kms:dsse")
        return cls(**given)

    @property
    def arguments(self) -> dict[str, str]:
        """For `put_object`."""
        named = {"ServerSideEncryption": self.sse, "SSEKMSKeyId": self.kms_key_id, "ACL": self.acl}
        return {name: value for name, value in named.items() if value is not None}


DEFAULTS = ObjectSettings()
"""The bucket's own."""
