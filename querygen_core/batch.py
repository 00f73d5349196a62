"""Which part of the work is ours when several processes share a job, as in an AWS Batch array."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from querygen_core.api import PARTITIONS, Shard
from querygen_core.errors import UsageError

_INDEX, _SIZE = "AWS_BATCH_JOB_ARRAY_INDEX", "AWS_BATCH_JOB_ARRAY_SIZE"


def shard_from(environ: Mapping[str, str]) -> Shard:
    """The shard that AWS Batch tells an array child through its environment; the whole job elsewhere.

    Raises:
        UsageError: the variables are there but make no sense.
    """
    index, size = environ.get(_INDEX), environ.get(_SIZE)
    if index is None or size is None:
        return Shard()
    try:
        shard = Shard(int(index), int(size))
    except ValueError:
        shard = Shard(-1, 0)
    if not 0 <= shard.index < shard.size:
        raise UsageError(f"{_INDEX}={index!r} with {_SIZE}={size!r} is no shard; expected 0 <= index < size")
    if shard.size > PARTITIONS:
        raise UsageError(f"{_SIZE}={size!r}: a job has at most {PARTITIONS} shards; start it with fewer")
    return shard


def batch_run(environ: Mapping[str, str]) -> dict[str, Any]:
    """How AWS Batch calls this process, for the report: `{"batch": {"job": id, "attempt": from 1}}`; else nothing."""
    job, attempt = environ.get("AWS_BATCH_JOB_ID"), environ.get("AWS_BATCH_JOB_ATTEMPT", "")
    return {"batch": {"job": job, "attempt": int(attempt) if attempt.isdecimal() else None}} if job else {}
