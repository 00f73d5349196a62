"""All that configs/prod.yaml needs, on this machine: S3, Secrets Manager and DynamoDB, PostgreSQL, Gemini."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_urlsafe
from typing import Any

import psycopg

import gemini_server
import postgres_server
from aws_fixtures import new_bucket
from aws_server import emulators
from aws_server.emulators import Aws
from aws_tables import make_table
from gemini_server import Gemini
from postgres_server import Database
from querygen_postgres.names import TableNames
from querygen_postgres.schema import create_missing

BUCKET = "querygen-rehearsal"
TABLE = "OrchestrationLogs"


@dataclass(frozen=True)
class Services:
    """folder: all that they and the job keep on disk. key: of the catalogue in the bucket."""

    folder: Path
    aws: Aws
    database: Database
    model: Gemini
    key: str

    @property
    def environ(self) -> dict[str, str]:
        """What `querygen run configs/prod.yaml` and the `aws` command need to use them."""
        return {
            **self.aws.environ,
            "INPUT_S3_BUCKET": BUCKET,
            "INPUT_S3_KEY": self.key,
            "QUERYGEN_BUCKET": BUCKET,
            "QUERYGEN_TABLE": TABLE,
            "QUERYGEN_JOB_ID": "rehearsal",
            "QUERYGEN_GEMINI_URL": self.model.url,
            "QUERYGEN_STATE_DIR": str(self.folder / "state"),
        }


@contextmanager
def running(folder: Path, catalogue: Path, latency: str) -> Iterator[Services]:
    """All of them until the block ends, with the catalogue in the bucket, both secrets and the three tables.

    latency: of the model's answers, as `Latency.read` takes it.
    """
    api_key = token_urlsafe(24)
    key = f"input/{catalogue.name}"
    with (
        gemini_server.running(answers="offline", keys=(api_key,), latency=latency) as model,
        emulators.running() as aws,
        postgres_server.running(folder / "postgres") as server,
        server.database(name="querygen") as database,
    ):
        new_bucket(aws, BUCKET)
        aws.client("s3").put_object(Bucket=BUCKET, Key=key, Body=catalogue.read_bytes())
        make_table(aws, TABLE)
        keep_secret(aws, "querygen/gemini", {"api_key": api_key})
        secret = grant_role(database, "querygen_job", token_urlsafe(24))
        keep_secret(aws, "querygen/database", secret)
        _create_tables(secret)
        yield Services(folder, aws, database, model, key)


def keep_secret(aws: Aws, name: str, value: Mapping[str, Any]) -> None:
    secrets = aws.client("secretsmanager")
    try:
        secrets.create_secret(Name=name, SecretString=json.dumps(value))
    except secrets.exceptions.ResourceExistsException:
        secrets.put_secret_value(SecretId=name, SecretString=json.dumps(value))


def grant_role(database: Database, role: str, password: str) -> dict[str, Any]:
    """A new role that may create tables and no more; returns the secret that RDS would keep for it."""
    parameters = database.server.parameters
    database.as_role(role, password)
    database.rows(f"GRANT ALL ON DATABASE {database.name} TO {role}")
    database.rows(f"GRANT ALL ON SCHEMA public TO {role}")
    return {
        "engine": "postgres",
        "host": parameters["host"],
        "port": int(parameters["port"]),
        "username": role,
        "password": password,
        "dbname": database.name,
        "dbInstanceIdentifier": "shop",
    }


def _create_tables(secret: Mapping[str, Any]) -> None:
    """As the job's role, which owns them then, as with `querygen db init`."""
    names = {"host": "host", "port": "port", "username": "user", "password": "password", "dbname": "dbname"}
    with psycopg.connect(**{name: secret[key] for key, name in names.items()}) as connection:
        create_missing(connection.cursor(), TableNames("public"))
