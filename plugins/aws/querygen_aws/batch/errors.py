"""Translation of the errors of AWS Batch and of the bucket it reads from."""

from __future__ import annotations

from querygen_aws.errors import describe_error, kind_of
from querygen_core.api import ConfigError, CredentialsError, QuerygenError


class TemporaryError(QuerygenError):
    """AWS is throttling or cannot be reached; a scheduler should try again."""

    kind = "retry"


def translate_error(error: Exception, subject: str, permission: str) -> QuerygenError:
    """Return the error to raise. subject: what the call was about; permission: the IAM actions that it needs.

    Batch answers every wrong name with `ClientException`, whether of queue, definition or job.
    """
    reason = describe_error(error)
    match kind_of(error):
        case "denied":
            return CredentialsError(f"{subject}: access denied ({reason}); the caller needs {permission}")
        case "retry":
            return TemporaryError(f"{subject}: not available at the moment ({reason}); run it again")
        case _:
            return ConfigError(f"{subject}: {reason}; check `submit` in the config, the region and the account")
