"""What AWS Batch says of an array job and of the one that waits for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Literal

from querygen_core.api import Failure, Progress, Submission

State = Literal["waiting", "running", "succeeded", "failed"]

_STATES: dict[str, State] = {
    "SUBMITTED": "waiting", "PENDING": "waiting", "RUNNABLE": "waiting", "STARTING": "waiting", "RUNNING": "running",
    "SUCCEEDED": "succeeded", "FAILED": "failed",
}  # fmt: skip


def progress_of(batch: Any, submission: Submission) -> Progress | None:
    """None if Batch does not know them. Lets errors of botocore pass."""
    answer = batch.describe_jobs(jobs=[submission.id, submission.report_id])
    jobs = {str(job["jobId"]): job for job in answer["jobs"]}
    if not {submission.id, submission.report_id} <= jobs.keys():
        return None
    shards, report = jobs[submission.id], jobs[submission.report_id]
    counts: Counter[State] = Counter()
    for status, count in _summary(shards).items():
        counts[_STATES.get(status, "waiting")] += count
    progress = Progress(
        waiting=counts["waiting"], running=counts["running"], succeeded=counts["succeeded"], failed=counts["failed"],
        report=_STATES.get(report["status"], "waiting"),
    )  # fmt: skip
    if not progress.ended:
        return progress
    failures = [*_failed_shards(batch, shards), *([_failure(report, None)] if progress.report == "failed" else [])]
    return replace(progress, failures=tuple(failures))


def _summary(shards: Mapping[str, Any]) -> dict[str, int]:
    """How many are in which status. An array has no children yet while it is new; what is no array is one shard."""
    array = shards.get("arrayProperties", {})
    counts = {status: count for status, count in array.get("statusSummary", {}).items() if count}
    return counts or {shards["status"]: array.get("size", 1)}


def _failed_shards(batch: Any, shards: Mapping[str, Any]) -> Iterator[Failure]:
    if "size" not in shards.get("arrayProperties", {}):
        if shards["status"] == "FAILED":
            yield _failure(shards, 0)
        return
    pages = batch.get_paginator("list_jobs").paginate(arrayJobId=shards["jobId"], jobStatus="FAILED")
    ids = [child["jobId"] for page in pages for child in page["jobSummaryList"]]
    children = batch.describe_jobs(jobs=ids)["jobs"] if ids else []  # it takes 100, and a job has 64 shards
    for child in sorted(children, key=lambda child: int(child["arrayProperties"]["index"])):
        yield _failure(child, int(child["arrayProperties"]["index"]))


def _failure(job: Mapping[str, Any], shard: int | None) -> Failure:
    container = _container(job)
    reasons = dict.fromkeys(filter(None, (job.get("statusReason"), container.get("reason"))))
    return Failure(
        shard=shard, exit_code=container.get("exitCode"), reason="; ".join(reasons),
        log=container.get("logStreamName", ""),
    )  # fmt: skip


def _container(job: Mapping[str, Any]) -> Mapping[str, Any]:
    """Of the last attempt, the one that failed where there are several."""
    tasks = job.get("ecsProperties", {}).get("taskProperties", [])
    containers = [container for task in tasks for container in task.get("containers", [])]
    failed = [container for container in containers if container.get("exitCode")]
    chosen: Mapping[str, Any] = [*failed, *containers, job.get("container", {})][0]
    return chosen
