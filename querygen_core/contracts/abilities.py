"""Optional abilities of a plugin's object, beside those that its kind demands.

An object has an ability if it has the member; nothing is declared or inherited. The engine looks once, when the
pipeline is built: a member that appears later is not seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

from querygen_core.contracts.dead_letter import RunRecord
from querygen_core.contracts.errors import QuerygenError
from querygen_core.contracts.protocols import Database
from querygen_core.contracts.records import Entry, Event, Request, StoredObject


@runtime_checkable
class Closable(Protocol):
    """Any kind: holds connections, files or threads that must be given back."""

    async def aclose(self) -> None:
        """Called once, when the run is over, even if nothing else was. A failure is logged and changes no result."""
        ...


@runtime_checkable
class Checkable(Protocol):
    """Any kind but a sink, whose `check` is part of its kind: it can tell before a run whether it will work.

    `querygen check --connect` calls it. A run calls that of a provider, generator or postprocessor before its first
    paid call, and ends there if it fails in a way that waiting does not heal.
    """

    async def check(self) -> None:
        """Make sure that the work will be possible. Spends nothing, leaves nothing behind.

        Raises:
            QuerygenError: of the class that the work itself would raise.
        """
        ...


@runtime_checkable
class CountsTokens(Protocol):
    """A provider whose API counts the tokens of a request for nothing. `querygen plan` asks it about 100 at most."""

    async def count_tokens(self, request: Request) -> int:
        """The tokens that would be billed for what is sent.

        Raises:
            ProviderError: it cannot count at the moment; the plan then estimates.
        """
        ...


@runtime_checkable
class TakesSamples(Protocol):
    """A sink that can take the outcomes of a sample, a run with `--sample N`, without harm to what was delivered.

    Built with `Context.sample`, a sink that is written as a whole uses another place, `<name>.sample<ending>`, and does
    not touch the usual one. A sink of rows adds queries of those products and types only of which it holds no active
    query, of whichever job; the others stay as they are and are counted in `Receipt.held`. It retires nothing.
    """

    @property
    def takes_samples(self) -> bool:
        """Whether it keeps to that. False, or without this ability: it is neither checked in a sample nor given any
        outcome.
        """
        ...


@runtime_checkable
class ChecksLocally(Protocol):
    """An input of which this machine alone can tell that it will not work. `querygen check` calls it."""

    def check_locally(self) -> Mapping[str, QuerygenError]:
        """What is wrong, each under the option that names it ("": under none); empty if nothing is or can be known.

        Sends nothing over a network, reads no more than the beginning of a file, leaves nothing behind.
        """
        ...


@runtime_checkable
class ResolvesLocally(Protocol):
    """A secret resolver that may need no network. `querygen check` then finds missing secrets without `--connect`."""

    @property
    def is_local(self) -> bool:
        """Whether `resolve` reaches no further than this machine."""
        ...


@runtime_checkable
class HasDatabase(Protocol):
    """An input, preprocessor or sink that lives in a database, for `querygen db init|check|query`."""

    @property
    def database(self) -> Database | None:
        """Making it connects to nothing; what it opens is closed by the component's `aclose`. None: there is none."""
        ...


@runtime_checkable
class HasExample(Protocol):
    """A database that can show a new user what is in it."""

    @property
    def example(self) -> str:
        """One SQL statement that only reads, printed after a run as the next thing to try."""
        ...


@runtime_checkable
class ReportsProgress(Protocol):
    """An input that knows how long it is."""

    def fraction(self) -> float | None:
        """How much of it has been read, from 0 to 1; None if that is not known yet. Called between reads."""
        ...


@runtime_checkable
class HasFingerprint(Protocol):
    """A generator or postprocessor whose results depend on more than its options and its version."""

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        """Plain JSON that changes when the results may change, e.g. a prompt's hash. Part of every outcome key."""
        ...


@runtime_checkable
class HasPlan(Protocol):
    """A generator that divides its questions by sub_type."""

    def plan(self, count: int) -> Mapping[str, int]:
        """sub_type → its share of `count` questions, which the shares make up; empty if there is no plan.

        What is kept of too many good questions follows the shares, and a refill asks for the sub_types that lack some.
        Called when the generator is built; part of nothing that is stored, so the fingerprint must change with it.
        """
        ...


@runtime_checkable
class ReadsVolatile(Protocol):
    """A generator that reads product fields of `VOLATILE`: price, availability, rating and the like."""

    @property
    def volatile(self) -> frozenset[str]:
        """Their names. A product whose value of one of them changes counts as changed, and is generated again."""
        ...


@runtime_checkable
class BatchesEvents(Protocol):
    """An observer that takes several events at less cost than one by one."""

    def on_events(self, events: Sequence[Event]) -> int:
        """Called instead of `on_event`, in a thread. events: at least one, in order.

        How many of them it has taken, from the first on, at least one; the others are sent again at once.
        """
        ...


@runtime_checkable
class KeepsRun(Protocol):
    """A sink that keeps beside the questions what is to be known of the run that delivered them."""

    async def keep_run(self, run: RunRecord) -> None:
        """Called once, when the run has ended, however it did; not for a sample. A failure is logged and changes no
        result. The run may be over before it returns, so that it must leave nothing half-written.
        """
        ...


@runtime_checkable
class CachesSecrets(Protocol):
    """A secret resolver that keeps what it fetched, e.g. because several fields are of one secret."""

    def forget(self, reference: str) -> None:
        """The secret's value was refused: the next `resolve` has to fetch it again."""
        ...


@runtime_checkable
class KeepsObjects(Protocol):
    """A storage whose objects can be written on a condition: what a job on several machines needs for its memory.

    What stands behind the scheme and the bucket of a URL is taken literally: no character is an escape. Every method
    blocks and may be called from any thread, by many at once. A write is durable when the method returns.

    Raises, from every method:
        JournalError: `retry` (the store cannot be reached), `auth`, `config` (there is no such store, or it does not
        keep the conditions) or `unusable`. The message names the object.
    """

    def get(self, url: str) -> StoredObject | None:
        """The object, whole; None if there is none."""
        ...

    def create(self, url: str, body: bytes) -> StoredObject | None:
        """Write an object that must not exist. None: it is written; else the object that is there.

        An object with this very content counts as written: a put that is repeated, because its answer was lost, finds
        what it wrote itself.
        """
        ...

    def replace(self, url: str, body: bytes, etag: str) -> str | None:
        """Replace the version with this etag. The new etag, or None: it is another version by now, or gone."""
        ...

    def delete(self, url: str) -> None:
        """Remove an object, if it is there."""
        ...

    def entries(self, url: str) -> Iterator[Entry]:
        """Every object below a folder, whose URL ends with a slash, in no particular order. Read page by page, so that
        any number of them needs little memory; what is written or removed meanwhile may be in it or not.
        """
        ...

    def now(self, url: str) -> datetime:
        """The store's clock, in UTC. url: of an object or folder, which need not exist."""
        ...
