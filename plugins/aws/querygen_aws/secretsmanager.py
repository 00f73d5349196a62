"""`${secret:aws/secretsmanager:NAME#field}`: one request per secret, however many of its fields are used."""

from __future__ import annotations

from collections.abc import Mapping
from threading import Lock

from botocore.exceptions import BotoCoreError, ClientError

from querygen_aws.clients import client
from querygen_aws.errors import code_of, describe_error, kind_of
from querygen_core.api import ConfigError, CredentialsError, QuerygenError, field_of

_PERMISSIONS = (
    "the job's role needs secretsmanager:GetSecretValue on it, and kms:Decrypt if it is encrypted with your own key"
)
_UNREACHABLE = "a private subnet needs a NAT gateway or a VPC endpoint for secretsmanager"


class SecretsManagerResolver:
    """Caches the text of each secret until `forget`."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._texts: dict[str, str] = {}
        self._lock = Lock()

    def resolve(self, reference: str, field: str | None) -> str:
        with self._lock:
            if reference not in self._texts:
                self._texts[reference] = self._fetch(reference)
            text = self._texts[reference]
        return field_of(text, field, f"Secrets Manager's {reference}")

    def forget(self, reference: str) -> None:
        with self._lock:
            self._texts.pop(reference, None)

    def _fetch(self, name: str) -> str:
        try:
            response = client("secretsmanager", self._environ, _region_of(name)).get_secret_value(SecretId=name)
        except ConfigError:
            failure: QuerygenError = ConfigError(f"no AWS region is set to read the secret {name} from; set AWS_REGION")
        except (BotoCoreError, ClientError, ValueError) as error:
            failure = _failure(name, error)
        else:
            return _text(name, response)
        raise failure  # outside of `except`, so that it does not keep a reference to the SDK's error and its request


def _region_of(name: str) -> str | None:
    """Return the region in an ARN, such as `arn:aws:secretsmanager:eu-west-1:123456789012:secret:NAME`."""
    parts = name.split(":")
    return parts[3] if len(parts) > 5 and parts[0] == "arn" else None


def _text(name: str, response: Mapping[str, object]) -> str:
    if response.get("SecretBinary") is not None:
        raise CredentialsError(f"the secret {name} is binary; store it as text, in SecretString")
    text = str(response.get("SecretString") or "")
    if not text:
        raise CredentialsError(f"the secret {name} is empty")
    return text


def _failure(name: str, error: Exception) -> QuerygenError:
    kind, code = kind_of(error), code_of(error) if isinstance(error, ClientError) else ""
    reason = describe_error(error).rstrip(".")
    if kind == "retry":
        advice = "" if code else f"; {_UNREACHABLE}"
        return CredentialsError(f"the secret {name} cannot be fetched at the moment: {reason}{advice}", transient=True)
    if kind == "missing":
        message = f"the secret {name} does not exist: {reason}; check its name, the account and the region"
    elif kind == "denied" and not code:
        message = f"the secret {name} cannot be fetched without AWS credentials: {reason}"
    elif kind == "denied" or code == "DecryptionFailure":
        message = f"access to the secret {name} is denied: {reason}; {_PERMISSIONS}"
    elif code == "InvalidRequestException":
        message = f"the secret {name} cannot be read: {reason}; if it was deleted, restore it or name another"
    else:
        message = f"the secret {name} cannot be read: {reason}"
    return CredentialsError(message)
