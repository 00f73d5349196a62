"""`querygen check --connect`: what is wrong with bucket and table is found before a job is."""

from __future__ import annotations

import pytest

from aws_server.proxy import Fail
from aws_tables import make_table
from tests.faults.shop import Shop

pytestmark = pytest.mark.slow


@pytest.fixture
def shop(aws, bucket, tmp_path) -> Shop:
    return Shop(
        tmp_path / "shop",
        changes={
            "journal": {"url": f"s3://{bucket}/journal/"},
            "observers": [{"use": "aws/orchestration-log", "table": make_table(aws)}],
        },
    )


def check(shop, *words, **environ):
    return shop.command("check", "shop.yaml", "--connect", *words, **environ)


def test_a_good_journal_and_log_are_good_and_hold_nothing_afterwards(shop, aws, bucket):
    ended = check(shop)
    assert ended.code == 0, ended.err
    assert aws.client("s3").list_objects_v2(Bucket=bucket).get("Contents") is None
    table = shop.changes["observers"][0]["table"]
    assert aws.client("dynamodb").scan(TableName=table)["Items"] == []


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        ("journal.url=s3://no-such-bucket-7/", 78, "journal: s3://no-such-bucket-7/"),
        ("observers.0.table=NoSuchTable", 74, "observer aws/orchestration-log: table NoSuchTable: ResourceNotFound"),
    ],
)
def test_what_is_not_there_is_said(shop, change, code, said):
    ended = check(shop, "--set", change)
    assert (ended.code, said in ended.err) == (code, True), ended.err


@pytest.mark.parametrize(
    ("operation", "who"), [("PutObject", "journal"), ("ListObjectsV2", "journal"), ("BatchWriteItem", "observer")]
)
def test_a_right_that_is_missing_is_said(shop, proxy, operation, who):
    proxy.on(operation, Fail("AccessDenied" if who == "journal" else "AccessDeniedException"))
    ended = check(shop, **proxy.environ)
    assert (ended.code, ended.err.splitlines()[-1].startswith(who)) == (77, True), ended.err


POLICY = {"x-amz-server-side-encryption": "AES256"}
LOST = "${secret:aws/secretsmanager:no-such-secret-7}"


def catalogue(path: str) -> dict[str, str]:
    return {"use": "files/catalogue", "path": path}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "code", "said"),
    [
        ({}, 77, "access denied (AccessDenied: the proxy was told to refuse this)"),
        ({"sinks": [{"use": "aws/s3", "bucket": "no-such-bucket-7"}]}, 74, "there is no such bucket"),
        ({"input": catalogue("s3://no-such-bucket-7/c.jsonl")}, 66, "there is no such bucket"),
        ({"input": catalogue("s3://{bucket}/c.jsonl")}, 66, "there is no such object"),
        ({"input": catalogue("lost.jsonl")}, 66, "lost.jsonl: there is no such file"),
        ({"sinks": [{"use": "postgres/queries", "dsn": LOST}]}, 77, "the secret no-such-secret-7 does not exist"),
    ],
    ids=["policy", "bucket of a sink", "bucket of the input", "object", "file", "secret"],
)
def test_what_check_finds_a_run_finds_without_a_call(shop, proxy, bucket, changes, code, said):
    """A wrong model name: tests/jobs/gemini/test_checks.py; a wrong database: tests/jobs/postgres."""
    s3 = {"use": "aws/s3", "bucket": bucket, "sse": "AES256"}
    proxy.on("PutObject", Fail("AccessDenied"), key="/query/", unless=POLICY)
    shop.changes = {"sinks": [s3 if changes else {**s3, "sse": None}]}
    for section, value in changes.items():
        path = value["path"].format(bucket=bucket) if section == "input" else ""
        shop.changes[section] = catalogue(path) if path else value
    shop.write()
    checked = check(shop, **proxy.environ)
    assert (checked.code, said in checked.err) == (code, True), checked.err
    ended = shop.command("run", "shop.yaml", "--json", **proxy.environ)
    assert (ended.code, said in ended.err) == (code, True), ended.err
    calls = ended.json["calls"]
    assert (calls["job"], calls["indeterminate"], calls["new"]) == (0, 0, 0)


@pytest.mark.slow
def test_a_run_in_a_bucket_with_such_a_policy_is_delivered(shop, aws, proxy, bucket):
    proxy.on("PutObject", Fail("AccessDenied"), unless=POLICY)
    shop.changes["sinks"] = [{"use": "aws/s3", "bucket": bucket, "sse": "AES256"}]
    shop.write()
    assert check(shop, **proxy.environ).code == 77, "the journal's objects have to be encrypted, too"
    environ = {**proxy.environ, "QUERYGEN_S3_SSE": "AES256"}
    assert check(shop, **environ).code == 0
    ended = shop.command("run", "shop.yaml", "--json", **environ)
    assert ended.code == 0, ended.err
    names = [one["Key"] for one in aws.client("s3").list_objects_v2(Bucket=bucket)["Contents"]]
    assert "query/shop.json" in names
    assert not any("querygen-probe" in name for name in names)
