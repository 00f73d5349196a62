"""The resolvers of `${secret:env:…}` and `${secret:file:…}`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from querygen_core.api import Context, field_of
from querygen_core.contracts.errors import CredentialsError

_MOST_BYTES = 1 << 16


class EnvResolver:
    """Reads secrets from the environment. An empty variable counts as missing."""

    is_local = True

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def resolve(self, reference: str, field: str | None) -> str:
        value = self._environ.get(reference)
        if not value:
            state = "not set" if value is None else "empty"
            raise CredentialsError(f"the secret in the environment variable {reference} is {state}")
        return field_of(value, field, f"the environment variable {reference}")


class FileResolver:
    """For mounted secrets (`/run/secrets/…`). One line feed at the end is not part of the value."""

    is_local = True

    def __init__(self, context: Context) -> None:
        self._context = context

    def resolve(self, reference: str, field: str | None) -> str:
        value = _read(self._context.find(reference))
        if not value:
            raise CredentialsError(f"the secret file {reference} is empty")
        return field_of(value, field, f"the file {reference}")


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except (OSError, ValueError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else str(exc)
        raise CredentialsError(f"the secret file {path} cannot be read: {reason}") from None
    if len(content) > _MOST_BYTES:
        raise CredentialsError(f"the secret file {path} is larger than 64 KiB")
    try:
        return content.decode("utf-8").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise CredentialsError(f"the secret file {path} is not UTF-8") from None
