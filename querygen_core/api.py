"""What a plugin imports, and all that it imports, from querygen.

A plugin is an installed package with an entry point in the group `querygen`. Its module *declares*: for each kind of
part it offers, a function `querygen_<kind>` marked `@hookimpl` that returns `Component`s. Declaring must be cheap: no
SDK is imported until a component's `build` is called, which happens only if a config names it. Building and checking
a component must not spend money or need the network; that is for `check`, `read`, `complete`, `apply`.

Within one major of `API`, records and protocols only gain fields with defaults and optional methods. A plugin says
which major it was written for with a module attribute `querygen_api = 1`.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, BinaryIO, ClassVar, Generic, Protocol, TypeVar

import pluggy
from pydantic import BaseModel, ConfigDict

from querygen_core.errors import (
    AnswerError,
    ConfigError,
    InputError,
    MissingInput,
    ProviderError,
    QuerygenError,
    SinkError,
    Stopped,
)
from querygen_core.journal.interface import Journal
from querygen_core.products import read_product
from querygen_core.records import (
    Answer,
    Fact,
    Outcome,
    Product,
    Query,
    Receipt,
    Reject,
    Request,
    Response,
    Usage,
    Want,
)
from querygen_core.secrets import Secret

__all__ = [
    "API", "Answer", "AnswerError", "Ask", "BatchProvider", "Capabilities", "Component", "ConfigError", "Context",
    "Fact", "Generator", "Input", "InputError", "Journal", "MissingInput", "ModelName", "Observer", "Options",
    "Outcome", "Postprocessor", "Preprocessor", "Product", "Prompt", "PromptName", "Provider", "ProviderError", "Query",
    "QuerygenError", "Receipt", "Reject", "Request", "Response", "Secret", "SecretResolver", "Shard", "Sink",
    "SinkError", "SnapshotSink", "Stopped", "Storage", "Usage", "Want", "hookimpl", "read_product",
]  # fmt: skip

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


@dataclass(frozen=True, slots=True)
class Shard:
    """Which part of the input this process works on: `index` of `size`, from 0. Never part of any key."""

    index: int = 0
    size: int = 1


class Prompt(Protocol):
    """A prompt file, loaded and checked. `hash` covers the file and all that it includes."""

    name: str
    hash: str
    volatile: frozenset[str]

    def render(self, product: Product, want: Want, inputs: Mapping[str, Any] | None = None) -> Request:
        """The request for one product, its `model` left "". A pure function of its arguments and the files.

        Raises:
            ConfigError: the template failed on this product, with file and line.
        """
        ...


@dataclass(frozen=True, slots=True)
class Context:
    """What a component may know of its surroundings when it is built.

    job_id: as the config says, any characters. component: its own name, `plugin/component`. state_dir: this job's
    folder for state, existing and writable. config_dir: the folder of the config file. products_file and products:
    what the command line gave (`--products-file`, `--product`). environ: the process's environment.
    """

    job_id: str
    component: str
    state_dir: Path
    config_dir: Path
    shard: Shard = Shard()
    products_file: str | None = None
    products: tuple[str, ...] = ()
    environ: Mapping[str, str] = field(default_factory=dict)
    open_storage: Callable[[str], Storage] | None = None
    load_prompt: Callable[[str], Prompt] | None = None
    describe_model: Callable[[str], Mapping[str, Any]] | None = None

    @property
    def log(self) -> logging.Logger:
        """The component's own logger; its lines start with `[PLUGIN]`."""
        return logging.getLogger(f"querygen.{self.component.partition('/')[0]}")

    def find(self, path: str) -> Path:
        """An input file: from the current folder or, if it is not there, from beside the config."""
        here = Path(path).expanduser()
        beside = self.config_dir / here
        return beside if not here.exists() and beside.exists() else here

    def storage(self, url: str) -> Storage:
        """The storage for a URL's scheme (`s3://…`); a path without a scheme is a local file.

        Raises:
            ConfigError: no installed plugin reads that scheme.
        """
        if self.open_storage is None:
            raise ConfigError(f"no storage for {url!r} in this context")
        return self.open_storage(url)

    def prompt(self, name: str) -> Prompt:
        """A prompt by name (looked up in `prompts_dir`) or by path.

        Raises:
            ConfigError: it is missing or wrong, with file and line.
        """
        if self.load_prompt is None:
            raise ConfigError(f"no prompt {name!r} in this context")
        return self.load_prompt(name)

    def model(self, name: str) -> Mapping[str, Any]:
        """What identifies the model called `name` under `models:`: provider and parameters, no secret."""
        if self.describe_model is None:
            raise ConfigError(f"no model {name!r} in this context")
        return self.describe_model(name)


class Input(Protocol):
    """A source of products. Optional: `fraction() -> float | None`, how much of it has been read (0 to 1)."""

    def read(self) -> Iterator[Product | Reject]:
        """Yield records one by one, in the source's order, without holding them all. Runs in a thread of its own.

        A record that cannot be read is yielded as a `Reject` and reading goes on.

        Raises:
            MissingInput: there is no such source. InputError: it cannot be read at all.
        """
        ...


