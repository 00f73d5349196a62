"""The kinds of components, each with the protocol that its objects must satisfy."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar, cast, get_args

from querygen_core.api import (
    Generator,
    Input,
    Observer,
    Postprocessor,
    Preprocessor,
    Provider,
    SecretResolver,
    Sink,
    Storage,
    Submitter,
)
from querygen_core.contracts.errors import InputError, PluginError

Kind = Literal[
    "input",
    "preprocessor",
    "provider",
    "generator",
    "postprocessor",
    "sink",
    "observer",
    "secret",
    "storage",
    "submitter",
]
KINDS: tuple[Kind, ...] = get_args(Kind)

T = TypeVar("T")


def members_of(protocol: type) -> tuple[str, ...]:
    """The public attributes and methods that a protocol demands, those of its bases included, sorted."""
    names = {name for base in protocol.__mro__ if base is not object for name in (*vars(base), *base.__annotations__)}
    return tuple(sorted(name for name in names if not name.startswith("_")))


def first_missing(members: Iterable[str], instance: object) -> str | None:
    """The first of `members` that `instance` lacks, or None.

    By `dir`, because reading an attribute could run the plugin's code. An object with a `__getattr__`, such as a proxy,
    may answer to any name and is taken at its word.
    """
    if "__getattr__" in dir(type(instance)):
        return None
    names = {*dir(instance)}
    return next((name for name in members if name not in names), None)


@dataclass(frozen=True, slots=True)
class ComponentKind(Generic[T]):
    """A kind of component, of which the objects are of type `T`."""

    name: Kind
    """As declarations and configs know it; the hook is `querygen_<name>s`."""
    members: tuple[str, ...]
    """The names that every object of this kind must have."""
    error: type[PluginError | InputError] = PluginError
    """The class of error that a stray exception of such a component becomes."""

    def typed(self, instance: object) -> T:
        """`instance` as the type that the kind's builder declares; `missing` tells whether it is one."""
        return cast("T", instance)

    def missing(self, instance: object) -> str | None:
        """The first required member that `instance` lacks, or None. Reads none of them: a property may do work."""
        return first_missing(self.members, instance)


INPUT: ComponentKind[Input] = ComponentKind("input", members_of(Input), InputError)
PREPROCESSOR: ComponentKind[Preprocessor] = ComponentKind("preprocessor", members_of(Preprocessor))
PROVIDER: ComponentKind[Provider] = ComponentKind("provider", members_of(Provider))
GENERATOR: ComponentKind[Generator] = ComponentKind("generator", members_of(Generator))
POSTPROCESSOR: ComponentKind[Postprocessor] = ComponentKind("postprocessor", members_of(Postprocessor))
SINK: ComponentKind[Sink] = ComponentKind("sink", members_of(Sink))
OBSERVER: ComponentKind[Observer] = ComponentKind("observer", members_of(Observer))
SECRET: ComponentKind[SecretResolver] = ComponentKind("secret", members_of(SecretResolver))
STORAGE: ComponentKind[Storage] = ComponentKind("storage", members_of(Storage))
SUBMITTER: ComponentKind[Submitter] = ComponentKind("submitter", members_of(Submitter))


def noun_of(kind: Kind) -> str:
    """The kind's name in a sentence."""
    return "secret resolver" if kind == "secret" else kind
