"""What a request to AWS asks for, by its own name for it, and how AWS says no to it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cached_property
from html import escape
from http import HTTPStatus
from urllib.parse import parse_qs, parse_qsl, unquote

_SCOPE = re.compile(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/aws4_request")

_STATUS = {
    "AccessDenied": 403,
    "ExpiredToken": 400,
    "InternalError": 500,
    "InvalidAccessKeyId": 403,
    "NoSuchBucket": 404,
    "NoSuchKey": 404,
    "OperationAborted": 409,
    "PreconditionFailed": 412,
    "ServiceUnavailable": 503,
    "SlowDown": 503,
    "SignatureDoesNotMatch": 403,
    "ConditionalRequestConflict": 409,
}

# Of an object: what a query string makes of a method; "" is the method alone.
_OBJECT = {
    "GET": (("uploadId", "ListParts"), ("tagging", "GetObjectTagging"), ("", "GetObject")),
    "HEAD": (("", "HeadObject"),),
    "PUT": (("uploadId", "UploadPart"), ("tagging", "PutObjectTagging"), ("", "PutObject")),
    "POST": (("uploads", "CreateMultipartUpload"), ("uploadId", "CompleteMultipartUpload"), ("", "PostObject")),
    "DELETE": (("uploadId", "AbortMultipartUpload"), ("", "DeleteObject")),
}
_BUCKET = {
    "GET": (
        ("location", "GetBucketLocation"),
        ("versioning", "GetBucketVersioning"),
        ("uploads", "ListMultipartUploads"),
        ("list-type", "ListObjectsV2"),
        ("", "ListObjects"),
    ),
    "HEAD": (("", "HeadBucket"),),
    "PUT": (("versioning", "PutBucketVersioning"), ("", "CreateBucket")),
    "POST": (("delete", "DeleteObjects"),),
    "DELETE": (("", "DeleteBucket"),),
}


@dataclass
class Asked:
    """A request. head: its bytes up to the empty line; body: b"" as long as nobody has read it."""

    head: bytes
    body: bytes = b""

    @cached_property
    def _line(self) -> tuple[str, str, str]:
        method, target, _ = self.head.partition(b"\r\n")[0].decode("latin-1").split(" ")
        path, _, query = target.partition("?")
        return method, path, query

    @property
    def method(self) -> str:
        return self._line[0]

    @cached_property
    def headers(self) -> dict[str, str]:
        """Names in lower case."""
        pairs = (line.partition(":") for line in self.head.decode("latin-1").strip().split("\r\n")[1:])
        return {name.lower(): value.strip() for name, _, value in pairs}

    @cached_property
    def service(self) -> str:
        """As the signature names it: `s3`, `dynamodb`, `secretsmanager`, `sts`."""
        found = _SCOPE.search(self.headers.get("authorization", ""))
        return found[1] if found else "s3"

    @property
    def by_body(self) -> bool:
        """Whether the body says what is asked for; in S3 it is the content of an object."""
        return self.service != "s3"

    @cached_property
    def operation(self) -> str:
        """`PutObject`, `BatchWriteItem`; `POST /v1/submitjob` of a service that is not known here."""
        if target := self.headers.get("x-amz-target"):
            return target.rpartition(".")[2]
        if self.service == "s3":
            return self._of_s3()
        return parse_qs(self.body.decode("latin-1")).get("Action", [" ".join(self._line[:2])])[0]

    def _of_s3(self) -> str:
        method, path, query = self._line
        bucket, _, key = path.lstrip("/").partition("/")
        if not bucket:
            return "ListBuckets"
        copied = "x-amz-copy-source" in self.headers
        given = {name for name, _ in parse_qsl(query, keep_blank_values=True)}
        for name, operation in (_OBJECT if key else _BUCKET).get(method, ()):
            if not name or name in given:
                copies = {"PutObject": "CopyObject", "UploadPart": "UploadPartCopy"}
                return copies.get(operation, operation) if copied else operation
        return f"{method} {path}"

    @cached_property
    def subject(self) -> str:
        """What a rule's `key` is looked for in: `/bucket/key`, unescaped, or the body of what is not S3."""
        return self.body.decode("utf-8", "replace") if self.by_body else unquote(self._line[1])


def answer(asked: Asked, status: int, body: bytes) -> bytes:
    kind = f"application/x-amz-json-{'1.0' if asked.service == 'dynamodb' else '1.1'}" if asked.by_body else "text/xml"
    size = len(body)
    head = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nContent-Type: {kind}\r\nContent-Length: {size}\r\n\r\n"
    return head.encode() + (b"" if asked.method == "HEAD" else body)


def error(asked: Asked, code: str, message: str, status: int | None) -> bytes:
    """AWS's own shape of an error: XML from S3, JSON from the others; a HEAD gets the status alone."""
    if asked.by_body:
        body = json.dumps({"__type": f"com.amazonaws.{asked.service}#{code}", "message": message})
        usual = 500 if code.startswith("Internal") else 400
        return answer(asked, status or usual, body.encode())
    resource = escape(asked.subject)
    body = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{escape(message)}</Message>'
        f"<Resource>{resource}</Resource><RequestId>PROXY</RequestId></Error>"
    )
    return answer(asked, status or _STATUS.get(code, 400), body.encode())
