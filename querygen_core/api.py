"""What a plugin imports, and all that it imports, from querygen.

A plugin is an installed package with an entry point in the group `querygen`. Its module *declares*: for each kind of
part it offers, a function `querygen_<kind>` marked `@hookimpl` that returns `Component`s. Declaring must be cheap: no
SDK is imported until a component's `build` is called, which happens only if a config names it. Building and checking
a component must not spend money or need the network; that is for `check`, `read`, `complete`, `apply`.

Within one major of `API`, records and protocols only gain fields with defaults and optional methods. A plugin says
which major it was written for with a module attribute `querygen_api = 1`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Generic, TypeVar

import pluggy
from pydantic import BaseModel, ConfigDict

from querygen_core.context import PARTITIONS, Context, Shard, partition_of
from querygen_core.errors import (
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
from querygen_core.journal.interface import Journal, Kept, LocalJournal
from querygen_core.masking import mask
from querygen_core.price import Price
from querygen_core.products import read_product
from querygen_core.protocols import (
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
from querygen_core.records import (
    Answer,
    Fact,
    Finding,
    Outcome,
    Product,
    Query,
    Receipt,
    Reject,
    Request,
    Response,
    ResultSet,
    Usage,
    Want,
)
from querygen_core.secrets import Secret, field_of
from querygen_core.submission import Failure, Order, Progress, Submission, Submitter

__all__ = [
    "API",
    "PARTITIONS",
    "Answer",
    "AnswerError",
    "Ask",
    "BatchProvider",
    "Capabilities",
    "Component",
    "ConfigError",
    "Context",
    "CredentialsError",
    "Database",
    "Fact",
    "Failure",
    "Finding",
    "Generator",
    "Input",
    "InputError",
    "Journal",
    "JournalError",
    "Kept",
    "LocalJournal",
    "MissingInput",
    "ModelName",
    "Observer",
    "Options",
    "Order",
    "Outcome",
    "Postprocessor",
    "Preprocessor",
    "Price",
    "Product",
    "Progress",
    "Prompt",
    "PromptName",
    "Provider",
    "ProviderError",
    "Query",
    "QuerygenError",
    "Receipt",
    "Reject",
    "Request",
    "Response",
    "ResultSet",
    "Secret",
    "SecretResolver",
    "Shard",
    "Sink",
    "SinkError",
    "SnapshotSink",
    "Stopped",
    "Storage",
    "Submission",
    "Submitter",
    "Usage",
    "UsageError",
    "Want",
    "field_of",
    "hookimpl",
    "mask",
    "partition_of",
    "read_product",
]

API = 1
"""The major of this interface. A plugin of another major is refused, naming both."""

hookspec = pluggy.HookspecMarker("querygen")
hookimpl = pluggy.HookimplMarker("querygen")


class Options(BaseModel):
    """Base of every component's options: immutable, unknown keys are errors, every field described.

    `not_in_key` names the options that cannot change a result (timeouts, addresses, concurrency). All others, secrets
    apart, are part of the request keys and outcome keys of whatever uses the component.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False, arbitrary_types_allowed=False)

    not_in_key: ClassVar[frozenset[str]] = frozenset()


class NamesAModel:
    """Marks an option as the name of an entry under `models:`; the config is refused if there is none."""


class NamesAPrompt:
    """Marks an option as the name or path of a prompt file; it is loaded when the config is checked."""


ModelName = Annotated[str, NamesAModel()]
PromptName = Annotated[str, NamesAPrompt()]


O = TypeVar("O", bound=Options)  # noqa: E741 - O for options, as T for the thing built
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Component(Generic[O, T]):
    """A named, configurable part: `name` in `use: plugin/name`.

    options: its pydantic model. build: makes the object; may import an SDK, must not connect. summary: one line.
    """

    name: str
    options: type[O]
    build: Callable[[O, Context], T]
    summary: str


class Hooks:
    """What a plugin may declare. One hook per kind; none of them takes an argument or does any work."""

    @hookspec
    def querygen_inputs(self) -> Iterable[Component[Any, Input]]:
        """Sources of products, for `input:`."""
        return ()

    @hookspec
    def querygen_preprocessors(self) -> Iterable[Component[Any, Preprocessor]]:
        """Steps on products, for `preprocessors:`."""
        return ()

    @hookspec
    def querygen_providers(self) -> Iterable[Component[Any, Provider]]:
        """Model APIs, for `models:`."""
        return ()

    @hookspec
    def querygen_generators(self) -> Iterable[Component[Any, Generator]]:
        """Makers of queries, for `generators:`."""
        return ()

    @hookspec
    def querygen_postprocessors(self) -> Iterable[Component[Any, Postprocessor]]:
        """Steps on one product's queries, for `postprocessors:`."""
        return ()

    @hookspec
    def querygen_sinks(self) -> Iterable[Component[Any, Sink]]:
        """Places that hold the queries, for `sinks:`."""
        return ()

    @hookspec
    def querygen_observers(self) -> Iterable[Component[Any, Observer]]:
        """Listeners to facts, for `observers:`."""
        return ()

    @hookspec
    def querygen_journals(self) -> Iterable[Component[Any, Journal]]:
        """Durable memories, for `journal:`."""
        return ()

    @hookspec
    def querygen_secrets(self) -> Iterable[Component[Any, SecretResolver]]:
        """Resolvers of `${secret:<plugin>/<name>:…}`; built with default options."""
        return ()

    @hookspec
    def querygen_storages(self) -> Iterable[Component[Any, Storage]]:
        """Readers of URL schemes; built with default options."""
        return ()

    @hookspec
    def querygen_submitters(self) -> Iterable[Component[Any, Submitter]]:
        """Places that run a job in shards, for `submit:`."""
        return ()
