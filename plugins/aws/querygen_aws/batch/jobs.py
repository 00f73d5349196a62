"""State of an array job in AWS Batch and of the report job that depends on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Literal

from querygen_core.api import Failure, Progress, Submission

State = Literal["waiting", "running", "succeeded", "failed"]

_STATES: dict[str, State] = {
    "SUBMITTED": "waiting",
    "PENDING": "waiting",
    "RUNNABLE": "waiting",
    "STARTING": "waiting",
    "RUNNING": "running",
    "SUCCEEDED": "succeeded",
    "FAILED": "failed",
}


def progress_of(batch: Any, submission: Submission) -> Progress | None:
    """Return the progress of both jobs; None if Batch does not know them. Errors of botocore are not translated."""
    response = batch.describe_jobs(jobs=[submission.id, submission.report_id])
    jobs = {str(job["jobId"]): job for job in response["jobs"]}
    if not {submission.id, submission.report_id} <= jobs.keys():
        return None
    shards, report = jobs[submission.id], jobs[submission.report_id]
    counts: Counter[State] = Counter()
    for status, count in _summary(shards).items():
        counts[_STATES.get(status, "waiting")] += count
    progress = Progress(
        waiting=counts["waiting"],
        running=counts["running"],
        succeeded=counts["succeeded"],
        failed=counts["failed"],
        report=_STATES.get(report["status"], "waiting"),
    )
    if not progress.ended:  # the reasons of failures take further requests, so ask for them only once
        return progress
    failures = [*_failed_shards(batch, shards), *([_failure(report, None)] if progress.report == "failed" else [])]
    return replace(progress, failures=tuple(failures))


def _summary(shards: Mapping[str, Any]) -> dict[str, int]:
    """Return the number of shards by Batch status.

    A new array has no children yet, so its own status counts for all; a plain job is one shard.
    """
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
    children = batch.describe_jobs(jobs=ids)["jobs"] if ids else []  # one call takes 100 ids; a job has 64 shards
    for child in sorted(children, key=lambda child: int(child["arrayProperties"]["index"])):
        yield _failure(child, int(child["arrayProperties"]["index"]))


def _failure(job: Mapping[str, Any], shard: int | None) -> Failure:
    container = _container(job)
    reasons = dict.fromkeys(filter(None, (job.get("statusReason"), container.get("reason"))))
    return Failure(
        shard=shard,
        exit_code=container.get("exitCode"),
        reason="; ".join(reasons),
        log=container.get("logStreamName", ""),
    )


def _container(job: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the container of the last attempt; of several, the one that failed."""
    tasks = job.get("ecsProperties", {}).get("taskProperties", [])
    containers = [container for task in tasks for container in task.get("containers", [])]
    failed = [container for container in containers if container.get("exitCode")]
    chosen: Mapping[str, Any] = [*failed, *containers, job.get("container", {})][0]
    return chosen
