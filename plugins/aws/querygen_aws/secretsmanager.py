"""`${secret:aws/secretsmanager:NAME#field}`: one request for each secret, however many of its fields are wanted."""

from __future__ import annotations

from collections.abc import Mapping
from threading import Lock

from botocore.exceptions import BotoCoreError, ClientError

from querygen_aws.clients import client
from querygen_aws.failures import code_of, kind_of, said
from querygen_core.api import ConfigError, CredentialsError, QuerygenError, field_of

_RIGHTS = "the job's role needs secretsmanager:GetSecretValue on it, and kms:Decrypt if a key of your own encrypts it"
_UNREACHABLE = "in a private subnet it takes a NAT gateway or a VPC endpoint of secretsmanager"


class SecretsManagerResolver:
    """Keeps each secret as it came, until it is told to forget it."""

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
            found = client("secretsmanager", self._environ, _region_of(name)).get_secret_value(SecretId=name)
        except ConfigError:
            failure: QuerygenError = ConfigError(f"there is no AWS region to read the secret {name} in; set AWS_REGION")
        except (BotoCoreError, ClientError, ValueError) as error:
            failure = _failure(name, error)
        else:
            return _text(name, found)
        raise failure  # out here, so that it does not hold on to the SDK's error, and the request in it


def _region_of(name: str) -> str | None:
    """An ARN says where it is: `arn:aws:secretsmanager:eu-west-1:123456789012:secret:NAME`."""
    parts = name.split(":")
    return parts[3] if len(parts) > 5 and parts[0] == "arn" else None


def _text(name: str, found: Mapping[str, object]) -> str:
    if found.get("SecretBinary") is not None:
        raise CredentialsError(f"the secret {name} is binary; keep it as text, in SecretString")
    text = str(found.get("SecretString") or "")
    if not text:
        raise CredentialsError(f"the secret {name} is empty")
    return text


def _failure(name: str, error: Exception) -> QuerygenError:
    kind, code = kind_of(error), code_of(error) if isinstance(error, ClientError) else ""
    why = said(error).rstrip(".")
    if kind == "retry":
        advice = "" if code else f"; {_UNREACHABLE}"
        return CredentialsError(f"the secret {name} cannot be fetched now: {why}{advice}", transient=True)
    if kind == "missing":
        message = f"the secret {name} is not there: {why}; check its name, the account and the region"
    elif kind == "denied" and not code:
        message = f"the secret {name} cannot be fetched without AWS credentials: {why}"
    elif kind == "denied" or code == "DecryptionFailure":
        message = f"the secret {name} must not be read: {why}; {_RIGHTS}"
    elif code == "InvalidRequestException":
        message = f"the secret {name} cannot be read: {why}; if it was deleted, restore it or name another"
    else:
        message = f"the secret {name} cannot be read: {why}"
    return CredentialsError(message)