class Preprocessor(Protocol):
    async def process(self, products: Sequence[Product]) -> Sequence[Product | Reject]:
        """One result for each product, in order: the product, a changed one, or a rejection with its reason."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a provider can do. schema: how it takes a JSON Schema. free: its calls cost nothing, for the report.

    note: what a reader of the report must know of its answers, e.g. that no language model wrote them.
    """

    schema: str = "json_schema"
    free: bool = False
    batch: bool = False
    note: str = ""


class Provider(Protocol):
    """One model API. Knows nothing of products, retries nothing, keeps nothing.

    limit_key: models whose providers share it share their rate limits, e.g. `gemini/<project>/<model>`.
    """

    capabilities: Capabilities
    limit_key: str

    async def complete(self, request: Request) -> Response:
        """Send one request, return its one answer.

        Raises:
            ProviderError: classified; nothing else, and no SDK object in it.
        """
        ...

    async def aclose(self) -> None: ...


class BatchProvider(Provider, Protocol):
    """A provider that also takes many requests as one job. References are JSON, so that a new process can go on.

    Shaped here so that plugins can be written against it; the engine does not use it yet.
    """

    async def submit(self, name: str, requests: Mapping[str, Request]) -> Mapping[str, Any]:
        """Start a job called `name`, requests by their keys; its reference."""
        ...

    async def find(self, name: str) -> Mapping[str, Any] | None:
        """The reference of the job called `name`, if one was ever started."""
        ...

    async def poll(self, job: Mapping[str, Any]) -> str:
        """`running`, `done` or `failed`."""
        ...

    def results(self, job: Mapping[str, Any]) -> AsyncIterator[tuple[str, Response | ProviderError]]:
        """Request key and answer of each request, in any order."""
        ...


class Ask(Protocol):
    """The only way to a model: journal first, then throttle, retry, budget."""

    async def __call__(self, request: Request) -> Answer:
        """The answer to `request`, from the journal if it was ever paid for in this job.

        Raises:
            AnswerError: the model answers, but not usably. ProviderError: it fails for good. Stopped: the run ends;
            let it pass.
        """
        ...


class Generator(Protocol):
    """Product → queries.

    Optional: `fingerprint: Mapping`, what its results depend on beside its options (a prompt's hash, a model); and
    `volatile: frozenset[str]`, the product fields of `VOLATILE` that it reads.
    """

    async def generate(self, product: Product, want: Want, ask: Ask) -> Sequence[Query]:
        """At least `want.count` new queries if it can; fewer is no error. A pure function of product and answers."""
        ...


class Postprocessor(Protocol):
    async def process(self, product: Product, queries: Sequence[Query], ask: Ask) -> Sequence[Query]:
        """The same queries, repaired or marked `dropped`; never removed, added or reordered.

        Sees all queries of one product, those that an earlier step dropped included. Pure, like a generator.
        """
        ...


class Sink(Protocol):
    """identity: what it writes to, without a secret: `host/database/schema`, `bucket/prefix`, a path."""

    identity: str

    async def check(self) -> None:
        """Make sure that writing will work, before anything is paid. Spends nothing, leaves nothing behind.

        Raises:
            SinkError
        """
        ...

    async def apply(self, outcomes: Sequence[Outcome]) -> Sequence[Receipt]:
        """Make what the sink holds for each product equal to its outcome. One receipt each, in order.

        Called again with the same outcomes after any crash; equal content is left alone.

        Raises:
            SinkError: nothing of this call can be relied on.
        """
        ...

    async def aclose(self) -> None: ...


class SnapshotSink(Sink, Protocol):
    """A sink that is written as a whole: after an orderly run it gets every outcome of the job in input order, in
    several `apply` calls, and then `publish`. What `apply` writes is not visible before."""

    async def publish(self) -> int:
        """Replace the old content by the new, atomically; leave it untouched if equal. How many queries retired."""
        ...


class Observer(Protocol):
    """Is told what happened, in order, at least once each; `fact.seq` tells repeats. Cannot stop anything.

    identity: names what it writes to; its place in the facts is kept under it. Optional: `aclose()`.
    """

    identity: str

    def on_fact(self, fact: Fact) -> None:
        """Runs in a thread. An exception leaves this fact and all later ones for the next try or the next run."""
        ...


class SecretResolver(Protocol):
    def resolve(self, reference: str, field: str | None) -> str:
        """The value behind `${secret:<resolver>:<reference>#<field>}`.

        Raises:
            QuerygenError: it is missing or must not be read; the message holds no value.
        """
        ...


class Storage(Protocol):
    """Reads objects by URL; the component's name is the scheme (`s3`)."""

    def open(self, url: str) -> BinaryIO:
        """A binary stream to read once, not seekable.

        Raises:
            MissingInput: there is no such object. InputError: it must not be read.
        """
        ...

    def etag(self, url: str) -> str | None:
        """Changes when the content changes; None if the object is not there."""
        ...

    def list(self, url: str) -> Iterable[str]:
        """URLs of the objects under a prefix, sorted."""
        ...


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
