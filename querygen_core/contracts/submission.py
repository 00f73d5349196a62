"""A job that runs elsewhere in shards: what is sent there, and how its progress is reported."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

Size = Literal["small", "medium", "large"]
State = Literal["waiting", "running", "succeeded", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSpec:
    """A job to run elsewhere: `shards` processes and, after all of them, one that merges their reports.

    Each process finds its shard in its environment: AWS_BATCH_JOB_ARRAY_INDEX (from 0) and AWS_BATCH_JOB_ARRAY_SIZE;
    neither is set if there is but one.
    """

    job_id: str
    """As the config says, any characters."""
    shards: int
    """Number of processes, from 1 to the job's `runtime.partitions`."""
    size: Size
    """Memory and processors of each process; the submitter knows what a size means."""
    files: Mapping[str, bytes | Path]
    """Everything that the processes need, by its name below a place of the submitter's choice: bytes or a local file.

    A name contains a hash of the content, so a file that exists there already is the same and is not sent again.
    """
    config: str
    """The name in `files` of the config, which is sent last: where it exists, all files do. Letters, digits and
    `._-/` only.
    """
    products: str | None = None
    """The name in `files` of the file of products, or a URL that a storage reads. Same characters as `config`. None:
    the config's own input is read.
    """

    def run(self, place: str) -> tuple[str, ...]:
        """The arguments of `querygen` in each shard. place: the URL above all `files`, with a `/` at its end."""
        products = () if self.products is None else ("--products-file", self._url(place, self.products))
        return ("run", f"{place}{self.config}", *products, "--json", "--log-format", "json")

    def report(self, place: str) -> tuple[str, ...]:
        """The arguments of `querygen` in the process that merges the reports. place: as for `run`."""
        # A job id may begin with a dash.
        return ("report", f"{place}{self.config}", f"--job-id={self.job_id}", "--json")

    def _url(self, place: str, name: str) -> str:
        return f"{place}{name}" if name in self.files else name


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A job that a submitter has accepted."""

    id: str
    """The submitter's name for all shards together."""
    report_id: str
    """The submitter's name for the process that merges the reports."""
    place: str
    """The URL above all files that were sent, with a `/` at its end."""
    follow: tuple[str, ...] = ()
    """Shell commands that show more about the job, or stop it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A process that failed permanently, after all its attempts."""

    shard: int | None
    """Index of the shard; None for the process that merges the reports."""
    exit_code: int | None
    """Exit code of the last attempt; None if it never started or its machine went away."""
    reason: str = ""
    """The submitter's own explanation, if it has one."""
    log: str = ""
    """The name of the process's log there, if it has one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """The states of a job's processes at one moment."""

    waiting: int = 0
    """Shards that have not started, or wait for another attempt."""
    running: int = 0
    """Shards at work."""
    succeeded: int = 0
    """Shards that ended with exit code 0."""
    failed: int = 0
    """Shards that failed permanently."""
    report: State = "waiting"
    """State of the process that merges the reports."""
    failures: tuple[Failure, ...] = ()
    """The processes that failed; complete when all have ended."""

    @property
    def ended(self) -> bool:
        """Whether every process has ended."""
        return not (self.waiting or self.running) and self.report in {"succeeded", "failed"}


class Submitter(Protocol):
    """Runs a job's shards on other machines.

    Optional: `Closable`.
    """

    async def submit(self, order: JobSpec) -> Submission:
        """Send the files that are not there yet, start all processes, and return as soon as they are accepted.

        Raises:
            ConfigError: the place to run on, or to send to, is not there. CredentialsError: it may not be used.
            UsageError: it cannot run such a job. QuerygenError of kind `retry`: try again later.
        """
        ...

    def watch(self, submission: Submission) -> AsyncIterator[Progress]:
        """Yield the progress from time to time. The last one is `ended` and names every process that failed.

        A moment without an answer is no error. To stop iterating stops nothing else.

        Raises:
            QuerygenError: the progress cannot be read any more.
        """
        ...
