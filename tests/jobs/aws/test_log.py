"""Whole jobs, as processes, whose log is in DynamoDB: it costs them nothing, and ends up with every event once."""

from __future__ import annotations

import json
import signal
import sqlite3
import threading
from collections import Counter
from contextlib import closing
from typing import Any

import pytest

from aws_server.emulators import CREDENTIALS
from aws_server.proxy import Delay, Fail, LoseAnswer, Unprocessed
from aws_tables import items, make_table
from querygen_aws.events import EVENTS, log_entries
from querygen_core.api import Event
from tests.cli.process import wait_for
from tests.faults.shop import Shop, balanced, interrupt

pytestmark = pytest.mark.slow

BAD = 150
"""Records without a title in the catalogue, each of which is an event."""


class Watched(Shop):
    """A shop whose log goes to `table`."""

    def events(self) -> list[Event]:
        """Of the journal."""
        with closing(sqlite3.connect(self.folder / ".querygen" / "shop" / "journal.sqlite")) as db:
            rows = db.execute("SELECT seq, kind, data, attempt, shard, time FROM events ORDER BY seq").fetchall()
        return [
            Event(kind=kind, data=json.loads(data), job_id="shop", attempt=attempt, shard=shard, seq=seq, time=time)
            for seq, kind, data, attempt, shard, time in rows
        ]

    def spoil(self) -> None:
        with (self.folder / "catalogue.jsonl").open("a", encoding="utf-8") as catalogue:
            catalogue.writelines(f"{json.dumps({'id': f'bad-{number}'})}\n" for number in range(BAD))


@pytest.fixture
def table(aws):
    return make_table(aws)


@pytest.fixture
def shop(tmp_path, table):
    observers = [{"use": "aws/orchestration-log", "table": table}]
    return Watched(
        tmp_path / "shop", products=6, latency_ms=1, runtime={"max_failed_ratio": 1.0}, changes={"observers": observers}
    )


def told(aws, table):
    return Counter((item["sk"], item["eventName"]) for item in items(aws, table, "shop"))


def expected(events: list[Event]):
    return Counter(
        (f"{one.time}#{one.shard:03}-{one.attempt:04}-{one.seq:010}-{number:03}", name)
        for one in events
        for number, (name, _) in enumerate(log_entries(one))
    )


def ended_well(ended) -> dict[str, Any]:
    assert ended.code == 0, ended.err
    assert balanced(ended.json)
    assert CREDENTIALS["AWS_SECRET_ACCESS_KEY"] not in ended.out + ended.err
    report: dict[str, Any] = ended.json
    return report


def test_a_log_ends_up_with_every_event_once(aws, table, shop, proxy):
    assert ended_well(shop.run(**proxy.environ))["events_undelivered"] == 0
    assert ended_well(shop.run(**proxy.environ))["events_undelivered"] == 0
    found = told(aws, table)
    assert found == expected(shop.events())
    names = {name for _, name in found}
    assert names <= set(EVENTS) - {"OtherEvent"}
    assert {"JobStarted", "InputRead", "StageFinished", "JobFinished", "ExecutionStats", "SinkDelivery"} <= names


def test_every_figure_of_the_report_is_in_the_log(aws, table, shop, proxy):
    report = ended_well(shop.run(**proxy.environ))
    found = items(aws, table, "shop")
    keys = {key for item in found for key in item["details"]}
    elsewhere = {"job_id", "sinks", "short_reasons", "secrets", "store_writes"}
    assert set(report) - keys == elsewhere, "the first is the key, the others have events of their own"
    assert {item["details"]["sink"] for item in found if item["eventName"] == "SinkDelivery"} == set(report["sinks"])
    stats = next(item["details"] for item in found if item["eventName"] == "ExecutionStats")
    assert stats["total_queries_generated"] == report["total_queries_generated"] > 0


@pytest.mark.parametrize("down", [None, Delay(3600), Fail("AccessDeniedException")], ids=repr)
def test_a_job_without_its_log_ends_well_and_the_next_run_sends_all(aws, table, shop, proxy, down):
    if down is None:
        proxy.refuse()
    else:
        proxy.on("dynamodb:.*", down)
    report = ended_well(shop.run(**proxy.environ))
    assert report["done"] + report["short"] == 6
    events = shop.events()
    assert report["events_undelivered"] == len(events) - 1, "the report cannot count its own event"
    assert not told(aws, table)
    proxy.clear()
    proxy.accept()
    assert ended_well(shop.run(**proxy.environ))["events_undelivered"] == 0
    assert told(aws, table) == expected(shop.events())
    assert len(shop.events()) > len(events)


def test_throttling_and_lost_answers_lose_and_double_nothing(aws, table, shop, proxy):
    shop.spoil()
    proxy.on("dynamodb:.*", Fail("ThrottlingException"), share=0.3, seed=5)
    proxy.on("BatchWriteItem", Unprocessed(0.4), share=0.5, seed=6)
    proxy.on("BatchWriteItem", LoseAnswer(), share=0.1, seed=7)
    ended_well(shop.run(**proxy.environ))
    proxy.clear()
    assert ended_well(shop.run(**proxy.environ))["events_undelivered"] == 0
    found = told(aws, table)
    assert found == expected(shop.events())
    assert Counter(name for _, name in found)["ProductRejected"] == 2 * BAD, "each run tells of them"


def test_a_job_that_is_killed_while_it_tells_tells_the_rest_in_the_next_run(aws, table, shop, proxy):
    shop.spoil()
    proxy.on("BatchWriteItem", LoseAnswer(), first=1, key="ProductRejected")
    proxy.on("BatchWriteItem", Delay(3600), key="ProductRejected")
    process = shop.start(**proxy.environ)
    assert wait_for(process, lambda: any(name == "ProductRejected" for _, name in told(aws, table)))
    interrupt(process, signal.SIGKILL)
    before = told(aws, table)
    proxy.clear()
    assert ended_well(shop.run(**proxy.environ))["events_undelivered"] == 0
    assert told(aws, table) == expected(shop.events())
    assert before < told(aws, table)


def test_a_stopped_job_says_so(aws, table, shop, proxy):
    shop.latency_ms = 200
    shop.products = 60
    shop.write()
    process = shop.start(**proxy.environ)
    assert wait_for(process, lambda: shop.paid > 5)
    ended = interrupt(process, signal.SIGTERM)
    assert ended.code == 75, ended.err
    names = [item["eventName"] for item in items(aws, table, "shop")]
    assert names.index("JobDraining") < names.index("JobStopped")
    assert "JobFinished" not in names


def test_shards_write_to_one_log(aws, table, shop, proxy):
    ends: list[Any] = []

    def run(index: int) -> None:
        ends.append(shop.run(AWS_BATCH_JOB_ARRAY_INDEX=f"{index}", AWS_BATCH_JOB_ARRAY_SIZE="2", **proxy.environ))

    shards = [threading.Thread(target=run, args=(index,)) for index in range(2)]
    for shard in shards:
        shard.start()
    for shard in shards:
        shard.join()
    assert [ended.code for ended in ends] == [0, 0], ends[0].err
    found = items(aws, table, "shop")
    started = [item["details"]["shard"]["index"] for item in found if item["eventName"] == "JobStarted"]
    assert sorted(started) == [0, 1]
