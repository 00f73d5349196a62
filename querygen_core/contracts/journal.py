"""The durable memory of a job, as the engine uses it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from querygen_core.contracts.dead_letter import DeadLetter
from querygen_core.contracts.records import Event, Outcome, Reject, Response, State

NO_CALL = 0
"""Instead of a call's id, for a refusal that is stored when its call is long over."""

_CONFLICT = Reject(reason="conflict", message="another product with this key was read before; keep one")


def place_of(raw_ref: str) -> tuple[str, int | None]:
    """File and line of a `Product.raw_ref`; a text without a line number is a file."""
    file, _, line = raw_ref.rpartition(":")
    return (file, int(line)) if line.isdecimal() else (raw_ref, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestEntry:
    """One input record on its way into the manifest: a product, or a reject."""

    ordinal: int
    """Its place in the input, from 0."""
    key: str = ""
    """`source:product_id:locale`; "" if a reject has none."""
    content_hash: str = ""
    """`Product.content_hash`; "" for a reject."""
    outcome_key: str = ""
    """SHA-256 (hex) of everything that its outcome depends on; "" for a reject."""
    title: str = ""
    """The product's title."""
    refs: Mapping[str, int] = field(default_factory=dict)
    """`Product.refs`."""
    raw_ref: str = ""
    """Where it was read, `file:line`."""
    version: int = 0
    """`Product.version`."""
    reject: Reject | None = None
    """Why it cannot become a product; None for a product."""
    stage: str = "input"
    """Who rejected it: `input` or `preprocess`, as in `DeadLetter`."""
    component: str = ""
    """`plugin/component` that rejected it; of a product the input's, in case it is rejected for its key."""

    @property
    def place(self) -> tuple[str, int | None]:
        """File and line of `raw_ref`."""
        return place_of(self.raw_ref)

    def rejection(self, reject: Reject = _CONFLICT, attempt: int = 0) -> DeadLetter:
        """The dead letter of a record that is rejected. reject: why, if not for the entry's own `reject`."""
        why = self.reject or reject
        file, line = (why.file, why.line) if why.file else self.place
        return DeadLetter(
            stage=self.stage,
            reason=why.reason,
            message=why.message,
            product_key=why.key or self.key,
            file=file,
            line=line,
            raw=why.raw,
            attempt=attempt,
            component=self.component,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAnswer:
    """An answer in the store of all jobs."""

    number: int
    """Its try, from 0."""
    response: Response
    """The answer."""
    ours: bool = True
    """Whether this job paid for it. Only then does an unusable answer count as one of this job's tries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What became of an answer that was handed to the store."""

    response: Response
    """The answer that counts from now on."""
    duplicate: bool = False
    """It is another process's: both have paid, and the first to be stored is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerRecord:
    """A paid answer on its way between two stores."""

    key: str
    """The request's key."""
    number: int
    """Its try, from 0."""
    response: Response
    """The answer."""
    usable: bool
    """Whether it could be parsed, as judged when it came."""
    cost: float = 0.0
    """In USD; 0 if unknown."""
    job: str = ""
    """`job_id` of the job that paid for it."""
    run: int = 0
    """Number of the run that paid for it."""
    shard: str = "0/1"
    """`index/size` of the process that paid for it."""
    time: str = ""
    """When it was stored: ISO 8601, UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """The calls, tokens and money of this shard over all runs of the job.

    What was spent when the job had another number of shards counts with an equal share for each.
    """

    calls: int = 0
    """Answers received, thus paid."""
    tokens: int = 0
    """Tokens in and out of these calls."""
    cost: float = 0.0
    """In USD, of the calls whose price is known."""
    indeterminate: int | None = 0
    """Calls begun whose answer never became durable: they may have been paid for. None: no intents are kept."""
    abandoned: int = 0
    """Calls that a run gave up when it had to end."""
    unanswered_calls: int = 0
    """Calls without an answer, as far as they are known: killed, lost or abandoned. They may have been paid for."""
    unanswered_tokens: int = 0
    """Most tokens that these can have used, in and out."""
    unanswered_cost: float = 0.0
    """Most USD that these can have cost, where the price is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """The current manifest and its outcomes in numbers."""

    states: Mapping[State, int]
    """Records by state."""
    not_in_input: int
    """Products with an outcome in this job that the input no longer holds."""
    kept: int
    """Good queries."""
    dropped: Mapping[str, int]
    """Reason → dropped queries."""
    short: Mapping[str, int]
    """Reason → how often a generator fell short of its count for it."""
    poorest: int | None = None
    """Ordinal of the product with the fewest good queries; None if none has an outcome."""

    @property
    def generated(self) -> int:
        """All queries, kept and dropped."""
        return self.kept + sum(self.dropped.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovedCount:
    """How the input of this run compares with the products of the job so far."""

    gone: int
    """Products with an outcome in this job that the input does not hold, without those withdrawn by earlier runs."""
    present: int
    """Products in the input."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingOutcome:
    """An outcome on its way to a sink."""

    position: int
    """Its position in the journal; the next read starts after it."""
    outcome: Outcome
    """The outcome."""
    current: bool = True
    """False for a product that has no outcome in this run: a snapshot keeps the one of an earlier run."""


CallEnd = Literal["failed", "lost", "abandoned", "unsent"]
"""How a call ended without an answer: `failed` (the provider said so) · `lost` (nothing came back) · `abandoned` (given
up by us) · `unsent`. One that is lost or abandoned may have been paid for.
"""

CallRefusal = Literal["asked", "busy", "budget"]
"""Why a call must not start: `asked` (the store has this answer by now, or another process of this machine is asking
for it) · `busy` (calls under way have reserved the rest of the day's budget; some of it may be free later) · `budget`
(the day's budget of all jobs could be exceeded).
"""


class Journal(Protocol):
    """Durable memory of one shard of one job (manifest, outcomes, events), with the answers of all jobs (the truth).

    Every call is atomic and durable when it returns; calls may run concurrently. `begin` comes first.

    Raises, from every method:
        JournalError: it cannot be read or written. The engine then starts no further call.
    """

    async def begin(self, config: Mapping[str, Any]) -> int:
        """Start a run with a new, empty manifest and return its number, from 1. `config` is kept as it is.

        Raises:
            JournalError: another process runs this shard of this job.
        """
        ...

    async def admit(self, entries: Sequence[ManifestEntry]) -> Sequence[State]:
        """Add input records to the manifest and say what each is: `rejected`, `duplicate`, `done` or `short` where
        its outcome is known already, else `pending`. Same key with other content is `rejected` as `conflict`.
        """
        ...

    async def complete(self, ordinal: int, result: Outcome | DeadLetter, events: Sequence[Event] = ()) -> None:
        """Finish a product: `done` or `short` with its outcome, or `failed` with its dead letter."""
        ...

    async def answers(self, key: str, product_key: str = "") -> Sequence[StoredAnswer]:
        """All answers to a request, by try. A damaged one is left out and logged. product_key: the product that the
        request is for, "" if it is for none.
        """
        ...

    async def tries(self, key: str) -> int:
        """The number of tries, beyond the usual ones, that `querygen retry` has granted to this request of this job."""
        ...

    async def grant(self, tries: Mapping[str, int]) -> None:
        """Raise the number of granted tries of each request, by its key, to at least this."""
        ...

    async def begin_call(
        self,
        key: str,
        number: int,
        *,
        cost: float = 0.0,
        tokens: int = 0,
        seconds: float = 3600.0,
        day_budget: float | None = None,
    ) -> int | CallRefusal:
        """Note that a call is about to start; the id of the call, or why it must not start.

        cost: at most, in USD. tokens: at most, in and out. If the call stays without an answer, both count as spent,
        since it may have been paid for. seconds: for which other processes wait for its answer. day_budget: USD that
        all jobs of the store may spend from midnight to midnight, UTC.
        """
        ...

    async def record(
        self,
        call: int,
        key: str,
        number: int,
        response: Response,
        *,
        usable: bool,
        cost: float = 0.0,
        product_key: str = "",
    ) -> Recorded:
        """Store a call's answer and end the call. usable: as judged now, for `grant_retry`. cost: in USD, 0 if unknown.
        product_key: as in `answers`. An answer that the engine itself wrote (`refused`, `failed`) is not a paid call.
        """
        ...

    async def end_call(self, call: int, how: CallEnd) -> None:
        """End a call without an answer."""
        ...

    async def completed(self, after: int, limit: int) -> Sequence[PendingOutcome]:
        """Outcomes of this run in the order in which they were completed, from position `after` on."""
        ...

    async def snapshot(self, after: int, limit: int) -> Sequence[PendingOutcome]:
        """Outcomes in input order; for products without one the newest that an earlier run left, else one of state
        `failed`. None for what is rejected, deleted or a duplicate.
        """
        ...

    async def add_dead_letters(
        self, sink: str, dead_letters: Sequence[DeadLetter], events: Sequence[Event] = ()
    ) -> None:
        """Keep the products that a sink has refused permanently in this run, with the events that tell of them."""
        ...

    async def places(self, product_keys: Sequence[str]) -> Mapping[str, tuple[str, int | None]]:
        """File and line where products of this run were read, by key; without those that are not in its input."""
        ...

    async def dead_letters(self, after: int, limit: int) -> Sequence[tuple[int, DeadLetter]]:
        """Of this run: rejected, failed and undelivered records, with positions to go on after."""
        ...

    async def removed(self) -> RemovedCount:
        """Compare the manifest, when the input has been read to its end, with the products of this shard so far."""
        ...

    async def retire_removed(self, first: int) -> None:
        """Complete every product that is gone with an outcome `deleted`: state of the manifest and outcome are durable.

        Those that earlier runs have withdrawn are completed again, but not counted: a sink may have been down. One that
        comes back to the input is an ordinary product again. first: an ordinal above those of the input.
        """
        ...

    async def tally(self) -> Tally:
        """The current manifest in numbers."""
        ...

    async def spent(self) -> Spent:
        """What this shard has spent over all runs of the job. Answers that other jobs paid for cost it nothing."""
        ...

    async def append_events(self, events: Sequence[Event]) -> None:
        """Keep events; `job_id`, `attempt`, `shard`, `seq` and `time` are filled in."""
        ...

    async def events(self, after: int, limit: int) -> Sequence[Event]:
        """Events of this job and shard in order, beginning behind the one with `seq` = `after`."""
        ...

    async def cursor(self, observer: str) -> int:
        """The last event that an observer has taken, 0 at first."""
        ...

    async def advance(self, observer: str, seq: int) -> None:
        """Note that an observer has taken all events up to `seq`."""
        ...

    @property
    def writes(self) -> Mapping[str, int]:
        """What this process has written to the store of answers so far: kind (`answers`, and of a remote store also
        `segments`, `leases`, …) → rows or objects.
        """
        ...

    @property
    def fence(self) -> int | None:
        """`Context.fence` of this run, known when it has begun. None for a journal that other machines do not reach."""
        ...

    def check_lease(self) -> None:
        """Make sure that this process still has the job. Asked before every delivery, so it sends nothing and returns
        at once. Nothing to check for a journal that other machines do not reach.

        Raises:
            JournalError: `fenced`: another process has taken over the job, or may have. Start no call, deliver nothing.
        """
        ...

    async def finish(self, report: Mapping[str, Any], events: Sequence[Event] = ()) -> None:
        """End the run and keep its report."""
        ...

    async def grant_retry(self) -> int:
        """Give every request without a usable answer one more try, and forget the outcomes of the last run that are
        short because of one. The number of these requests.
        """
        ...

    async def runs(self) -> Sequence[Mapping[str, Any]]:
        """Every run so far, oldest first: attempt, shard, started, finished, config, report."""
        ...

    async def aclose(self) -> None:
        """Give up the files and connections. May be called without `begin`."""
        ...
