"""The components that a job needs to run on Amazon Web Services. boto3 is imported only by those that are used."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from querygen_aws.options import (
    BatchOptions,
    MetricsOptions,
    NoOptions,
    OrchestrationLogOptions,
    S3Options,
)
from querygen_core.api import (
    Component,
    Context,
    Observer,
    SecretResolver,
    Sink,
    SnapshotSink,
    Storage,
    Submitter,
    hookimpl,
)

querygen_api = 1


def build_secretsmanager(_options: NoOptions, context: Context) -> SecretResolver:
    from querygen_aws.secretsmanager import SecretsManagerResolver

    return SecretsManagerResolver(context.environ)


def build_rds_token(_options: NoOptions, context: Context) -> SecretResolver:
    from querygen_aws.rds import RdsTokenResolver

    return RdsTokenResolver(context.environ)


@hookimpl
def querygen_secrets() -> Iterable[Component[NoOptions, SecretResolver]]:
    return [
        Component(
            "secretsmanager",
            NoOptions,
            build_secretsmanager,
            "Reads a secret from Secrets Manager: `${secret:aws/secretsmanager:NAME#field}`",
        ),
        Component(
            "rds-token",
            NoOptions,
            build_rds_token,
            "Signs an IAM password for RDS: `${secret:aws/rds-token:HOST:PORT/USER}`",
        ),
    ]


def build_s3_storage(_options: NoOptions, context: Context) -> Storage:
    from querygen_aws.s3.storage import S3Storage

    return S3Storage(context)


@hookimpl
def querygen_storages() -> Iterable[Component[Any, Storage]]:
    return (Component("s3", NoOptions, build_s3_storage, "Reads and keeps objects in S3: `s3://bucket/key`"),)


def build_s3(options: S3Options, context: Context) -> SnapshotSink:
    from querygen_aws.s3.sink import S3Sink

    return S3Sink(options, context)


@hookimpl
def querygen_sinks() -> Iterable[Component[Any, Sink]]:
    summary = "Writes all queries of a job to S3, as one document or in parts"
    return (Component("s3", S3Options, build_s3, summary),)


def build_orchestration_log(options: OrchestrationLogOptions, context: Context) -> Observer:
    from querygen_aws.orchestration_log import OrchestrationLog

    return OrchestrationLog(options, context.environ)


def build_metrics(options: MetricsOptions, context: Context) -> Observer:
    from querygen_aws.metrics import Metrics

    if options.table is None:
        return Metrics(options, None, context.log)
    from querygen_aws.durations import DurationTable

    return Metrics(options, DurationTable(options.table, context.environ, options.region), context.log)


@hookimpl
def querygen_observers() -> Iterable[Component[Any, Observer]]:
    return (
        Component(
            "orchestration-log",
            OrchestrationLogOptions,
            build_orchestration_log,
            "Writes the events of a job to a DynamoDB table",
        ),
        Component(
            "metrics", MetricsOptions, build_metrics, "Writes the figures of a run to standard error, for CloudWatch"
        ),
    )


def build_batch(options: BatchOptions, context: Context) -> Submitter:
    from querygen_aws.batch.submitter import BatchSubmitter

    return BatchSubmitter(options, context)


@hookimpl
def querygen_submitters() -> Iterable[Component[BatchOptions, Submitter]]:
    summary = "Runs a job as an array job in AWS Batch, with one child for each shard"
    return [Component("batch", BatchOptions, build_batch, summary)]
