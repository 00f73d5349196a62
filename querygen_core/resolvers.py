"""Where `${secret:env:…}` and `${secret:file:…}` come from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from querygen_core.api import Context
from querygen_core.errors import CredentialsError

_MOST_BYTES = 1 << 16


class EnvResolver:
    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def resolve(self, reference: str, field: str | None) -> str:
        value = self._environ.get(reference)
        if not value:
            state = "not set" if value is None else "empty"
            raise CredentialsError(f"the secret in the environment variable {reference} is {state}")
        return pick(value, field, f"the environment variable {reference}")


class FileResolver:
    """For mounted secrets (`/run/secrets/…`). One line feed at the end is not part of the value."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def resolve(self, reference: str, field: str | None) -> str:
        value = _read(self._context.find(reference))
        if not value:
            raise CredentialsError(f"the secret file {reference} is empty")
        return pick(value, field, f"the file {reference}")


def pick(value: str, field: str | None, origin: str) -> str:
    """The whole value, or one field of it if it is a JSON object.

    Raises:
        CredentialsError: it has no such field.
    """
    if field is None:
        return value
    try:
        found = json.loads(value)[field]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise CredentialsError(f"the secret in {origin} is no JSON object with a field {field!r}") from None
    if not isinstance(found, str | int) or isinstance(found, bool) or found == "":
        raise CredentialsError(f"the field {field!r} of the secret in {origin} is not text")
    return str(found)


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
