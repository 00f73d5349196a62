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
    ("operation", "who"), [("PutObject", "journal"), ("ListObjectsV2", "journal"), ("Query", "observer")]
)
def test_a_right_that_is_missing_is_said(shop, proxy, operation, who):
    proxy.on(operation, Fail("AccessDenied" if who == "journal" else "AccessDeniedException"))
    ended = check(shop, **proxy.environ)
    assert (ended.code, ended.err.splitlines()[-1].startswith(who)) == (77, True), ended.err
