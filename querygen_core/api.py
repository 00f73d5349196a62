"""Everything that a plugin imports from querygen, together with `querygen_core.formats` (the query files that sinks
write), which is part of the same versioned interface. A plugin's tests also import `querygen_core.testing`.

A plugin is an installed package with an entry point in the group `querygen`. Its module *declares*: for each kind of
component it offers, a function `querygen_<kind>s` marked `@hookimpl` that returns `Component`s. Declaring must be
cheap: no SDK is imported until a component's `build` is called, which happens only if a config names it. Building a
component must not spend money or need the network; that is for `check`, `read`, `complete`, `apply`.

Within one major of `API`, records and protocols only gain fields with defaults and optional protocols. A plugin says
which major it was written for with a module attribute `querygen_api = 1`.

`__all__` below lists the names by the kind of component that needs them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Generic, TypeVar

import pluggy
from pydantic import BaseModel, ConfigDict

from querygen_core.contracts.abilities import (
    BatchesEvents,
    CachesSecrets,
    Checkable,
    ChecksLocally,
    Closable,
    CountsTokens,
    HasDatabase,
    HasExample,
    HasFingerprint,
    HasPlan,
    KeepsObjects,
    KeepsRun,
    ReadsVolatile,
    ReportsProgress,
    ResolvesLocally,
    TakesSamples,
)
from querygen_core.contracts.canonical import plain
from querygen_core.contracts.characters import HiddenCharacters
from querygen_core.contracts.context import Context, Shard, partition_of
from querygen_core.contracts.dead_letter import LETTER_KINDS, DeadLetter, LetterKind, RunRecord
from querygen_core.contracts.errors import (
    AnswerError,
    ConfigError,
    CredentialsError,
    InputError,
    JournalError,
    MissingInput,
    ProviderError,
    QuerygenError,
    SinkError,
    Stopped,
    UsageError,
)
from querygen_core.contracts.file_use import FileUse
from querygen_core.contracts.price import Price
from querygen_core.contracts.protocols import (
    Ask,
    BatchProvider,
    Capabilities,
    Database,
    Generator,
    Input,
    Observer,
    Postprocessor,
    Preprocessor,
    Prompt,
    Provider,
    SecretResolver,
    Sink,
    SnapshotSink,
    Storage,
)
from querygen_core.contracts.quota import quota_lasts
from querygen_core.contracts.records import (
    Answer,
    Entry,
    Event,
    Finding,
    Outcome,
    Product,
    Query,
    Receipt,
    Reject,
    Request,
    Response,
    ResultSet,
    StoredObject,
    Usage,
    Want,
)
from querygen_core.contracts.submission import Failure, JobSpec, Progress, Submission, Submitter
from querygen_core.contracts.threads import ThreadPool
from querygen_core.products import read_product
from querygen_core.secrets.masking import mask
from querygen_core.secrets.secret import Secret, field_of
from querygen_core.strict_yaml.suggest import did_you_mean

__all__ = [  # noqa: RUF022 - in the order of a reader who writes one kind of component
    # Every plugin: declaring its components
    "API",
    "Component",
    "Context",
    "FileUse",
    "ModelName",
    "Options",
    "PromptName",
    "Secret",
    "Shard",
    "hookimpl",
    # Every plugin: errors, each with a kind that decides the exit code
    "ConfigError",
    "CredentialsError",
    "QuerygenError",
    "UsageError",
    # Every plugin: abilities that an object of several kinds may have
    "Checkable",
    "Closable",
    # Every plugin: code that all of them need in the same way
    "HiddenCharacters",
    "ThreadPool",
    "did_you_mean",
    "field_of",
    "mask",
    "plain",
    # Inputs and preprocessors
    "ChecksLocally",
    "Input",
    "InputError",
    "MissingInput",
    "Preprocessor",
    "Product",
    "Reject",
    "ReportsProgress",
    "read_product",
    # Providers
    "BatchProvider",
    "Capabilities",
    "CountsTokens",
    "Price",
    "Provider",
    "ProviderError",
    "Request",
    "Response",
    "Usage",
    "quota_lasts",
    # Generators and postprocessors
    "Answer",
    "AnswerError",
    "Ask",
    "Generator",
    "HasFingerprint",
    "HasPlan",
    "Postprocessor",
    "Prompt",
    "Query",
    "ReadsVolatile",
    "Stopped",
    "Want",
    # Sinks
    "LETTER_KINDS",
    "DeadLetter",
    "KeepsRun",
    "LetterKind",
    "Outcome",
    "Receipt",
    "RunRecord",
    "Sink",
    "SinkError",
    "SnapshotSink",
    "TakesSamples",
    "partition_of",
    # Inputs, preprocessors and sinks that live in a database
    "Database",
    "Finding",
    "HasDatabase",
    "HasExample",
    "ResultSet",
    # Observers
    "BatchesEvents",
    "Event",
    "Observer",
    # Secret resolvers
    "CachesSecrets",
    "ResolvesLocally",
    "SecretResolver",
    # Storages
    "Entry",
    "JournalError",
    "KeepsObjects",
    "Storage",
    "StoredObject",
    # Submitters
    "Failure",
    "JobSpec",
    "Progress",
    "Submission",
    "Submitter",
]

API = 1
"""The major of this interface. A plugin of another major is refused, naming both."""

hookspec = pluggy.HookspecMarker("querygen")
hookimpl = pluggy.HookimplMarker("querygen")
"""Marks a function of a plugin's module as the declaration of its components of one kind."""


