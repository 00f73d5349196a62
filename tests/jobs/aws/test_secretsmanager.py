"""Whole jobs whose secrets are in Secrets Manager: how often it is asked, what a rotation does, where one shows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from psycopg.conninfo import conninfo_to_dict

import gemini_server
import postgres_server
from aws_server.emulators import CREDENTIALS, Aws
from aws_server.proxy import Fail
from gemini_fixtures import KEY
from tests.cli.process import end, querygen, wait_for
from tests.faults.shop import Shop, balanced
from tests.jobs.gemini.jobs import Job, paid
from tests.jobs.traces import places

pytestmark = pytest.mark.slow

GET = "GetSecretValue"
NEXT, OTHER, OTHER_NEXT = (f"AIza{word}-of-the+vault=%7E0123456789" for word in ("Next", "Other", "OtherNext"))
PASSWORD = "canary/of+the=database-5d20"


@pytest.fixture
def model() -> Iterator[gemini_server.Gemini]:
    with gemini_server.running(answers="offline", keys=(KEY, OTHER), latency="50ms") as server:
        yield server


def keep(aws: Aws, value: Any) -> str:
    """The name of a new secret, JSON if it is not text."""
    name, text = f"prod/{uuid4()}", value if isinstance(value, str) else json.dumps(value)
    aws.client("secretsmanager").create_secret(Name=name, SecretString=text)
    return name


def change(aws: Aws, name: str, value: Any) -> None:
    aws.client("secretsmanager").put_secret_value(SecretId=name, SecretString=json.dumps(value))


def reference(name: str, field: str = "") -> str:
    return f"${{secret:aws/secretsmanager:{name}{field and f'#{field}'}}}"


def as_rds_keeps_it(database: postgres_server.Database, password: str = PASSWORD) -> dict[str, Any]:
    """The way to the database as a role of its own, in the JSON that RDS writes, with members that say nothing."""
    role = f"writer_{database.name}"
    there = conninfo_to_dict(database.as_role(role, password))
    database.rows(f"GRANT ALL ON DATABASE {database.name} TO {role}")
    database.rows(f"GRANT ALL ON SCHEMA public TO {role}")
    return {
        "engine": "postgres",
        "host": there["host"],
        "port": int(str(there["port"])),
        "username": role,
        "password": password,
        "dbname": database.name,
        "dbInstanceIdentifier": "shop",
    }


def queries(dsn: str, **options: Any) -> dict[str, Any]:
    return {"use": "postgres/queries", "name": "rows", "dsn": dsn, **options}


def secrets_of(report: Any) -> tuple[int, int]:
    return report["secrets"]["fetched"], report["secrets"]["reloaded"]


def told_of(job: Shop) -> int:
    return Shop.count(job, "SELECT count(*) FROM events WHERE kind = 'secret_reloaded'")


@pytest.mark.parametrize("products", [10, 60])
def test_a_job_fetches_each_secret_once_whatever_its_size(proxy, aws, database, model, tmp_path, products):
    """Five references to two secrets: a field for each model, the whole of what RDS keeps (twice), a field of it."""
    model.set_pace(latency="0ms")
    keys, rds = keep(aws, {"a": KEY, "b": OTHER}), keep(aws, as_rds_keeps_it(database))
    job = Job(
        tmp_path / "job",
        products=products,
        url=model.url,
        count=3,
        options={"api_key": reference(keys, "a")},
        of_market={"api_key": reference(keys, "b")},
        sinks=(
            queries(reference(rds), password=reference(rds, "password")),
            {"use": "files/jsonl", "path": "out.jsonl"},
        ),
        changes={"preprocessors": [{"use": "postgres/job-products", "dsn": reference(rds), "missing": "create"}]},
    )
    assert job.command("db", "init", "shop.yaml", **proxy.environ).code == 0
    assert job.command("check", "shop.yaml", **proxy.environ).code == 0
    proxy.counts.clear()
    report = job.report(**proxy.environ)
    assert proxy.counts == {GET: 2}
    assert secrets_of(report) == (2, 0)
    assert (report["done"] + report["short"], told_of(job)) == (products, 0)
    assert database.value("SELECT count(DISTINCT product_id) FROM queries WHERE is_active") == products


def test_checking_a_config_fetches_nothing(proxy, aws, tmp_path):
    job = Job(tmp_path / "job", products=3, url="http://127.0.0.1:9", options={"api_key": reference("prod/no-such")})
    for command in (("check", "shop.yaml"), ("prompts", "render", "shop.yaml")):
        assert job.command(*command, **proxy.environ).code == 0
    assert proxy.counts == {}


def test_keys_that_are_rotated_in_the_middle_are_fetched_again_once(proxy, aws, model, tmp_path):
    """Both models' keys are fields of one secret, and both are refused, by many calls at once."""
    name = keep(aws, {"product": KEY, "market": OTHER})
    job = Job(
        tmp_path / "job",
        products=30,
        url=model.url,
        options={"api_key": reference(name, "product")},
        of_market={"api_key": reference(name, "market")},
    )
    process = job.start(**proxy.environ)
    assert wait_for(process, lambda: paid(model) >= 15)
    model.set_keys(**{NEXT: "valid", OTHER_NEXT: "valid"})
    change(aws, name, {"product": NEXT, "market": OTHER_NEXT})
    model.set_keys(**{KEY: "revoked", OTHER: "revoked"})
    ended = end(process)
    assert ended.code == 0, ended.err
    assert balanced(ended.json)
    assert secrets_of(ended.json) == (1, 1)
    assert (proxy.counts[GET], told_of(job)) == (2, 1)
    assert model.accounts(paid=2) == {}
    assert ended.json["calls"]["errors"] == {}


