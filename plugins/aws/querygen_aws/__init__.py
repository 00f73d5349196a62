"""Amazon Web Services: what a job needs to run there."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from querygen_aws.batch_options import BatchOptions
from querygen_aws.journal_options import S3JournalOptions
from querygen_aws.observer_options import MetricsOptions, OrchestrationLogOptions
from querygen_aws.s3_options import S3Options, S3StorageOptions
from querygen_core.api import (
    Component,
    Context,
    Journal,
    Observer,
    Options,
    SecretResolver,
    Sink,
    SnapshotSink,
    Storage,
    Submitter,
    hookimpl,
)

querygen_api = 1


class NoOptions(Options):
    pass


def build_secretsmanager(_options: NoOptions, context: Context) -> SecretResolver:
    from querygen_aws.secretsmanager import SecretsManagerResolver

    return SecretsManagerResolver(context.environ)


def build_rds_token(_options: NoOptions, context: Context) -> SecretResolver:
    from querygen_aws.rds import RdsTokenResolver

    return RdsTokenResolver(context.environ)


@hookimpl
def querygen_secrets() -> Iterable[Component[NoOptions, SecretResolver]]:
    return [
        Component("secretsmanager", NoOptions, build_secretsmanager, "Secrets Manager: ${secret:…:NAME#field}."),
        Component("rds-token", NoOptions, build_rds_token, "A token for RDS: ${secret:…:HOST:PORT/USER}."),
    ]


def build_s3_storage(_options: S3StorageOptions, context: Context) -> Storage:
    from querygen_aws.s3.storage import S3Storage

    return S3Storage(context)


@hookimpl
def querygen_storages() -> Iterable[Component[Any, Storage]]:
    return (Component("s3", S3StorageOptions, build_s3_storage, "objects in S3: `s3://bucket/key`"),)


def build_s3(options: S3Options, context: Context) -> SnapshotSink:
    from querygen_aws.s3.sink import S3Sink

    return S3Sink(options, context)


@hookimpl
def querygen_sinks() -> Iterable[Component[Any, Sink]]:
    return (Component("s3", S3Options, build_s3, "all queries of a job in S3, as one document or in 64 parts"),)


def build_orchestration_log(options: OrchestrationLogOptions, context: Context) -> Observer:
    from querygen_aws.orchestration_log import OrchestrationLog

    return OrchestrationLog(options, context.environ)


def build_metrics(options: MetricsOptions, context: Context) -> Observer:
    from querygen_aws.metrics import Metrics

    if options.table is None:
        return Metrics(options, None, context.log)
    from querygen_aws.durations import Durations

    return Metrics(options, Durations(options.table, context.environ, options.region), context.log)


@hookimpl
def querygen_observers() -> Iterable[Component[Any, Observer]]:
    return (
        Component(
            "orchestration-log", OrchestrationLogOptions, build_orchestration_log, "what happened, as items in DynamoDB"
        ),
        Component("metrics", MetricsOptions, build_metrics, "a run's figures for CloudWatch, on standard error"),
    )


def build_s3_journal(options: S3JournalOptions, context: Context) -> Journal:
    from querygen_aws.journal.journal import S3Journal

    return S3Journal(options, context)


@hookimpl
def querygen_journals() -> Iterable[Component[S3JournalOptions, Journal]]:
    return [Component("s3-journal", S3JournalOptions, build_s3_journal, "every answer in S3, to outlive the machine")]


def build_batch(options: BatchOptions, context: Context) -> Submitter:
    from querygen_aws.batch import BatchSubmitter

    return BatchSubmitter(options, context)


@hookimpl
def querygen_submitters() -> Iterable[Component[BatchOptions, Submitter]]:
    return [Component("batch", BatchOptions, build_batch, "an array job in AWS Batch, a child for each shard")]
