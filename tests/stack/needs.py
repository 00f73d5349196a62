"""What AWS asks IAM when a request comes in. One request may take several rights, some of them not in its name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from urllib.parse import parse_qs

from tests.servers.aws_asked import Asked
from tests.stack.policies import Request
from tests.stack.values import ACCOUNT, ARNS, REGION

BUCKET, TABLE, KEY = ARNS["Bucket.Arn"], ARNS["Table.Arn"], ARNS["Key.Arn"]
SECRETS = {"querygen/gemini": ARNS["GeminiSecret"], "querygen/database": ARNS["DatabaseSecret"]}


def needs(asked: Asked, names: dict[str, str]) -> Iterator[Request]:
    """names: of a run's bucket and table, and the ARNs that they have in the stack."""
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
            # Whether it says 404 or 403 of what is not there: the plugin has to tell these apart.
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
    """The key is used by the service, in the name of whoever called it."""
    return Request(action, KEY, {"kms:ViaService": f"{service}.{REGION}.amazonaws.com"})


def at(key: str, bucket: str = BUCKET) -> str:
    return f"{bucket}/{key}"


def arn(service: str, rest: str, account: str = ACCOUNT) -> str:
    return f"arn:aws:{service}:{REGION}:{account}:{rest}"
