"""configs/prod.yaml as AWS Batch runs it, with all that it needs on this machine."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aws_fixtures import new_bucket
from aws_server.emulators import Aws
from aws_tables import make_table
from gemini_fixtures import KEY
from gemini_server import Gemini
from postgres_server import Database
from tests.cli.process import LIMIT, Ended, end, start
from tests.faults.shop import records
from tests.rehearsal.services import grant_role, keep_secret

CONFIG = Path(__file__).parents[3] / "configs" / "prod.yaml"
PASSWORD = "canary/of+the=production-database-90b2"
CONCURRENCY = 16
PARTS = ("--set", "sinks.1.layout=parts")


@dataclass
class Production:
    """A bucket, a table, two secrets, a database, and a catalogue in the bucket; each `machine` is an empty disk.

    catalogue: a file of whatever format; else `products` invented products.
    """

    folder: Path
    aws: Aws
    database: Database
    model: Gemini
    products: int = 10
    catalogue: Path | None = None
    job_id: str = "autumn/2026"
    bucket: str = ""
    table: str = ""
    sets: tuple[str, ...] = ()
    key: str = field(init=False)

    def __post_init__(self) -> None:
        self.bucket, self.table = new_bucket(self.aws), make_table(self.aws)
        name = self.catalogue.name if self.catalogue else "catalogue.jsonl"
        self.key = f"input/{name}"
        lines = "".join(f"{json.dumps(one)}\n" for one in records(self.products)).encode()
        body = self.catalogue.read_bytes() if self.catalogue else lines
        self.aws.client("s3").put_object(Bucket=self.bucket, Key=self.key, Body=body)
        keep_secret(self.aws, "querygen/gemini", {"api_key": KEY})
        role = f"production_{self.database.name}"
        keep_secret(self.aws, "querygen/database", grant_role(self.database, role, PASSWORD))

    def environ(self, aws: Any = None, shard: tuple[int, int] | None = None, attempt: int = 1) -> dict[str, str]:
        """What AWS Batch and the job definition give a child. aws: another way to the emulator."""
        index = (
            {}
            if shard is None
            else {
                "AWS_BATCH_JOB_ARRAY_INDEX": str(shard[0]),
                "AWS_BATCH_JOB_ARRAY_SIZE": str(shard[1]),
            }
        )
        return {
            **(aws or self.aws).environ,
            "INPUT_S3_BUCKET": self.bucket,
            "INPUT_S3_KEY": self.key,
            "QUERYGEN_BUCKET": self.bucket,
            "QUERYGEN_TABLE": self.table,
            "QUERYGEN_JOB_ID": self.job_id,
            "AWS_BATCH_JOB_ID": "5f1c" if shard is None else f"5f1c:{shard[0]}",
            "AWS_BATCH_JOB_ATTEMPT": str(attempt),
            **index,
        }

    def _words(self, machine: str) -> list[str]:
        changes = [
            f"runtime.concurrency={CONCURRENCY}",
            f"runtime.state_dir={self.folder / machine}",
            "runtime.max_failed_ratio=1",
            "journal.lease=60",
            *(f"models.{name}.base_url={self.model.url}" for name in ("product", "market")),
            *self.sets,
        ]
        return [word for change in changes for word in ("--set", change)]

    def start(self, *words: str, machine: str = "disk", **environ: Any) -> subprocess.Popen[str]:
        (self.folder / machine).mkdir(parents=True, exist_ok=True)
        command = ("run", str(CONFIG), "--json", *words, *self._words(machine))
        return start(*command, cwd=self.folder / machine, **self.environ(**environ))

    def run(self, *words: str, machine: str = "disk", **environ: Any) -> Ended:
        return end(self.start(*words, machine=machine, **environ), LIMIT * 30 if self.catalogue else LIMIT)

    def command(self, *words: str, machine: str = "disk", **environ: Any) -> Ended:
        (self.folder / machine).mkdir(parents=True, exist_ok=True)
        return end(start(*words, *self._words(machine), cwd=self.folder / machine, **self.environ(**environ)))

    def objects(self, prefix: str = "") -> dict[str, bytes]:
        s3 = self.aws.client("s3")
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        keys = [one["Key"] for page in pages for one in page.get("Contents", ())]
        return {key: s3.get_object(Bucket=self.bucket, Key=key)["Body"].read() for key in keys if "/fences/" not in key}

    def results(self) -> dict[str, bytes]:
        """The questions: what lies below `query/`, without the reports of the runs."""
        return {key: body for key, body in self.objects("query/").items() if ".run" not in key}

    def rows(self) -> Counter[tuple[str, str]]:
        return Counter(self.database.rows("SELECT query_type, query_text FROM queries WHERE is_active"))

    def parts(self) -> dict[str, bytes]:
        return {key.rpartition("/")[2]: body for key, body in self.results().items()}


def queries_of(parts: Mapping[str, bytes]) -> Counter[tuple[str, str]]:
    """What the 64 parts hold, by type and text."""
    lines = [line for name, body in parts.items() if name.endswith(".jsonl") for line in body.splitlines()]
    return Counter((one["query_type"], one["query_text"]) for one in map(json.loads, lines))
