"""A handle on a secret value: fetched once, when it is needed; what prints it sees only where it comes from."""

from __future__ import annotations

import json
from collections.abc import Callable
from threading import Lock
from typing import Any, NoReturn

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from querygen_core.contracts.errors import CredentialsError
from querygen_core.secrets.masking import register

_ABSENT = object()


class Secret:
    """A lazy handle on a secret value. Printing, logging or dumping it shows its reference, never its value.

    In YAML: `${secret:env:NAME}`, `${secret:file:/path}`, or a plugin's resolver. Checking a config fetches none.
    """

    __slots__ = ("_fetch", "_lock", "_reload", "_reloads", "_value", "reference")

    def __init__(self, reference: str, fetch: Callable[[], str], reload: Callable[[], str] | None = None) -> None:
        self.reference = reference
        self._fetch = fetch
        self._reload = reload or fetch
        self._reloads = 0
        self._value: str | None = None
        self._lock = Lock()

    @classmethod
    def plain(cls, value: str) -> Secret:
        """A secret written out in the config. Its reference is `***`."""
        secret = cls("***", lambda: value)
        register(value)
        return secret

    def reveal(self) -> str:
        """The value. Fetched at the first call, which may read a file or the network.

        Raises:
            QuerygenError: from the resolver, if it is missing or must not be read.
        """
        with self._lock:
            if self._value is None:
                self._value = _registered(self._fetch())
            return self._value

    def refresh(self, refused: str | None = None) -> str:
        """Fetch the value again, for a secret that was rotated while the job ran. Concurrent callers share one fetch.

        refused: the value that was refused. If the secret has another one by now, that is returned without a fetch.

        Raises:
            QuerygenError: from the resolver; the value stays as it was.
        """
        reloads_before = self._reloads  # read before the lock: a change tells that another thread fetched meanwhile
        with self._lock:
            is_newer = self._reloads != reloads_before or refused not in (None, self._value)
            if self._value is None or not is_newer:
                self._value = _registered(self._reload())
                self._reloads += 1
            return self._value

    def __repr__(self) -> str:
        return f"Secret({self.reference})"

    def __str__(self) -> str:
        return self.reference

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret cannot be pickled")

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls._validate,
            serialization=core_schema.plain_serializer_function_ser_schema(lambda secret: secret.reference),
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"type": "string", "format": "password", "description": "A secret by reference: ${secret:env:NAME}."}

    @classmethod
    def _validate(cls, value: object) -> Secret:
        if isinstance(value, Secret):
            return value
        if isinstance(value, str) and value:
            return cls.plain(value)
        raise ValueError("should be a secret, by reference: ${secret:env:NAME}")


def field_of(value: str, field: str | None, origin: str) -> str:
    """The whole value, or one field of a value that is a JSON object. For resolvers.

    origin: where the value comes from, for messages: `the file key.json`.

    Raises:
        CredentialsError: it has no such field.
    """
    if field is None:
        return value
    content = _member(value, field)
    if content is _ABSENT:
        raise CredentialsError(f"the secret in {origin} is not a JSON object with a field {field!r}")
    if not isinstance(content, str | int) or isinstance(content, bool) or content == "":
        raise CredentialsError(f"the field {field!r} of the secret in {origin} is not text")
    return str(content)


def _member(value: str, field: str) -> object:
    """The field, or `_ABSENT`. JSON's own errors hold the whole text, secret included, so none leaves this function."""
    try:
        return json.loads(value)[field]
    except (ValueError, KeyError, TypeError, RecursionError):
        return _ABSENT


def _registered(value: str) -> str:
    register(value)
    return value
