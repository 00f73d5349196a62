"""The objects that plugins build, with their guard and their optional abilities."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from pydantic import BaseModel

from querygen_core.api import (
    CachesSecrets,
    Checkable,
    Closable,
    Context,
    Database,
    Entry,
    HasDatabase,
    KeepsObjects,
    Options,
    ResolvesLocally,
    Secret,
    SecretResolver,
    StoredObject,
)
from querygen_core.registry.declarations import Registered
from querygen_core.registry.guard import PluginGuard
from querygen_core.registry.kinds import ComponentKind, first_missing, members_of

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

_DATABASE = members_of(Database)
_IN_DATABASES = ("input", "preprocessor", "sink")  # the kinds whose objects may live in a database


@dataclass(frozen=True, slots=True)
class BuiltComponent(Generic[T_co]):
    """A plugin's object. Its abilities are looked up once, when it is built, never at a call."""

    use: str
    """`plugin/component`."""
    instance: T_co
    """The plugin's object itself, which has every member that its kind demands."""
    guard: PluginGuard
    """Every call of the object's methods happens within it."""
    checkable: Checkable | None = None
    """The object, if it can be checked."""
    closable: Closable | None = None
    """The object, if it must be closed."""
    database: Database | None = None
    """The database that it lives in, if it does."""
    secrets: tuple[Secret, ...] = ()
    """The secrets in its options."""
    path: str = ""
    """Its place in the config, such as `sinks[0]`; "" if it has none."""

    async def check(self) -> None:
        """Fetch its secrets and, if it can be checked, check it.

        Raises:
            QuerygenError: of a resolver, or of the object.
        """
        for secret in self.secrets:
            await asyncio.to_thread(secret.reveal)
        if self.checkable is not None:
            with self.guard:
                await self.checkable.check()


def build_component(
    registered: Registered, kind: ComponentKind[T], options: Options, context: Context, *, path: str = ""
) -> BuiltComponent[T]:
    """Build a component's object. path: its place in the config, for messages.

    Raises:
        PluginError: building failed, or the object lacks a member that its kind demands. QuerygenError: of the plugin.
    """
    # Before the run the user looks for the mistake in the config, so these messages name the place in it.
    building = registered.guard(failed="cannot be built", path=path)
    with building:
        instance: object = registered.component.build(options, context)
    if missing := kind.missing(instance):
        raise building.violation(f"it has no {missing!r}")
    with building:  # to ask whether an object has an attribute reads it, and a property is the plugin's code
        checkable = instance if isinstance(instance, Checkable) else None
        closable = instance if isinstance(instance, Closable) else None
    return BuiltComponent(
        registered.use,
        kind.typed(instance),
        registered.guard(kind.error),
        checkable=checkable,
        closable=closable,
        database=_database_of(instance, building) if kind.name in _IN_DATABASES else None,
        secrets=tuple(_secrets_in(options)),
        path=path,
    )


def _secrets_in(value: object) -> Iterator[Secret]:
    """Every secret in options, however deep."""
    if isinstance(value, Secret):
        yield value
    elif isinstance(value, BaseModel):
        for _, item in value:
            yield from _secrets_in(item)
    elif isinstance(value, Mapping | list | tuple | set | frozenset):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _secrets_in(item)


def _database_of(instance: object, guard: PluginGuard) -> Database | None:
    with guard:
        database = instance.database if isinstance(instance, HasDatabase) else None
    if database is not None and (missing := first_missing(_DATABASE, database)):
        raise guard.violation(f"its database has no {missing!r}")
    return database


@dataclass(frozen=True, slots=True)
class GuardedResolver:
    """A secret resolver behind its guard: what it returns is text, and its errors quote no value."""

    component: BuiltComponent[SecretResolver]
    """The resolver itself."""
    cache: CachesSecrets | None
    """The resolver, if it keeps what it fetched."""
    is_local: bool = False
    """Whether it reaches no further than this machine."""

    @classmethod
    def of(cls, component: BuiltComponent[SecretResolver]) -> GuardedResolver:
        instance = component.instance
        with component.guard:
            is_local = isinstance(instance, ResolvesLocally) and instance.is_local is True
        return cls(component, instance if isinstance(instance, CachesSecrets) else None, is_local)

    def resolve(self, reference: str, field: str | None) -> str:
        """The value behind a reference.

        Raises:
            QuerygenError: as `SecretResolver.resolve`. PluginError: the resolver has a bug.
        """
        with self.component.guard:
            value: object = self.component.instance.resolve(reference, field)
        if not isinstance(value, str):
            raise self.component.guard.violation(f"it returned {type(value).__name__}, not text")
        return value

    def forget(self, reference: str) -> None:
        """Make sure that the next `resolve` fetches the secret again."""
        if self.cache is not None:
            with self.component.guard:
                self.cache.forget(reference)


@dataclass(frozen=True, slots=True)
class GuardedObjects:
    """An object store behind its guard. Implements `KeepsObjects`."""

    store: KeepsObjects
    """The storage itself."""
    guard: PluginGuard
    """Turns what it must not raise into an error that names it."""

    def get(self, url: str) -> StoredObject | None:
        with self.guard:
            return self.store.get(url)

    def create(self, url: str, body: bytes) -> StoredObject | None:
        with self.guard:
            return self.store.create(url, body)

    def replace(self, url: str, body: bytes, etag: str) -> str | None:
        with self.guard:
            return self.store.replace(url, body, etag)

    def delete(self, url: str) -> None:
        with self.guard:
            self.store.delete(url)

    def entries(self, url: str) -> Iterator[Entry]:
        with self.guard:
            yield from self.store.entries(url)

    def now(self, url: str) -> datetime:
        with self.guard:
            return self.store.now(url)
