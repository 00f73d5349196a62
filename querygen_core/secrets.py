"""A secret is a handle: it is fetched when it is needed, once, and shows only where it comes from."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Any, NoReturn

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from querygen_core.masking import register


class Secret:
    """A lazy handle on a secret value. Printing, logging or dumping it shows its reference, never its value.

    In YAML: `${secret:env:NAME}`, `${secret:file:/path}`, or a plugin's resolver. Checking a config fetches none.
    """

    __slots__ = ("_fetch", "_lock", "_value", "reference")

    def __init__(self, reference: str, fetch: Callable[[], str]) -> None:
        self.reference = reference
        self._fetch = fetch
        self._value: str | None = None
        self._lock = Lock()

    @classmethod
    def plain(cls, value: str) -> Secret:
        """A secret whose value is at hand already; its reference says nothing about it."""
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
                value = self._fetch()
                register(value)
                self._value = value
            return self._value

    def refresh(self) -> str:
        """Forget the value and fetch it again, for a secret that was rotated while the job ran."""
        with self._lock:
            self._value = None
        return self.reveal()

    def __repr__(self) -> str:
        return f"Secret({self.reference})"

    def __str__(self) -> str:
        return self.reference

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is not pickled")

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls._validate,
            serialization=core_schema.plain_serializer_function_ser_schema(lambda secret: secret.reference),
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"type": "string", "description": "a secret, by reference: ${secret:env:NAME}"}

    @classmethod
    def _validate(cls, value: object) -> Secret:
        if isinstance(value, Secret):
            return value
        if isinstance(value, str) and value:
            return cls.plain(value)
        raise ValueError("should be a secret, by reference: ${secret:env:NAME}")
