from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aws_batches import CONTAINER, build
from aws_names import own_name
from aws_server import batch as aws_batch
from aws_server import emulators
from aws_server.proxy import AwsProxy, proxied
from querygen_aws import clients
from querygen_core.api import Submitter

KIND: emulators.Kind = "moto" if os.environ.get("QUERYGEN_AWS") == "moto" else "ministack"


@pytest.fixture(scope="session")
def aws() -> Iterator[emulators.Aws]:
    """One for all tests of a worker: each makes buckets, tables and secrets of its own names.

    ministack; or moto, as a second opinion, with QUERYGEN_AWS=moto.
    """
    with emulators.running(KIND) as running:
        yield running


@pytest.fixture
def environment(aws: emulators.Aws, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The emulator's address and credentials, in this process's environment."""
    for name, value in aws.environ.items():
        monkeypatch.setenv(name, value)
    return aws.environ


@pytest.fixture
def proxy(aws: emulators.Aws) -> Iterator[AwsProxy]:
    """In front of the emulator; whoever is to go through it gets `proxy.environ`."""
    with proxied(aws) as between:
        yield between


@pytest.fixture(scope="session")
def moto() -> Iterator[emulators.Aws]:
    """For the few tests that only it can judge."""
    with emulators.running("moto") as running:
        yield running


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pauses of botocore's between tries of what fails for good."""
    monkeypatch.setattr(clients, "_clients", {})
    monkeypatch.setattr(clients, "_TRIES", 1)


def new_bucket(aws: emulators.Aws, name: str = "") -> str:
    """name: by default one that no other test has."""
    name = name or own_name("bucket")
    aws.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": emulators.REGION})
    return name


@pytest.fixture
def bucket(aws: emulators.Aws, environment: dict[str, str]) -> str:
    """A new bucket, in ministack."""
    return new_bucket(aws)


@pytest.fixture(scope="session")
def batch_service() -> Iterator[aws_batch.Batch]:
    with aws_batch.serving() as batch:
        yield batch


@pytest.fixture
def batch(batch_service: aws_batch.Batch, monkeypatch: pytest.MonkeyPatch) -> aws_batch.Batch:
    """AWS Batch without a job definition; the rest of AWS is still ministack."""
    batch_service.reset()
    monkeypatch.setenv("AWS_ENDPOINT_URL_BATCH", batch_service.url)
    return batch_service


@pytest.fixture
def sized(batch: aws_batch.Batch) -> aws_batch.Batch:
    """With a job definition for each size."""
    for size in ("small", "medium", "large"):
        batch.define(f"querygen-{size}", **CONTAINER)
    return batch


@pytest.fixture
def submitter(bucket: str, tmp_path: Path) -> Callable[..., Submitter]:
    """Makes one that sends to the bucket, with the options given."""

    def make(**options: Any) -> Submitter:
        return build(tmp_path, **{"bucket": bucket, **options})

    return make
