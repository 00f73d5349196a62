"""The work of a plugin's objects: one protocol for each kind of component. Plugins import them from
`querygen_core.api`.

Every member of a protocol is required; the engine looks for them when it builds a component. What an object may do
beside that is in `contracts/abilities.py`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol, runtime_checkable

from querygen_core.contracts.errors import ProviderError
from querygen_core.contracts.price import Price
from querygen_core.contracts.records import (
    Answer,
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
    Want,
)


class Prompt(Protocol):
    """A prompt file, loaded and checked."""

    name: str
    """As the config writes it: a name that was looked up in `prompts_dir`, or a path."""
    hash: str
    """SHA-256 (hex) of the file and of every file that it includes."""
    volatile: frozenset[str]
    """The fields of `VOLATILE` that it shows to the model."""

    def render(self, product: Product, want: Want, inputs: Mapping[str, Any] | None = None) -> Request:
        """The request for one product, its `model` left "". A pure function of its arguments and the files.

        Raises:
            ConfigError: the template failed on this product, with file and line.
        """
        ...


class Input(Protocol):
    """A source of products.

    Optional: `ReportsProgress`, `Checkable`, `Closable`, `HasDatabase`.
    """

    def read(self) -> Iterator[Product | Reject]:
        """Yield records one by one, in the source's order, without holding them all. Runs in a thread of its own.

        A record that cannot be read is yielded as a `Reject` and reading goes on.

        Raises:
            MissingInput: there is no such source. InputError: it cannot be read at all.
        """
        ...


class Preprocessor(Protocol):
    """Changes or rejects products before anything is asked for them.

    Optional: `Checkable`, `Closable`, `HasDatabase`.
    """

    async def process(self, products: Sequence[Product]) -> Sequence[Product | Reject]:
        """One result for each product, in order: the product, a changed one, or a rejection with its reason."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """Facts about a provider that the engine must know before it calls it."""

    free: bool = False
    """Its calls cost nothing."""
    price: Price | None = None
    """The cost of its calls; None if it is not known. Never set together with `free`."""
    note: str = ""
    """A sentence that a reader of the report must know of its answers, e.g. that no language model wrote them."""
    max_output_tokens: int | None = None
    """Most tokens of an answer, reasoning included, if its options set them, for the limits of a run. None: the option
    of this name in the config, else the prompt's, else 16,384.
    """
    thinking: tuple[int, int, int] = (0, 0, 0)
    """Tokens of reasoning in a call for about 25 questions, by experience: few, usual, many. `querygen plan` reckons
    with them until the store has answers of the model.
    """


class Provider(Protocol):
    """One model API. Knows nothing of products, retries nothing, keeps nothing.

    Optional: `Checkable`, `CountsTokens`.
    """

    @property
    def capabilities(self) -> Capabilities: ...

    @property
    def limit_key(self) -> str:
        """Models whose providers have the same one share their rate limits, e.g. `gemini/<project>/<model>`."""
        ...

    async def complete(self, request: Request) -> Response:
        """Send one request, return its one answer.

        Raises:
            ProviderError: classified; nothing else, and no SDK object in it.
        """
        ...

    async def aclose(self) -> None: ...


class BatchProvider(Provider, Protocol):
    """A provider that also takes many requests as one job. A job's reference is plain JSON, so that another process
    can follow the job. The engine does not use it yet.
    """

    async def submit(self, name: str, requests: Mapping[str, Request]) -> Mapping[str, Any]:
        """Start a job called `name` and return its reference. requests: by request key."""
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
            AnswerError: the model answers, but not usably. ProviderError: it fails permanently. Stopped: the run ends;
            let it pass.
        """
        ...


class Generator(Protocol):
    """Makes queries for one product.

    Optional: `HasFingerprint`, `HasPlan`, `ReadsVolatile`, `Closable`.
    """

    async def generate(self, product: Product, want: Want, ask: Ask) -> Sequence[Query]:
        """At least `want.count` new queries if it can; fewer is no error. A pure function of product and answers."""
        ...