class Options(BaseModel):
    """Base of every component's options: immutable, unknown keys are errors, every field described."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False, arbitrary_types_allowed=False)

    not_in_key: ClassVar[frozenset[str]] = frozenset()
    """The options that cannot change a result (timeouts, addresses, concurrency). All others, secrets apart, are part
    of the request keys and outcome keys of whatever uses the component.
    """

    def files_used(self, context: Context) -> Iterable[FileUse]:  # noqa: ARG002 - for those that override it
        """The local files that the component with these options will read or write. context: as `build` gets it.

        A job in which one component writes what another one reads or writes is refused before it begins, whatever the
        spelling. Opens nothing.
        """
        return ()


class ModelRef:
    """Marks an option as the name of an entry under `models:`; the config is refused if there is none."""


class PromptRef:
    """Marks an option as the name or path of a prompt file; it is loaded when the config is checked."""


ModelName = Annotated[str, ModelRef()]
"""Type of an option that holds the name of an entry under `models:`."""
PromptName = Annotated[str, PromptRef()]
"""Type of an option that holds the name or path of a prompt file."""


O = TypeVar("O", bound=Options)  # noqa: E741 - O for options, as T for the thing built
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Component(Generic[O, T]):
    """The declaration of something that a config can use."""

    name: str
    """The second half of `use: plugin/name`: lower-case words joined by `-`."""
    options: type[O]
    """The pydantic model of its options in the config."""
    build: Callable[[O, Context], T]
    """Makes the object from validated options; may import an SDK, must not connect to anything."""
    summary: str
    """One line for `plugins list`: starts with a capital letter and a verb in the third person, no full stop."""


class Hooks:
    """The hooks of a plugin, one per kind of component. None of them takes an argument or does any work."""

    @hookspec
    def querygen_inputs(self) -> Iterable[Component[Any, Input]]:
        """Components that read products, for `input:`."""
        return ()

    @hookspec
    def querygen_preprocessors(self) -> Iterable[Component[Any, Preprocessor]]:
        """Components that change or reject products, for `preprocessors:`."""
        return ()

    @hookspec
    def querygen_providers(self) -> Iterable[Component[Any, Provider]]:
        """Components that call a model API, for `models:`."""
        return ()

    @hookspec
    def querygen_generators(self) -> Iterable[Component[Any, Generator]]:
        """Components that make queries, for `generators:`."""
        return ()

    @hookspec
    def querygen_postprocessors(self) -> Iterable[Component[Any, Postprocessor]]:
        """Components that repair or drop one product's queries, for `postprocessors:`."""
        return ()

    @hookspec
    def querygen_sinks(self) -> Iterable[Component[Any, Sink]]:
        """Components that store queries, for `sinks:`."""
        return ()

    @hookspec
    def querygen_observers(self) -> Iterable[Component[Any, Observer]]:
        """Components that receive events, for `observers:`."""
        return ()

    @hookspec
    def querygen_secrets(self) -> Iterable[Component[Any, SecretResolver]]:
        """Components that fetch `${secret:<plugin>/<name>:…}`; built with default options."""
        return ()

    @hookspec
    def querygen_storages(self) -> Iterable[Component[Any, Storage]]:
        """Components that read the URLs of one scheme, their name, and may keep objects there; built with default
        options.
        """
        return ()

    @hookspec
    def querygen_submitters(self) -> Iterable[Component[Any, Submitter]]:
        """Components that run a job in shards on other machines, for `submit:`."""
        return ()
