from __future__ import annotations

from querygen_core.api import Context, CredentialsError


class EnvFile:
    """Resolves `${secret:yourname/env-file:PATH#KEY}`. Keeps nothing, so that a changed file is read anew."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def resolve(self, reference: str, field: str | None) -> str:
        """The value of one key. No message holds a line of the file: any of them may be a secret."""
        path = self._context.find(reference)
        try:
            text = path.read_text("utf-8")
        except OSError as exc:
            raise CredentialsError(
                f"the secrets file {path} cannot be read: {exc.strerror}"
            ) from None
        except ValueError:
            raise CredentialsError(
                f"the secrets file {path} is not UTF-8 text"
            ) from None
        if field is None:
            raise CredentialsError(
                f"the reference to {path} names no key; put it behind a #: {path}#KEY"
            )
        for line in text.splitlines():
            key, separator, value = line.removeprefix("export ").partition("=")
            if separator and key.strip() == field and value.strip():
                return value.strip().strip("'\"")
        raise CredentialsError(f"the secrets file {path} has no value for {field}")
