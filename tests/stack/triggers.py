"""The stack's triggers on an emulator. An SQS queue stands in for the job queue, to see what is submitted."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from aws_server.emulators import CREDENTIALS, REGION, Aws
from tests.stack.creation import create, without_unknown
from tests.stack.template import of_type, stack
from tests.stack.values import Values

_QUIET = 0.3  # seconds in which nothing more comes; what does come took a few milliseconds
_PATIENCE = 20.0


@dataclass
class Triggers:
    """Sends events through bucket, bus and API, and collects the jobs that they start."""

    aws: Aws
    bucket: str
    bus: str
    api: str
    queue: str

    def upload(self, key: str, body: bytes = b"{}") -> str:
        """Return the object's ETag, without quotation marks."""
        answer = self.aws.client("s3").put_object(Bucket=self.bucket, Key=key, Body=body)
        return str(answer["ETag"]).strip('"')

    def put(self, detail: Any, detail_type: str = "JobRequested", source: str = "shop.database") -> None:
        entry = {"EventBusName": self.bus, "Source": source, "DetailType": detail_type, "Detail": json.dumps(detail)}
        answer = self.aws.client("events").put_events(Entries=[entry])
        assert not answer["FailedEntryCount"], answer

    def post(self, detail: Any, *, signed: bool = True) -> int:
        """Return the status. The emulator finds the API by its host name, which does not resolve."""
        host = urlsplit(self.api).hostname
        request = AWSRequest("POST", f"{self.aws.url}/jobs", headers={"Host": host}, data=json.dumps(detail).encode())
        if signed:
            pair = (CREDENTIALS["AWS_ACCESS_KEY_ID"], CREDENTIALS["AWS_SECRET_ACCESS_KEY"])
            SigV4Auth(Credentials(*pair), "execute-api", REGION).add_auth(request)
        sent = urllib.request.Request(request.url, request.data, dict(request.headers), method="POST")
        try:
            with urllib.request.urlopen(sent, timeout=_PATIENCE) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code

    def jobs(self, expected: int) -> list[dict[str, str]]:
        """Return the parameters of all jobs; wait until there are `expected`."""
        sqs, bodies = self.aws.client("sqs"), []
        until = time.monotonic() + (_PATIENCE if expected else _QUIET)
        while True:
            for message in sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages", []):
                sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
                bodies.append(json.loads(message["Body"]))
            if len(bodies) >= expected and time.monotonic() > until - _PATIENCE + _QUIET:
                break
            if time.monotonic() > until:
                break
            time.sleep(0.02)
        assert all([*body] == ["Parameters"] for body in bodies), bodies
        return [body["Parameters"] for body in bodies]


def start(aws: Aws, **parameters: str) -> Triggers:
    sqs = aws.client("sqs")
    queue = sqs.create_queue(QueueName="jobs")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    outputs = create(aws, without_unknown(stack(), Queue=arn), **parameters)
    return Triggers(aws, outputs["BucketName"], outputs["BusArn"], outputs["ApiUrl"], queue)


def container() -> dict[str, Any]:
    """Return the container of the definition that triggers use, with its parameters."""
    properties = of_type(stack(), "AWS::Batch::JobDefinition")["DefinitionMedium"]
    (task,) = properties["EcsProperties"]["TaskProperties"]
    (only,) = task["Containers"]
    return {**only, "Parameters": properties["Parameters"]}


def command(parameters: dict[str, str], bucket: str) -> list[str]:
    """Substitute parameters as Batch does: a word that is `Ref::name` becomes the parameter, whatever it contains."""
    definition = container()
    defaults = Values(stack(), {"Bucket": bucket}).of(definition["Parameters"])
    values = {f"Ref::{name}": value for name, value in {**defaults, **parameters}.items()}
    return [values.get(word, word) for word in definition["Command"]]
