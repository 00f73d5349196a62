"""`${secret:aws/rds-token:HOST:PORT/USER}`: what RDS takes for a password, signed here, good for 15 minutes."""

from __future__ import annotations

import re
from collections.abc import Mapping

from botocore.exceptions import BotoCoreError, ClientError

from querygen_aws.clients import client
from querygen_aws.failures import kind_of, said
from querygen_core.api import ConfigError, CredentialsError

_WHERE = re.compile(r"(?P<host>[A-Za-z0-9.-]+):(?P<port>\d+)/(?P<user>.+)")
_HOST = re.compile(r".*\.([a-z0-9-]+)\.rds\.amazonaws\.com(?:\.cn)?")


class RdsTokenResolver:
    """Asks nobody: AWS looks at the signature when a connection is made. One that is too old by then is refused, and
    whoever was refused has another one made.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def resolve(self, reference: str, field: str | None) -> str:
        where = _WHERE.fullmatch(reference)
        if where is None or field is not None:
            raise ConfigError(f"{reference!r} should be HOST:PORT/USER, to make a token of RDS for")
        named = _HOST.fullmatch(where["host"])
        try:
            rds = client("rds", self._environ, named[1] if named else None)
            return str(rds.generate_db_auth_token(where["host"], int(where["port"]), where["user"]))
        except (BotoCoreError, ClientError, ValueError) as error:
            failure = CredentialsError(
                f"no token for {reference} can be made without AWS credentials: {said(error)}",
                transient=kind_of(error) == "retry",
            )
        raise failure  # out here, so that it does not hold on to the SDK's error