class Postprocessor(Protocol):
    """Repairs queries, or marks them as dropped.

    Optional: `HasFingerprint`, `Closable`.
    """

    async def process(self, product: Product, queries: Sequence[Query], ask: Ask) -> Sequence[Query]:
        """The same queries, repaired or marked `dropped`; never removed, added or reordered.

        Sees all queries of one product, those that an earlier step dropped included. Pure, like a generator.
        """
        ...


class Sink(Protocol):
    """Holds the queries of products somewhere outside.

    Optional: `HasDatabase`, `TakesSamples`, `Closable`.
    """

    @property
    def identity(self) -> str:
        """The place that it writes to, without a secret: `host/database/schema`, `bucket/prefix`, a path.

        Two sinks of one config must not have the same.
        """
        ...

    async def check(self) -> None:
        """Make sure that writing will work, before anything is paid. Spends nothing, leaves nothing behind.

        Raises:
            SinkError: it would not.
        """
        ...

    async def apply(self, outcomes: Sequence[Outcome]) -> Sequence[Receipt]:
        """Make what the sink holds for each product equal to its outcome. One receipt each, in order.

        Called again with the same outcomes after any crash; equal content is left alone. An outcome of state `deleted`
        withdraws the product. One of a lower `version` than the sink holds is refused in its receipt, and what is held
        stays; a sink that cannot keep versions takes it.

        Raises:
            SinkError: nothing of this call can be relied on; `fenced` if the sink has seen a higher `Context.fence` for
            the job, and the call has changed nothing.
        """
        ...

    async def aclose(self) -> None: ...


@runtime_checkable
class SnapshotSink(Sink, Protocol):
    """A sink that is written as a whole: when a run has read its input to the end, it gets every outcome of the job in
    input order, in several calls of `apply`, and then `publish`. What `apply` writes is not visible before that.

    A product that has no outcome, in this run or an earlier one that the journal knows, comes as `failed`: what the old
    content has of it is taken over.
    """

    async def publish(self) -> int:
        """Replace the old content by the new one in one step; leave it untouched if both are equal.

        The number of queries that only the old content had.

        Raises:
            SinkError: the old content is still there; see also `SinkError.backup`.
        """
        ...


class Database(Protocol):
    """A component's database, for `querygen db init|check|query`; see `HasDatabase`.

    Optional: `HasExample`.
    """

    @property
    def identity(self) -> str:
        """Names the database and the schema without a secret: `host/database/schema`.

        Components with equal identity share one database; each makes and inspects there only what it needs itself.
        """
        ...

    async def init(self) -> Sequence[str]:
        """Create what is missing and return one line for each thing created (`table public.queries`).

        Existing things stay as they are. Safe to run at the same time elsewhere, and again after any crash.

        Raises:
            SinkError: it cannot be reached, or refuses. CredentialsError: a secret is missing.
        """
        ...

    async def inspect(self) -> Sequence[Finding]:
        """Everything that is missing or could be better; empty if nothing is. Changes nothing.

        Raises:
            SinkError: it cannot be reached, or looked at. CredentialsError: a secret is missing.
        """
        ...

    async def query(self, sql: str) -> ResultSet:
        """Run one statement in a way that cannot change anything. All rows of its result are held in memory.

        Raises:
            UsageError: the statement is wrong, or does more than read. SinkError: the database cannot be reached, or
            cancels it. CredentialsError: a secret is missing.
        """
        ...


class Observer(Protocol):
    """Receives events in order, each at least once; a repeated one has the same `event.seq`. Cannot stop anything.

    Optional: `BatchesEvents`, `Checkable`, `Closable`.
    """

    @property
    def identity(self) -> str:
        """The place that it writes to. The journal keeps under it which events it has taken."""
        ...

    def on_event(self, event: Event) -> None:
        """Take one event; called in a thread. If it raises, this event and all later ones are sent again later."""
        ...


class SecretResolver(Protocol):
    """Fetches secrets. Asked for each reference once, and again when the value was refused; from any thread, but never
    twice at a time for one secret.

    Optional: `CachesSecrets`.
    """

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

    def list(self, url: str) -> Iterable[str]:
        """URLs of the objects under a prefix, sorted."""
        ...
