"""Orders for AWS Batch, and a submitter to give them to."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from querygen_aws import build_batch
from querygen_aws.options import BatchOptions
from querygen_core.api import JobSpec, Progress, QuerygenError, Submission, Submitter
from querygen_core.testing import context

CONTAINER = {"containerProperties": {"image": "querygen", "command": ["--help"]}}
HELPER, OURS = {"name": "helper", "essential": False, "image": "x"}, {"name": "main", "image": "querygen"}
ECS = {"ecsProperties": {"taskProperties": [{"containers": [HELPER, OURS]}]}}
CONFIG = "4711/config.json"


def build(folder: Path, **options: Any) -> Submitter:
    given = BatchOptions.model_validate({"poll": 0.01, **options})
    return build_batch(given, context(folder, environ=dict(os.environ)))


def order(**given: Any) -> JobSpec:
    files = {"4711/prompts/a.j2": b"a", CONFIG: b"{}"}
    usual = {"job_id": "shop", "shards": 3, "size": "small", "files": files, "config": CONFIG}
    return JobSpec(**{**usual, **given})


def submit(made: Submitter, given: JobSpec | None = None) -> Submission:
    return asyncio.run(made.submit(given or order()))


def refusal(error: type[QuerygenError], made: Submitter, given: JobSpec | None = None) -> str:
    with pytest.raises(error) as caught:
        submit(made, given)
    return str(caught.value)


def watch(made: Submitter, submission: Submission, change: Callable[[int], None] | None = None) -> list[Progress]:
    """All that is told. change: called with the number of each."""

    async def collect() -> list[Progress]:
        told = []
        async for progress in made.watch(submission):
            told.append(progress)
            if change:
                change(len(told))
        return told

    return asyncio.run(collect())
