"""DynamoDB tables to observe into, and what they hold afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from boto3.dynamodb.types import TypeDeserializer

from aws_names import own_name
from aws_server.emulators import Aws
from querygen_core.api import Event

TIME = "2026-11-23T12:00:00.000Z"


def make_table(aws: Aws, name: str = "") -> str:
    """A new one with the key that the observers need. name: by default one that no other test has."""
    name = name or own_name("events")
    aws.client("dynamodb").create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": one, "AttributeType": "S"} for one in ("pk", "sk")],
    )
    return name


def items(aws: Aws, table: str, pk: str) -> list[dict[str, Any]]:
    """As a reader gets them: by the key, in its order, numbers as Decimal."""
    return [
        {name: TypeDeserializer().deserialize(value) for name, value in item.items()} for item in raw(aws, table, pk)
    ]


def raw(aws: Aws, table: str, pk: str) -> Iterator[dict[str, Any]]:
    condition = {"KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": {":pk": {"S": pk}}}
    pages = aws.client("dynamodb").get_paginator("query").paginate(TableName=table, ConsistentRead=True, **condition)
    for page in pages:
        yield from page["Items"]


def event(seq: int = 1, kind: str = "stage_finished", **changes: Any) -> Event:
    given = {"data": {}, "job_id": "job", "attempt": 1, "time": TIME, **changes}
    return Event(kind=kind, seq=seq, **given)


REPORT: dict[str, Any] = {
    "job_id": "job",
    "exit_code": 0,
    "state": "done",
    "message": "",
    "input": 12,
    "done": 8,
    "short": 1,
    "rejected": 1,
    "duplicate": 1,
    "failed": 1,
    "pending": 0,
    "not_in_input": 0,
    "short_reasons": {"market": 1},
    "calls": {
        "new": 18,
        "journal": 2,
        "indeterminate": 0,
        "abandoned": 0,
        "job": 20,
        "errors": {"throttled": 5, "retry": 1},
    },
    "tokens": {"input": 1000, "output": 500, "thinking": 20, "cached": 0},
    "cost": 0.0123,
    "cost_job": 0.02,
    "answers_by_rung": {"json": 18},
    "queries": {"generated": 100, "kept": 80, "dropped": {"text/dedup": 20}},
    "sinks": {
        "rows": {"delivered": 60, "unchanged": 4, "retired": 1, "pending": 12, "backup": 4, "identity": "host/db"},
        "files": {"delivered": 80, "unchanged": 0, "retired": 0, "pending": 0, "backup": 0, "identity": "out.jsonl"},
    },
    "events_undelivered": 3,
    "peak_rss_bytes": 52_428_800,
    "cpu_seconds": 1.25,
    "products_processed": 9,
    "total_queries_generated": 100,
    "queries_saved_to_db": 64,
    "products_processing_time": 0.5,
    "questions_generation_time": 18.0,
    "results_persistence_time": 2.25,
    "attempt": 1,
    "shard": {"index": 0, "size": 1},
    "config_hash": "c" * 64,
    "models": {},
}
"""Of a run in which a bit of everything went wrong."""
