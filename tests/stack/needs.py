"""The IAM permissions that AWS checks for a request. One request may need several, not all named like its operation."""

from __future__ import annotations

import json
from collections.abc import Iterator
from urllib.parse import parse_qs

from aws_server.asked import Asked
from tests.stack.policies import Request
from tests.stack.values import ACCOUNT, ARNS, REGION

BUCKET, TABLE, KEY = ARNS["Bucket.Arn"], ARNS["Table.Arn"], ARNS["Key.Arn"]
SECRETS = {"querygen/gemini": ARNS["GeminiSecret"], "querygen/database": ARNS["DatabaseSecret"]}


def needs(asked: Asked, names: dict[str, str]) -> Iterator[Request]:
    """Yield the permissions that a request needs. names: a run's bucket and table, and their ARNs in the stack."""
    if asked.service == "s3":
        yield from _of_s3(asked, names)
    elif asked.service == "dynamodb":
        body = json.loads(asked.body)
        for table in body.get("RequestItems") or [body["TableName"]]:
            yield Request(f"dynamodb:{asked.operation}", names.get(table, table))
        yield via("dynamodb", "kms:Decrypt")
    elif asked.service == "secretsmanager":
        name = json.loads(asked.body)["SecretId"]
        yield Request(f"secretsmanager:{asked.operation}", SECRETS.get(name, name))
        yield via("secretsmanager", "kms:Decrypt")
    else:
        raise NotImplementedError(f"{asked.service}:{asked.operation}")


def _of_s3(asked: Asked, names: dict[str, str]) -> Iterator[Request]:
    bucket, _, key = asked.subject.lstrip("/").partition("/")
    bucket = names.get(bucket, bucket)
    where = f"{bucket}/{key}"
    query = parse_qs(asked.head.split(b" ")[1].decode().partition("?")[2])
    match asked.operation:
        case "HeadBucket":
            yield Request("s3:ListBucket", bucket)
        case "ListObjectsV2":
            yield Request("s3:ListBucket", bucket, {"s3:prefix": query["prefix"][0]})
        case "GetObject" | "HeadObject":
            yield Request("s3:GetObject", where)
            # It decides between 404 and 403 for a missing object, which the plugin has to distinguish.
            yield Request("s3:ListBucket", bucket)
            yield via("s3", "kms:Decrypt")
        case "PutObject" | "DeleteObject":
            yield Request(f"s3:{asked.operation}", where)
            if {"if-match", "if-none-match"} & asked.headers.keys():
                yield Request("s3:GetObject", where)
            if asked.operation == "PutObject":
                yield via("s3", "kms:GenerateDataKey")
        case other:
            raise NotImplementedError(other)


def via(service: str, action: str) -> Request:
    """Return a request for the key that a service sends on behalf of its caller."""
    return Request(action, KEY, {"kms:ViaService": f"{service}.{REGION}.amazonaws.com"})


def at(key: str, bucket: str = BUCKET) -> str:
    return f"{bucket}/{key}"


def arn(service: str, rest: str, account: str = ACCOUNT) -> str:
    return f"arn:aws:{service}:{REGION}:{account}:{rest}"
