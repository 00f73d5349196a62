"""The number of partitions of a job, which its first run fixes."""

from __future__ import annotations

from querygen_core.contracts.errors import ConfigError


def refuse_other_partitions(job_id: str, partitions: int, first: int) -> None:
    """Raise ConfigError if a run has another number of partitions than the job's first one."""
    if first != partitions:
        raise ConfigError(
            f"runtime.partitions: is {partitions}, but job {job_id!r} was first started with {first}, which "
            f"cannot change; set it to {first}, or use another job_id"
        )
