"""What the engine asks of a job's durable memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from querygen_core.records import Fact, Outcome, Reject, Response, State


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One input record on its way into the manifest: a product (`key`, hashes) or a `reject`.

    ordinal: its place in the input, from 0. raw_ref: `file:line`. stage: who rejected it, as in `DeadLetter`.
    """

    ordinal: int
    key: str = ""
    content_hash: str = ""
    outcome_key: str = ""
    title: str = ""
    refs: Mapping[str, int] = field(default_factory=dict)
    raw_ref: str = ""
    reject: Reject | None = None
    stage: str = "input"

    @property
    def place(self) -> tuple[str, int | None]:
        """File and line of `raw_ref`; what is no `file:line` is all file."""
        file, _, line = self.raw_ref.rpartition(":")
        return (file, int(line)) if line.isdecimal() else (self.raw_ref, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A journaled answer. number: its try, from 0."""

    number: int
    response: Response


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A paid answer on its way between memories. shard: `index/size` of the process that paid for it. cost: in USD."""

    key: str
    number: int
    response: Response
    usable: bool
    cost: float = 0.0
    shard: str = "0/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """What could not be processed. stage: `input`, `preprocess`, `generate`, `postprocess`, `deliver`.

    reason: a short code. raw: the input or the answer as it came, cut and masked.
    """

    stage: str
    reason: str
    message: str
    product_key: str = ""
    file: str = ""
    line: int | None = None
    raw: str = ""
    attempt: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What this shard of the job has used so far, over all its runs. calls: answers received, thus paid.

    What was spent when the job was cut into another number of shards counts with an equal share for each.

    indeterminate: calls begun whose answer never became durable; they may have been paid in vain. None if the journal
    keeps no intents.
    """

    calls: int = 0
    tokens: int = 0
    cost: float = 0.0
    indeterminate: int | None = 0
    abandoned: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """The current manifest in numbers. generated = kept + the sum of dropped.

    not_in_input: products with an outcome in this job that this input does not hold. short: reason → generators that
    fell short of their count for it.
    """

    states: Mapping[State, int]
    not_in_input: int
    kept: int
    dropped: Mapping[str, int]
    short: Mapping[str, int]

    @property
    def generated(self) -> int:
        return self.kept + sum(self.dropped.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """An outcome on its way to a sink. position: where to go on after it.

    current: False for what an earlier run made of a product that has no outcome in this one: a snapshot keeps it.
    """

    position: int
    outcome: Outcome
    current: bool = True


IntentEnd = Literal["failed", "abandoned", "unsent"]


class Journal(Protocol):
    """Durable memory of one shard of one job: answers (the truth), manifest, outcomes, facts.

    Every call is atomic and durable when it returns; calls may run concurrently. `begin` comes first.

    Optional, and possible without `begin`: `check`, as a sink has it; `reports() -> Sequence[Mapping]`, the last
    reports of the job's shards, for one that keeps them where other machines find them.

    Raises, from every method:
        JournalError: it cannot be read or written. The engine then starts no further call.
    """

    async def begin(self, config: Mapping[str, Any]) -> int:
        """Start a run with a new, empty manifest; its attempt number, from 1. `config` is kept as given.

        Raises:
            JournalError: another process runs this shard of this job.
        """
        ...

    async def admit(self, entries: Sequence[Entry]) -> Sequence[State]:
        """Add input records to the manifest and say what each is: `rejected`, `duplicate`, `done` or `short` where
        its outcome is known already, else `pending`. Same key with other content is `rejected` as `conflict`.
        """
        ...

    async def settle(self, ordinal: int, result: Outcome | DeadLetter, facts: Sequence[Fact] = ()) -> None:
        """A product is finished: `done` or `short` with its outcome, or `failed` with its dead letter."""
        ...

    async def answers(self, key: str) -> Sequence[Stored]:
        """All answers to a request, by try. A damaged one is left out and logged."""
        ...

    async def tries(self, key: str) -> int:
        """How many tries beyond the usual ones `querygen retry` has granted to this request."""
        ...

    async def intend(self, key: str, number: int) -> int:
        """A call is about to start; its intent's id."""
        ...

    async def record(
        self, intent: int, key: str, number: int, response: Response, *, usable: bool, cost: float = 0.0
    ) -> Response:
        """Its answer; ends the intent. usable: as judged now, for `grant_retry`. cost: 0 if unknown.

        The answer that counts from now on: this one, or that of another process which was first with this try.
        """
        ...

    async def end(self, intent: int, how: IntentEnd) -> None:
        """It ended without an answer: `failed` (the provider said so), `abandoned` (given up by us), `unsent`."""
        ...

    async def settled(self, after: int, limit: int) -> Sequence[Delivery]:
        """Outcomes of this run in the order they were settled."""
        ...

    async def snapshot(self, after: int, limit: int) -> Sequence[Delivery]:
        """Outcomes in input order, for products without one the newest that an earlier run left."""
        ...

    async def undelivered(self, sink: str, letters: Sequence[DeadLetter]) -> None:
        """Products that a sink refused for good in this run."""
        ...

    async def dead_letters(self, after: int, limit: int) -> Sequence[tuple[int, DeadLetter]]:
        """Of this run: rejected, failed and undelivered records, with positions to go on after."""
        ...

    async def tally(self) -> Tally: ...

    async def spent(self) -> Spent: ...

    async def tell(self, facts: Sequence[Fact]) -> None: ...

    async def facts(self, after: int, limit: int) -> Sequence[Fact]: ...

    async def cursor(self, observer: str) -> int:
        """The last fact that an observer has taken, 0 at first."""
        ...

    async def advance(self, observer: str, seq: int) -> None: ...

    async def finish(self, report: Mapping[str, Any], facts: Sequence[Fact] = ()) -> None:
        """The run is over; keep its report."""
        ...

    async def grant_retry(self) -> int:
        """Give every request without a usable answer one more try, and forget the outcomes of the last run that are
        short because of one. How many requests were granted.
        """
        ...

    async def runs(self) -> Sequence[Mapping[str, Any]]:
        """Every run so far, oldest first: attempt, shard, started, finished, config, report."""
        ...

    async def aclose(self) -> None: ...


class LocalJournal(Journal, Protocol):
    """A journal on local disk, which one that keeps its answers elsewhere works through."""

    async def begin(self, config: Mapping[str, Any], attempt: int | None = None, *, whole: bool = True) -> int:
        """As `Journal.begin`. attempt: the run's number, where it was given out elsewhere.

        whole: False where earlier runs of this shard kept their intents on another disk; then nobody can say how many
        calls are indeterminate.
        """
        ...

    async def lacking(self, places: Sequence[tuple[str, int]]) -> Sequence[tuple[str, int]]:
        """Those of these (key, try) that no answer is here for."""
        ...

    async def restore(self, answers: Sequence[Kept]) -> None:
        """Take over answers that were paid for before, and what they cost; those that are here already are left."""
        ...

    async def grants(self) -> Mapping[str, int]:
        """How many tries `grant_retry` has granted in all, by request."""
        ...

    async def grant(self, tries: Mapping[str, int]) -> None:
        """Let no request have fewer tries granted than these."""
        ...
