"""What the parts of a pipeline do: one protocol per kind. Plugins import them from `querygen_core.api`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol

from querygen_core.errors import ProviderError
from querygen_core.price import Price
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
    Want,
)


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


class Input(Protocol):
    """A source of products.

    Optional: `fraction() -> float | None`, how much of it has been read (0 to 1); `check` and `aclose`, as a sink has
    them; `database`, a `Database` that it reads from.
    """

    def read(self) -> Iterator[Product | Reject]:
        """Yield records one by one, in the source's order, without holding them all. Runs in a thread of its own.

        A record that cannot be read is yielded as a `Reject` and reading goes on.

        Raises:
            MissingInput: there is no such source. InputError: it cannot be read at all.
        """
        ...


class Preprocessor(Protocol):
    """Optional: `check` and `aclose`, as a sink has them; `database`, a `Database` that it looks things up in."""

    async def process(self, products: Sequence[Product]) -> Sequence[Product | Reject]:
        """One result for each product, in order: the product, a changed one, or a rejection with its reason."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a provider can do. schema: how it takes a JSON Schema. free: its calls cost nothing, for the report.

    price: what they cost otherwise, None if that is not known. note: what a reader of the report must know of its
    answers, e.g. that no language model wrote them.
    """

    schema: str = "json_schema"
    free: bool = False
    price: Price | None = None
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
    """identity: what it writes to, without a secret: `host/database/schema`, `bucket/prefix`, a path.

    Optional: `database`, a `Database` that it writes to.
    """

    @property
    def identity(self) -> str: ...

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
    several `apply` calls, and then `publish`. What `apply` writes is not visible before.
    """

    async def publish(self) -> int:
        """Replace the old content by the new, atomically; leave it untouched if equal. How many queries retired."""
        ...


class Database(Protocol):
    """What a part that lives in a database offers beside its work, for `querygen db init|check|query`.

    An input, a preprocessor or a sink shows it as its attribute `database`, None if there is none. Making one connects
    to nothing; what it opens is closed by the part's `aclose`.

    identity: names the database and the schema without a secret, `host/database/schema`. Parts with equal identity
    share one; each says what it needs there itself. Optional: `example`, a statement that shows a user what is there.
    """

    @property
    def identity(self) -> str: ...

    async def init(self) -> Sequence[str]:
        """Make what is missing; what is there stays as it is. One line for each thing made: `table public.queries`.

        Empty if all was there. May run at the same time as itself elsewhere, and again after any crash.

        Raises:
            SinkError: it cannot be reached, or refuses. CredentialsError: a secret is missing.
        """
        ...

    async def inspect(self) -> Sequence[Finding]:
        """Look, change nothing. Empty if all is there and nothing could be better.

        Raises:
            SinkError: it cannot be reached, or looked at. CredentialsError: a secret is missing.
        """
        ...

    async def query(self, sql: str) -> ResultSet:
        """The result of one statement, which must not be able to change anything. All rows of it are in memory.

        Raises:
            UsageError: the statement is wrong, or not one that only reads. SinkError: the database cannot be reached,
            or gives up. CredentialsError: a secret is missing.
        """
        ...


class Observer(Protocol):
    """Is told what happened, in order, at least once each; `fact.seq` tells repeats. Cannot stop anything.

    identity: names what it writes to; its place in the facts is kept under it. Optional: `check` and `aclose`, as a
    sink has them, though a run never asks for `check`; and
    `on_facts(facts: Sequence[Fact]) -> int`, called instead of `on_fact`, for one that takes several at less cost: it
    returns how many of them it has taken, from the first on, at least one. The others it is told again at once.
    """

    identity: str

    def on_fact(self, fact: Fact) -> None:
        """Runs in a thread. An exception leaves this fact and all later ones for the next try or the next run."""
        ...


class SecretResolver(Protocol):
    """Is asked for each reference once, and once more when the value was refused; from any thread, one at a time for
    one secret.

    Optional: `forget(reference) -> None`, for a resolver that keeps what it fetched, say because several fields are of
    one secret: the next `resolve` is to fetch it anew.
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

    def etag(self, url: str) -> str | None:
        """Changes when the content changes; None if the object is not there."""
        ...

    def list(self, url: str) -> Iterable[str]:
        """URLs of the objects under a prefix, sorted."""
        ...
