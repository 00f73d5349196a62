"""AWS Batch as far as a submitter meets it, over HTTP: ministack's takes anything, has no arrays and no ECS properties.

It checks what is sent as AWS does, keeps it, and lets a job be in whatever state a test puts it in.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import uuid4

from aws_server.emulators import REGION

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}", re.ASCII)
_TAG = re.compile(r"[\w .:/=+@-]{0,256}")
_ARN = f"arn:aws:batch:{REGION}:123456789012"


class Refused(Exception):
    """A ClientException: AWS's word for whatever is wrong with a request."""


@dataclass
class _Refusal:
    path: str
    status: int
    code: str
    after: int


class Batch:
    """It has one queue, `querygen`. url: for AWS_ENDPOINT_URL_BATCH. submitted: every request for a job, in order."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.reset()

    def reset(self) -> None:
        self.submitted: list[dict[str, Any]] = []
        self._definitions: list[dict[str, Any]] = []
        self._jobs: dict[str, dict[str, Any]] = {}
        self._refusals: list[_Refusal] = []

    def define(self, name: str, status: str = "ACTIVE", **properties: Any) -> str:
        """A new revision; its ARN."""
        revision = 1 + sum(one["jobDefinitionName"] == name for one in self._definitions)
        arn = f"{_ARN}:job-definition/{name}:{revision}"
        self._definitions.append(
            {
                "jobDefinitionName": name,
                "jobDefinitionArn": arn,
                "revision": revision,
                "status": status,
                "type": "container",
                **properties,
            }
        )
        return arn

    def refuse(self, path: str, status: int, code: str, after: int = 0) -> None:
        """The next request for `path` (`submitjob`) is answered so, or the one after so many that are let through."""
        self._refusals.append(_Refusal(path, status, code, after))

    def put(self, job: str, status: str, **more: Any) -> None:
        self._jobs[job].update(status=status, **more)

    def put_array(self, job: str, summary: Mapping[str, int], status: str = "PENDING") -> None:
        self._jobs[job]["arrayProperties"]["statusSummary"] = dict(summary)
        self.put(job, status)

    def put_child(self, job: str, index: int, status: str, **more: Any) -> None:
        child = f"{job}:{index}"
        made = {"jobId": child, "jobName": child, "arrayProperties": {"index": index}, "status": status, **more}
        self._jobs[child] = made

    def answer(self, path: str, given: Mapping[str, Any]) -> tuple[int, Mapping[str, Any]]:
        for refusal in [one for one in self._refusals if one.path == path]:
            refusal.after -= 1
            if refusal.after < 0:
                self._refusals.remove(refusal)
                return refusal.status, {"__type": refusal.code, "message": "it was told to refuse this"}
        try:
            return 200, getattr(self, f"_{path}")(given)
        except Refused as exc:
            return 400, {"__type": "ClientException", "message": str(exc)}

    def _describejobdefinitions(self, given: Mapping[str, Any]) -> Mapping[str, Any]:
        exact, name, status = given.get("jobDefinitions"), given.get("jobDefinitionName"), given.get("status")
        found = [
            one
            for one in self._definitions
            if status in (None, one["status"])
            and (name is None or one["jobDefinitionName"] == name)
            and (exact is None or {one["jobDefinitionArn"], one["jobDefinitionArn"].partition("/")[2]} & set(exact))
        ]
        start = int(given.get("nextToken", 0))  # two on a page
        more = {"nextToken": str(start + 2)} if start + 2 < len(found) else {}
        return {"jobDefinitions": found[start : start + 2], **more}

    def _submitjob(self, given: Mapping[str, Any]) -> Mapping[str, Any]:
        self._check(given)
        job = str(uuid4())
        self.submitted.append({**given, "jobId": job})
        self._jobs[job] = {"jobId": job, "jobName": given["jobName"], "status": "SUBMITTED"}
        if array := given.get("arrayProperties"):
            self._jobs[job]["arrayProperties"] = {**array, "statusSummary": {}}
        return {"jobId": job, "jobName": given["jobName"], "jobArn": f"{_ARN}:job/{job}"}

    def _check(self, given: Mapping[str, Any]) -> None:
        if not _NAME.fullmatch(given["jobName"]):
            raise Refused(f"Job name {given['jobName']!r} is not allowed")
        if given["jobQueue"] != "querygen":
            raise Refused(f"JobQueue {given['jobQueue']} not found.")
        if "arrayProperties" in given and not 2 <= given["arrayProperties"]["size"] <= 10_000:
            raise Refused("Array size must be between 2 and 10000")
        if not all(_TAG.fullmatch(value) for value in given.get("tags", {}).values()):
            raise Refused("a tag's value is not allowed")
        if any(one["jobId"] not in self._jobs for one in given.get("dependsOn", ())):
            raise Refused("there is no such job to depend on")
        self._check_overrides(given)

    def _check_overrides(self, given: Mapping[str, Any]) -> None:
        named = given["jobDefinition"]
        known = [one for one in self._definitions if named in (one["jobDefinitionArn"], one["jobDefinitionName"])]
        definition = known[-1] if known else None  # a name is its newest revision
        if definition is None or definition["status"] != "ACTIVE":
            raise Refused(f"JobDefinition {given['jobDefinition']} not found.")
        if ("containerOverrides" in given) != ("containerProperties" in definition):
            raise Refused("Container overrides are for a job definition with containerProperties, and only for it")
        if ("ecsPropertiesOverride" in given) != ("ecsProperties" in definition):
            raise Refused("ECS overrides are for a job definition with ecsProperties, and only for it")
        if "ecsPropertiesOverride" in given:
            names = _containers(definition["ecsProperties"])
            if not set(_containers(given["ecsPropertiesOverride"])) <= set(names):
                raise Refused(f"there are only the containers {names}")

    def _describejobs(self, given: Mapping[str, Any]) -> Mapping[str, Any]:
        if len(given["jobs"]) > 100:
            raise Refused("at most 100 jobs")
        return {"jobs": [self._jobs[job] for job in given["jobs"] if job in self._jobs]}

    def _listjobs(self, given: Mapping[str, Any]) -> Mapping[str, Any]:
        """Two on a page, in no useful order."""
        found = [
            {name: job[name] for name in ("jobId", "jobName", "status")}
            for key, job in sorted(self._jobs.items(), reverse=True)
            if key.startswith(f"{given['arrayJobId']}:") and job["status"] == given.get("jobStatus", "RUNNING")
        ]
        start = int(given.get("nextToken", 0))
        more = {"nextToken": str(start + 2)} if start + 2 < len(found) else {}
        return {"jobSummaryList": found[start : start + 2], **more}


def _containers(properties: Mapping[str, Any]) -> Sequence[str | None]:
    return [one.get("name") for task in properties["taskProperties"] for one in task["containers"]]


@contextmanager
def serving() -> Iterator[Batch]:
    """In a thread of its own, until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            given = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"{}")
            status, answer = batch.answer(self.path.rpartition("/")[2], given)
            body = json.dumps(answer).encode()
            self.send_response(status)
            if "__type" in answer:
                self.send_header("x-amzn-errortype", str(answer["__type"]))
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        batch = Batch(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, name="batch")
        thread.start()
        try:
            yield batch
        finally:
            server.shutdown()
            thread.join()
