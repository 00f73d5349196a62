"""What went wrong between us, AWS Batch and the bucket, in words of ours."""

from __future__ import annotations

from querygen_aws.failures import kind_of, said
from querygen_core.api import ConfigError, CredentialsError, QuerygenError, Stopped


class Busy(QuerygenError):
    """It may work in a moment; a scheduler should try again."""

    exit_code = Stopped.exit_code


def explain(error: Exception, what: str, right: str) -> QuerygenError:
    """right: the permission that the call takes. Batch answers a wrong name, whatever of, with `ClientException`."""
    match kind_of(error):
        case "denied":
            return CredentialsError(f"{what}: refused ({said(error)}); it takes {right}")
        case "retry":
            return Busy(f"{what}: not now ({said(error)}); run it again")
        case _:
            return ConfigError(f"{what}: {said(error)}; check `submit` in the config, the region and the account")
