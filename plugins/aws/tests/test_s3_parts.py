"""64 parts, whoever writes them."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from aws_fixtures import new_bucket
from aws_s3_place import Place, deliver, of_lines, totals
from aws_server.proxy import Delay, Fail, LoseAnswer
from querygen_aws import clients
from querygen_core.api import Shard, SinkError, partition_of
from querygen_core.testing import outcome
from querygen_core.testing.outcomes import catalogue, counted

pytestmark = pytest.mark.slow

FOLDER = Path(__file__).parent
OUTCOMES = [
    *catalogue(products=40, questions=3),
    *(outcome("One?", product_id=f"s{n}", ordinal=40 + n, state="short", reasons={"m": "facts"}) for n in range(5)),
]


@pytest.fixture
def place(bucket, tmp_path) -> Place:
    return Place(bucket, tmp_path)


@pytest.fixture(scope="module")
def alone(aws, tmp_path_factory) -> dict[str, bytes]:
    """What one process writes."""
    with pytest.MonkeyPatch.context() as patched:
        for name, value in aws.environ.items():
            patched.setenv(name, value)
        place = Place(new_bucket(aws), tmp_path_factory.mktemp("alone"))
        place.deliver(OUTCOMES, layout="parts")
        return place.objects()


def test_a_part_holds_its_products_sorted_by_key(alone):
    parts = [alone[f"query/test-job/part-{number:02}-of-64.jsonl"] for number in range(64)]
    assert sum(map(of_lines, parts), type(counted([]))()) == counted(OUTCOMES)
    for number, body in enumerate(parts):
        lines = [json.loads(line) for line in body.splitlines()]
        assert {partition_of(line["product_key"], 64) for line in lines} <= {number}
        order = [(line["product_key"], line["position"]) for line in lines]
        assert order == sorted(order)
    assert any(len({line["product_key"] for line in map(json.loads, body.splitlines())}) > 1 for body in parts)


def test_the_manifest_tells_of_every_part(alone):
    manifest = json.loads(alone["query/test-job/manifest.json"])
    assert [part["name"] for part in manifest["parts"]] == [f"part-{n:02}-of-64.jsonl" for n in range(64)]
    for part in manifest["parts"]:
        body = alone[f"query/test-job/{part['name']}"]
        products = {json.loads(line)["product_key"] for line in body.splitlines()}
        assert part["sha256"] == hashlib.sha256(body).hexdigest()
        assert (part["bytes"], part["lines"], part["products"]) == (len(body), body.count(b"\n"), len(products))
    assert manifest["totals"] == {
        name: sum(part[name] for part in manifest["parts"]) for name in ("bytes", "lines", "products")
    } | {"parts": 64}
    assert (manifest["totals"]["products"], manifest["job_id"]) == (45, "test-job")


@pytest.mark.parametrize(("partitions", "first", "last"), [(4, "0", "3"), (101, "000", "100")])
def test_a_job_has_as_many_parts_as_partitions(place, partitions, first, last):
    place.deliver(OUTCOMES, Shard(0, 1, partitions), layout="parts")
    names = [name for name in place.names() if name.startswith("query/test-job/part-")]
    assert len(names) == partitions
    assert names[0] == f"query/test-job/part-{first}-of-{partitions}.jsonl"
    assert names[-1] == f"query/test-job/part-{last}-of-{partitions}.jsonl"
    place.deliver(OUTCOMES, Shard(0, 1, 2), layout="parts")
    names = [name for name in place.names() if "/part-" in name or "/short-" in name]
    assert all("-of-2.jsonl" in name for name in names), "the job began anew with two partitions"


def test_eight_shards_write_what_one_process_writes(place, alone):
    for index in (3, 0, 7, 5, 1, 2, 6):
        place.deliver(OUTCOMES, Shard(index, 8))
        assert "query/test-job/manifest.json" not in place.names(), "not before all are there"
    place.deliver(OUTCOMES, Shard(4, 8))
    assert place.objects() == alone


@pytest.mark.slow
@pytest.mark.parametrize("sizes", [(3,), (1, 64)])
def test_the_number_of_shards_leaves_no_trace(place, alone, sizes):
    for size in sizes:
        for index in range(size) if size < 64 else (5,):
            place.deliver(OUTCOMES, Shard(index, size), layout="parts")
    assert place.objects() == alone


def test_shards_at_once_complete_the_manifest(place, alone):
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda index: place.deliver(OUTCOMES, Shard(index, 4)), range(4)))
    assert place.objects() == alone


def test_shards_that_change_at_once_agree_on_the_manifest(place):
    """Each rewrites its parts and then the manifest, all at the same time."""
    changed = [outcome(f"New {one.ordinal}?", product_id=one.identity[1], ordinal=one.ordinal) for one in OUTCOMES]
    place.deliver(OUTCOMES, layout="parts")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda index: place.deliver(changed, Shard(index, 4)), range(4)))
    objects = place.objects("query/")
    manifest = json.loads(objects.pop("query/test-job/manifest.json"))
    told = {f"query/test-job/{part['name']}": part["sha256"] for part in manifest["parts"]}
    assert told == {key: hashlib.sha256(body).hexdigest() for key, body in objects.items()}
    assert sum(map(of_lines, objects.values()), type(counted([]))()) == counted(changed)


def test_a_manifest_of_what_has_changed_meanwhile_is_not_written(place, proxy, monkeypatch):
    """One shard comes to its manifest, and waits there until another has written newer parts and the manifest."""
    monkeypatch.setattr(clients, "_clients", {})
    monkeypatch.setattr(clients, "TIMEOUT", 0.5)
    first, second = Shard(0, 2), Shard(1, 2)
    place.deliver(OUTCOMES, layout="parts")
    newer = [outcome(f"New {one.ordinal}?", product_id=one.identity[1], ordinal=one.ordinal) for one in OUTCOMES]
    waiting = proxy.on("HeadObject", Delay(3600), key="manifest")

    async def write() -> None:
        sink = place.sink(first, environ=proxy.environ)
        await sink.apply([one for one in newer if first.has(one.product_key)])
        await sink.publish()
        await sink.aclose()

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(asyncio.run, write())
        while not waiting.hits and not writing.done():
            time.sleep(0.01)
        place.deliver(newer, second)
        proxy.clear()
        writing.result()
    objects = place.objects("query/")
    manifest = json.loads(objects.pop("query/test-job/manifest.json"))
    assert [part["sha256"] for part in manifest["parts"]] == [
        hashlib.sha256(objects[key]).hexdigest() for key in objects
    ]


def test_shards_count_their_own_queries_only(place):
    place.deliver(OUTCOMES)
    counts = [totals(place.deliver(OUTCOMES, Shard(index, 4))) for index in range(4)]
    assert sum(delivered for delivered, _, _ in counts) == 0, "they were in the document"
    assert sum(unchanged for _, unchanged, _ in counts) == counted(OUTCOMES).total()
    assert sum(retired for _, _, retired in counts) == 0
    assert "query/test-job.json" not in place.names(), "it goes when all parts are there"


def test_a_document_stays_until_all_parts_are_there(place):
    place.deliver(OUTCOMES)
    place.deliver(OUTCOMES, Shard(0, 2))
    assert "query/test-job.json" in place.names()
    place.deliver(OUTCOMES, Shard(1, 2))
    assert not {"query/test-job.json", "errors/test-job/short.jsonl"} & set(place.names())


def test_what_fell_short_is_listed_part_by_part_and_emptied(place, alone):
    lists = {key: body for key, body in alone.items() if key.startswith("errors/")}
    assert sum(body.count(b"\n") for body in lists.values()) == 5
    assert all(lists.values())
    place.deliver(OUTCOMES, layout="parts")
    place.deliver(OUTCOMES[:40], layout="parts")
    assert place.objects("errors/") == dict.fromkeys(lists, b"")


@pytest.mark.slow
def test_an_answer_that_was_lost_changes_nothing(place, proxy, alone):
    lost = proxy.on("PutObject", LoseAnswer(), key="part-(07|31|63)|manifest", first=4)
    receipts = asyncio.run(deliver(place.sink(environ=proxy.environ, layout="parts"), OUTCOMES))
    assert lost.hits == 4
    assert totals(receipts) == (counted(OUTCOMES).total(), 0, 0)
    assert place.objects() == alone


def test_a_run_that_ends_between_two_parts_is_completed_by_the_next(place, proxy, alone):
    refused = proxy.on("PutObject", Fail("InvalidRequest"), key="part-20-|backup")
    with pytest.raises(SinkError, match="InvalidRequest"):
        asyncio.run(deliver(place.sink(environ=proxy.environ, layout="parts"), OUTCOMES))
    assert refused.hits == 2
    assert len(place.names("query/test-job/")) == 20
    place.deliver(OUTCOMES, layout="parts")
    assert place.objects() == alone


CHILD = """
import asyncio, sys
from pathlib import Path
from aws_s3_place import Place, deliver
from test_s3_parts import OUTCOMES
asyncio.run(deliver(Place(sys.argv[1], Path(sys.argv[2])).sink(layout="parts"), OUTCOMES))
"""


@pytest.mark.slow
@pytest.mark.parametrize("key", ["part-31-", "manifest"])
def test_a_process_that_is_killed_between_two_parts_is_completed_by_the_next(place, proxy, alone, key):
    reached = proxy.on("PutObject", Delay(3600), key=key)
    environ = {**os.environ, **proxy.environ}
    command = [sys.executable, "-c", CHILD, place.bucket, str(place.folder)]
    with subprocess.Popen(command, cwd=FOLDER, env=environ) as child:
        until = time.monotonic() + 60
        while not reached.hits and child.poll() is None and time.monotonic() < until:
            time.sleep(0.01)
        child.kill()
    assert reached.hits
    assert place.objects() != alone
    proxy.clear()
    place.deliver(OUTCOMES, layout="parts")
    assert place.objects() == alone
    assert list((place.folder / "state").iterdir()) == [], "no temporary file is left"
