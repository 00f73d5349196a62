"""`aws/batch`: runs a job as an array job in AWS Batch, and its report as a job that depends on the array."""

from __future__ import annotations

import asyncio
import hashlib
import re
import shlex
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from querygen_aws.batch.definitions import Definition, find
from querygen_aws.batch.errors import translate_error
from querygen_aws.batch.jobs import progress_of
from querygen_aws.batch.upload import upload
from querygen_aws.clients import client
from querygen_aws.errors import describe_error, kind_of
from querygen_aws.options import BatchOptions
from querygen_aws.s3.object_settings import ObjectSettings
from querygen_core.api import ConfigError, Context, JobSpec, Progress, Submission, UsageError

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]+", re.ASCII)
_NOT_IN_TAGS = re.compile(r"[^\w .:/=+@-]")
_LARGEST_ARRAY = 10_000  # children, a limit of AWS Batch
_LONGEST_NAME = 100  # characters of the job id in it; a name has 128
_MAX_TAG_LENGTH = 256
_MAX_UNKNOWN = 30  # polls in a row in which Batch does not know the job: its API is eventually consistent


class BatchSubmitter:
    def __init__(self, options: BatchOptions, context: Context) -> None:
        self._options = options
        self._log = context.log
        self._batch = client("batch", context.environ, options.region)
        self._s3 = client("s3", context.environ, options.region)
        self._settings = ObjectSettings.of_environ(context.environ)

    async def submit(self, spec: JobSpec) -> Submission:
        if not 1 <= spec.shards <= _LARGEST_ARRAY:
            raise UsageError(f"{spec.shards} shards: an array in AWS Batch has 1 to {_LARGEST_ARRAY:,}")
        return await asyncio.to_thread(self._submit, spec)

    async def watch(self, submission: Submission) -> AsyncIterator[Progress]:
        unknown = 0
        while True:
            progress = await asyncio.to_thread(self._poll, submission)
            unknown = 0 if progress else unknown + 1
            if unknown == _MAX_UNKNOWN:
                raise ConfigError(f"AWS Batch has no job {submission.id}; was it submitted in another region?")
            if progress:
                yield progress
                if progress.ended:
                    return
            await asyncio.sleep(self._options.poll)

    def _submit(self, spec: JobSpec) -> Submission:
        names = self._options.job_definitions
        shards, small = (find(self._batch, name) for name in (getattr(names, spec.size), names.small))
        base_url = f"s3://{self._options.bucket}/{self._options.prefix}"
        # Definitions are looked up first, so that a wrong name uploads nothing.
        upload(self._s3, self._options.bucket, self._options.prefix, spec.files, self._settings)
        name = name_of(spec.job_id)
        # An array has at least two children, so one shard is a plain job.
        array: dict[str, Any] = {"arrayProperties": {"size": spec.shards}} if spec.shards > 1 else {}
        id_ = self._start(spec, name, shards, spec.run(base_url), array)
        depends = {"dependsOn": [{"jobId": id_}]}
        try:
            report_id = self._start(spec, f"{name}-report", small, spec.report(base_url), depends)
        except Exception:  # the array cannot be recalled by then, so tell how to find it
            self._log.error("the shards were submitted as job %s, but their report job could not be submitted", id_)
            raise
        return Submission(id=id_, report_id=report_id, place=base_url, follow=self._follow(id_, report_id))

    def _start(
        self, spec: JobSpec, name: str, definition: Definition, command: Sequence[str], extra: Mapping[str, Any]
    ) -> str:
        """Submit one job and return its id."""
        tags = {"querygen-job": _NOT_IN_TAGS.sub("_", spec.job_id)[:_MAX_TAG_LENGTH]}
        try:
            response = self._batch.submit_job(
                jobName=name,
                jobQueue=self._options.job_queue,
                jobDefinition=definition.arn,
                tags=tags,
                propagateTags=True,
                **definition.overridden(command),
                **extra,
            )
        except (ClientError, BotoCoreError) as error:
            permission = "batch:SubmitJob on queue and job definition, and batch:TagResource"
            raise translate_error(error, f"the queue {self._options.job_queue}", permission) from error
        return str(response["jobId"])

    def _poll(self, submission: Submission) -> Progress | None:
        """Return None if Batch does not know the job yet, or cannot be reached at the moment."""
        try:
            return progress_of(self._batch, submission)
        except (ClientError, BotoCoreError) as error:
            if kind_of(error) != "retry":
                raise translate_error(error, f"job {submission.id}", "batch:DescribeJobs and batch:ListJobs") from error
            self._log.warning("AWS Batch cannot be reached at the moment (%s); trying again", describe_error(error))
            return None

    def _follow(self, id_: str, report_id: str) -> tuple[str, ...]:
        region = ["--region", self._batch.meta.region_name]
        return (
            shlex.join(["aws", "batch", "describe-jobs", *region, "--jobs", id_, report_id]),
            shlex.join(["aws", "batch", "terminate-job", *region, "--job-id", id_, "--reason", "stopped"]),
        )


def name_of(job_id: str) -> str:
    """Return a valid name: the characters of the job id that Batch allows, and a hash of all of it.

    Not `formats.safe_name`: Batch allows no percent signs or dots, and people look for the job id in its console.
    """
    readable = _NOT_IN_NAMES.sub("-", job_id).strip("-_")[:_LONGEST_NAME] or "job"
    return f"{readable}-{hashlib.sha256(job_id.encode()).hexdigest()[:8]}"
