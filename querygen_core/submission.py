"""A job that is handed over, to be run elsewhere in shards: what is sent, and what is heard of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

Size = Literal["small", "medium", "large"]
State = Literal["waiting", "running", "succeeded", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A job to run elsewhere: `shards` processes and, after all of them, one that puts their reports together.

    files: all that these processes need, by the name below a place of the submitter's choice, as bytes or as a local
    file. The name has a hash of the content in it, so what is there under it already is the same and is not sent again.
    config: the name of the last one; where it is, all are. products: the name of the file of products, or a URL that a
    storage reads, or None where the config says what the input is. These two hold letters, digits and `._-/` only.

    Each of the processes is told what it is by AWS_BATCH_JOB_ARRAY_INDEX (from 0) and AWS_BATCH_JOB_ARRAY_SIZE in its
    environment, neither of them if there is but one.
    """

    job_id: str
    shards: int
    size: Size
    files: Mapping[str, bytes | Path]
    config: str
    products: str | None = None

    def run(self, place: str) -> tuple[str, ...]:
        """What `querygen` is told in each shard. place: the URL that all `files` are below, with a `/` at its end."""
        given = () if self.products is None else ("--products-file", self._url(place, self.products))
        return ("run", f"{place}{self.config}", *given, "--json", "--log-format", "json")

    def report(self, place: str) -> tuple[str, ...]:
        """What `querygen` is told when all shards have ended."""
        # A job id may begin with a dash.
        return ("report", "--config", f"{place}{self.config}", "--json", "--", self.job_id)

    def _url(self, place: str, name: str) -> str:
        return f"{place}{name}" if name in self.files else name


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """An order that was taken.

    id: the submitter's name for all shards together; report_id: for the process that comes after them. place: see
    `Order`. follow: command lines of a shell that show more, or stop it.
    """

    id: str
    report_id: str
    place: str
    follow: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A process that failed for good, all its attempts spent.

    shard: its index, None for the one that reports. exit_code: None if it never started or its machine went away.
    log: what names its log there.
    """

    shard: int | None
    exit_code: int | None
    reason: str = ""
    log: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How many shards are in which state, and in which state the report is. failures: known when all have ended."""

    waiting: int = 0
    running: int = 0
    succeeded: int = 0
    failed: int = 0
    report: State = "waiting"
    failures: tuple[Failure, ...] = ()

    @property
    def ended(self) -> bool:
        """Whether nothing will happen any more."""
        return not (self.waiting or self.running) and self.report in {"succeeded", "failed"}


class Submitter(Protocol):
    """Somewhere that runs a job's shards. Optional: `aclose`, as a sink has it."""

    async def submit(self, order: Order) -> Submission:
        """Send what is not there yet, then start it all. Returns as soon as it was accepted.

        Raises:
            ConfigError: what it is to run on, or to be sent to, is not there. CredentialsError: it may not be used.
            UsageError: it does not take such an order. QuerygenError with exit code 75: try again.
        """
        ...

    def watch(self, submission: Submission) -> AsyncIterator[Progress]:
        """How it goes, from time to time, until it has ended; the last one is `ended` and names what failed.

        That it cannot be seen for a moment is no error. To stop watching stops nothing else.

        Raises:
            QuerygenError: it cannot be seen any more.
        """
        ...
