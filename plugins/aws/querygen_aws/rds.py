"""`${secret:aws/rds-token:HOST:PORT/USER}`: an IAM database password for RDS, signed locally, valid for 15 minutes."""

from __future__ import annotations

import re
from collections.abc import Mapping

from botocore.exceptions import BotoCoreError, ClientError

from querygen_aws.clients import client
from querygen_aws.errors import describe_error, kind_of
from querygen_core.api import ConfigError, CredentialsError

_REFERENCE = re.compile(r"(?P<host>[A-Za-z0-9.-]+):(?P<port>\d+)/(?P<user>.+)")
_RDS_HOST = re.compile(r".*\.([a-z0-9-]+)\.rds\.amazonaws\.com(?:\.cn)?")


class RdsTokenResolver:
    """Sends no request: RDS verifies the signature when a connection is opened.

    A token that has expired by then is refused; the reload of the refused secret then signs a new one.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def resolve(self, reference: str, field: str | None) -> str:
        parts = _REFERENCE.fullmatch(reference)
        if parts is None or field is not None:
            raise ConfigError(f"{reference!r} should be HOST:PORT/USER, for which an RDS token is signed")
        rds_host = _RDS_HOST.fullmatch(parts["host"])
        try:
            rds = client("rds", self._environ, rds_host[1] if rds_host else None)
            return str(rds.generate_db_auth_token(parts["host"], int(parts["port"]), parts["user"]))
        except (BotoCoreError, ClientError, ValueError) as error:
            failure = CredentialsError(
                f"no token for {reference} can be signed without AWS credentials: {describe_error(error)}",
                transient=kind_of(error) == "retry",
            )
        raise failure  # outside of `except`, so that it does not keep a reference to the SDK's error