def test_a_database_password_that_is_rotated_in_the_middle(proxy, aws, database, tmp_path):
    """RDS has changed it, and the connections that there were are gone: as after a failover."""
    rds = as_rds_keeps_it(database)
    name = keep(aws, rds)
    job = Shop(
        tmp_path / "job",
        products=60,
        latency_ms=60,
        changes={"sinks": [queries(reference(name)), {"use": "files/jsonl", "path": "out.jsonl"}]},
    )
    site = [job.folder / "site"]
    assert querygen("db", "init", "shop.yaml", cwd=job.folder, path=site, **proxy.environ).code == 0
    proxy.counts.clear()
    process = job.start(**proxy.environ)
    assert wait_for(process, lambda: bool(database.value("SELECT count(*) FROM queries")))
    change(aws, name, {**rds, "password": f"{PASSWORD}-next"})
    database.rows(f"ALTER ROLE {rds['username']} PASSWORD '{PASSWORD}-next'")
    database.rows("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", rds["username"])
    ended = end(process)
    assert ended.code == 0, ended.err
    assert balanced(ended.json)
    assert secrets_of(ended.json) == (1, 1)
    assert proxy.counts[GET] == 2
    assert database.value("SELECT count(*) FROM queries WHERE is_active") == ended.json["queries"]["kept"]


@pytest.mark.parametrize(
    ("fault", "code"),
    [("AccessDeniedException", 77), ("DecryptionFailure", 77), ("ResourceNotFoundException", 77), ("Throttling", 75)],
)
def test_what_cannot_be_fetched_ends_the_run_before_anything_is_paid(proxy, aws, database, tmp_path, fault, code):
    proxy.on(GET, Fail(fault))
    name = keep(aws, as_rds_keeps_it(database))
    job = Shop(tmp_path / "job", products=3, changes={"sinks": [queries(reference(name))]})
    ended = job.run(**proxy.environ)
    assert ended.code == code, ended.err
    assert name in ended.json["message"]
    assert (job.paid, ended.json["pending"], secrets_of(ended.json)) == (0, 0, (0, 0))
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("form", ["json", "text"])
def test_no_secret_is_found_anywhere(proxy, aws, database, model, tmp_path, form):
    """Neither in what a run that goes well leaves, nor when key and password are refused, nor when AWS says no."""
    rds = as_rds_keeps_it(database)
    names = keep(aws, {"gemini": OTHER}), keep(aws, rds)
    job = Job(
        tmp_path / "job",
        products=6,
        url=model.url,
        options={"api_key": reference(names[0], "gemini")},
        sinks=(queries(reference(names[1])), {"use": "files/jsonl", "path": "out.jsonl"}),
        changes={"observers": [{"use": "files/events", "path": "events.jsonl"}]},
        runtime={"max_failed_ratio": 1, "retry_for": 0},
    )
    given = {**proxy.environ, "GEMINI_API_KEY": ""}
    words = ("--log-level", "debug", "--log-format", form)
    said = [job.command("db", "init", "shop.yaml", **given)]
    model.set_faults(script=[{"fault": "broken_json"}, {"fault": "safety", "nth": 3}])
    said.append(job.run(*words, **given))
    assert said[-1].code == 0, said[-1].err
    model.set_keys(**{OTHER: "suspended"})
    said.append(job.run(*words, "--set", "generators.market.count=7", **given))
    assert said[-1].code == 77
    database.rows(f"ALTER ROLE {rds['username']} PASSWORD 'another'")
    said.append(job.run(*words, **given))
    assert said[-1].code == 77
    proxy.on(GET, Fail("AccessDeniedException"))
    said += [job.run(*words, **given), job.command("report", "shop", "--json", **given)]
    assert said[-2].code == 77
    texts = [text for one in said for text in (one.out, one.err)]
    files = {path.name for path in job.folder.rglob("*") if path.is_file()}
    assert files >= {"events.jsonl", "journal.sqlite", "report.json", "dead_letters.jsonl", "out.jsonl"}
    for secret in (OTHER, PASSWORD, json.dumps(rds), CREDENTIALS["AWS_SECRET_ACCESS_KEY"]):
        assert places(secret, job.folder, *texts) == []
