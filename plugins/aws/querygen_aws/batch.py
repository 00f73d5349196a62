"""A job as an array job in AWS Batch, and its report as one more job that waits for the array."""

from __future__ import annotations

import asyncio
import hashlib
import re
import shlex
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from querygen_aws.batch_definitions import Definition, find
from querygen_aws.batch_errors import explain
from querygen_aws.batch_jobs import progress_of
from querygen_aws.batch_options import BatchOptions
from querygen_aws.batch_upload import upload
from querygen_aws.clients import client
from querygen_aws.failures import kind_of, said
from querygen_core.api import PARTITIONS, ConfigError, Context, Order, Progress, Submission, UsageError

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]+", re.ASCII)
_NOT_IN_TAGS = re.compile(r"[^\w .:/=+@-]")
_LONGEST_NAME = 100  # characters of the job id in it; a name has 128
_LONGEST_TAG = 256
_BLIND = 30  # looks in a row at which Batch does not know the job


class BatchSubmitter:
    def __init__(self, options: BatchOptions, context: Context) -> None:
        self._options = options
        self._log = context.log
        self._batch = client("batch", context.environ, options.region)
        self._s3 = client("s3", context.environ, options.region)

    async def submit(self, order: Order) -> Submission:
        if not 1 <= order.shards <= PARTITIONS:
            raise UsageError(f"{order.shards} shards: a job has 1 to {PARTITIONS}")
        return await asyncio.to_thread(self._submit, order)

    async def watch(self, submission: Submission) -> AsyncIterator[Progress]:
        blind = 0
        while True:
            progress = await asyncio.to_thread(self._look, submission)
            blind = 0 if progress else blind + 1
            if blind == _BLIND:
                raise ConfigError(f"AWS Batch knows no job {submission.id}; was it submitted in another region?")
            if progress:
                yield progress
                if progress.ended:
                    return
            await asyncio.sleep(self._options.poll)

    def _submit(self, order: Order) -> Submission:
        named = self._options.job_definitions
        shards, small = (find(self._batch, name) for name in (getattr(named, order.size), named.small))
        place = f"s3://{self._options.bucket}/{self._options.prefix}"
        upload(self._s3, self._options.bucket, self._options.prefix, order.files)
        name = name_of(order.job_id)
        array: dict[str, Any] = {"arrayProperties": {"size": order.shards}} if order.shards > 1 else {}
        id_ = self._start(order, name, shards, order.run(place), array)
        after = {"dependsOn": [{"jobId": id_}]}
        try:
            report_id = self._start(order, f"{name}-report", small, order.report(place), after)
        except Exception:
            self._log.error("the shards run as job %s, but their report could not be submitted", id_)
            raise
        return Submission(id=id_, report_id=report_id, place=place, follow=self._follow(id_, report_id))

    def _start(
        self, order: Order, name: str, definition: Definition, command: Sequence[str], more: Mapping[str, Any]
    ) -> str:
        """The new job's id."""
        tags = {"querygen-job": _NOT_IN_TAGS.sub("_", order.job_id)[:_LONGEST_TAG]}
        try:
            answer = self._batch.submit_job(
                jobName=name, jobQueue=self._options.job_queue, jobDefinition=definition.arn, tags=tags,
                propagateTags=True, **definition.overridden(command), **more,
            )  # fmt: skip
        except (ClientError, BotoCoreError) as error:
            where = f"the queue {self._options.job_queue}"
            raise explain(error, where, "batch:SubmitJob on queue and job definition, and batch:TagResource") from error
        return str(answer["jobId"])

    def _look(self, submission: Submission) -> Progress | None:
        """None if Batch says nothing just now: a job is not to be seen at once everywhere, and a call may fail."""
        try:
            return progress_of(self._batch, submission)
        except (ClientError, BotoCoreError) as error:
            if kind_of(error) != "retry":
                raise explain(error, f"job {submission.id}", "batch:DescribeJobs and batch:ListJobs") from error
            self._log.warning("AWS Batch cannot be asked now (%s)", said(error))
            return None

    def _follow(self, id_: str, report_id: str) -> tuple[str, ...]:
        region = ["--region", self._batch.meta.region_name]
        return (
            shlex.join(["aws", "batch", "describe-jobs", *region, "--jobs", id_, report_id]),
            shlex.join(["aws", "batch", "terminate-job", *region, "--job-id", id_, "--reason", "stopped"]),
        )


def name_of(job_id: str) -> str:
    """The job id as far as Batch takes it, and a hash of the whole of it."""
    readable = _NOT_IN_NAMES.sub("-", job_id).strip("-_")[:_LONGEST_NAME] or "job"
    return f"{readable}-{hashlib.sha256(job_id.encode()).hexdigest()[:8]}"
