"""The shard of this process when several processes share a job, as in an AWS Batch array."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from querygen_core.api import Shard
from querygen_core.contracts.errors import UsageError

_INDEX, _SIZE = "AWS_BATCH_JOB_ARRAY_INDEX", "AWS_BATCH_JOB_ARRAY_SIZE"


def shard_from(environ: Mapping[str, str]) -> Shard:
    """The shard that AWS Batch puts into the environment of an array's process; elsewhere the whole job.

    Raises:
        UsageError: the variables do not describe a shard.
    """
    index, size = environ.get(_INDEX), environ.get(_SIZE)
    if index is None or size is None:
        return Shard()
    try:
        shard = Shard(int(index), int(size))
    except ValueError:
        shard = Shard(-1, 0)
    if not 0 <= shard.index < shard.size:
        raise UsageError(f"{_INDEX}={index!r} with {_SIZE}={size!r} is not a valid shard; expected 0 <= index < size")
    return shard


def shard_named(text: str) -> Shard:
    """The shard of `--shard I/N`.

    Raises:
        UsageError: the text does not describe a shard.
    """
    index, slash, size = text.partition("/")
    if not (slash and index.isdecimal() and size.isdecimal() and int(index) < int(size)):
        raise UsageError(f"--shard: should be I/N, with I from 0 to N - 1, such as 0/4; not {text!r}")
    return Shard(int(index), int(size))


def with_partitions(shard: Shard, partitions: int) -> Shard:
    """The shard of a job with so many partitions.

    Raises:
        UsageError: there are more shards than partitions, so that some would have nothing to do.
    """
    check_shards(shard.size, partitions)
    return replace(shard, partition_count=partitions)


def check_shards(shards: int, partitions: int) -> None:
    """Raise UsageError if a job with so many partitions cannot have so many shards."""
    if shards > partitions:
        raise UsageError(
            f"{shards} shards are more than the {partitions} partitions of the job; start at most {partitions}, or set "
            f"runtime.partitions higher before the job's first run"
        )


def batch_run(environ: Mapping[str, str]) -> dict[str, Any]:
    """This process's names in AWS Batch, for the report: `{"batch": {"job": id, "attempt": from 1}}`; {} elsewhere."""
    job, attempt = environ.get("AWS_BATCH_JOB_ID"), environ.get("AWS_BATCH_JOB_ATTEMPT", "")
    return {"batch": {"job": job, "attempt": int(attempt) if attempt.isdecimal() else None}} if job else {}
