"""Whole jobs, as a user runs them."""

from __future__ import annotations

import json

import pytest

from aws_s3_place import Place, of_document, of_lines
from aws_server.proxy import CutBody, Fail
from tests.faults.shop import Shop, balanced

pytestmark = pytest.mark.slow


@pytest.fixture
def place(bucket, tmp_path) -> Place:
    return Place(bucket, tmp_path)


@pytest.fixture
def shop(place, tmp_path) -> Shop:
    sink = {"use": "aws/s3", "bucket": place.bucket, "name": "s3"}
    lines = {"use": "files/jsonl", "path": "out.jsonl"}
    place.job = place.name = "shop"
    return Shop(tmp_path / "shop", products=8, latency_ms=0, changes={"sinks": [lines, sink]})


def test_a_whole_job_is_refused_repaired_and_delivered(shop, place, proxy):
    proxy.on("PutObject", Fail("AccessDenied"), key=r"query/shop\.json")
    for _ in range(2):
        ended = shop.run(**proxy.environ)
        report = ended.json
        sink, kept = report["sinks"]["s3"], report["queries"]["kept"]
        assert (ended.code, report["exit_code"]) == (74, 74), ended.err
        assert (sink["delivered"], sink["unchanged"], sink["pending"], sink["backup"]) == (0, 0, 0, kept)
        assert balanced(report)
        assert "the queries are safe in s3://" in ended.err
        assert "Traceback" not in ended.err
        backup, run = place.names("query/")
        assert run == "query/shop.run.json"
    assert report["calls"]["new"] == 0
    proxy.clear()
    healed = shop.run(**proxy.environ)
    assert (healed.code, healed.json["calls"]["new"]) == (0, 0), healed.err
    assert healed.json["sinks"]["s3"]["delivered"] == kept
    assert place.names("query/") == [backup, "query/shop.json", run]
    assert of_document(place.document()) == of_document(json.loads(place.objects()[backup]))
    texts = sorted(json.loads(line)["query_text"] for line in (shop.folder / "out.jsonl").read_text().splitlines())
    assert sorted(text for _, _, text in of_document(place.document()).elements()) == texts


def test_a_whole_job_is_not_paid_if_it_could_not_be_delivered(shop, proxy):
    proxy.on("PutObject", Fail("AccessDenied"))
    ended = shop.run(**proxy.environ)
    assert (ended.code, shop.paid) == (77, 0)
    assert "s3:PutObject" in ended.err


def test_an_array_job_is_complete_when_its_last_child_is(shop, place, environment):
    kept = 0
    for index in range(3):
        assert "query/shop/manifest.json" not in place.names()
        ended = shop.run(**environment, AWS_BATCH_JOB_ARRAY_SIZE="3", AWS_BATCH_JOB_ARRAY_INDEX=str(index))
        assert ended.code == 0, ended.err
        assert balanced(ended.json)
        kept += ended.json["sinks"]["s3"]["delivered"]
    manifest = json.loads(place.objects()["query/shop/manifest.json"])
    assert (manifest["totals"]["lines"], manifest["totals"]["products"]) == (kept, 8)
    stored = sum(map(of_lines, place.objects("query/shop/part-").values()), of_lines(b""))
    assert stored.total() == kept
    alone = shop.run(**environment, AWS_BATCH_JOB_ARRAY_SIZE="1", AWS_BATCH_JOB_ARRAY_INDEX="0")
    assert (alone.code, alone.json["sinks"]["s3"]["unchanged"]) == (0, kept), alone.err
    assert place.names("query/") == ["query/shop.json", "query/shop.run.json"], (
        "the layout of a small job in one process"
    )
    assert of_document(place.document()) == stored


def test_a_catalogue_out_of_a_bucket(shop, place, proxy):
    place.put("in/catalogue.jsonl", (shop.folder / "catalogue.jsonl").read_bytes())
    shop.changes = {
        **shop.changes,
        "input": {"use": "files/catalogue", "path": f"s3://{place.bucket}/in/catalogue.jsonl"},
    }
    shop.write()
    proxy.on("GetObject", CutBody(500), key="catalogue", first=2)
    ended = shop.run(**proxy.environ)
    assert (ended.code, ended.json["done"] + ended.json["short"]) == (0, 8), ended.err


@pytest.mark.parametrize(("key", "code"), [("missing.jsonl", 66), ("none/", 66), ("empty", 65)])
def test_a_catalogue_that_cannot_be_read(shop, place, environment, key, code):
    place.put("empty", b"")
    shop.changes = {**shop.changes, "input": {"use": "files/catalogue", "path": f"s3://{place.bucket}/{key}"}}
    shop.write()
    ended = shop.run(**environment)
    assert (ended.code, shop.paid) == (code, 0)
    assert f"s3://{place.bucket}/{key}: " in ended.err
    assert "Traceback" not in ended.err


def test_a_catalogue_may_be_all_that_is_under_a_prefix(place, shop):
    lines = (shop.folder / "catalogue.jsonl").read_bytes().splitlines(keepends=True)
    for number, start in enumerate(range(0, len(lines), 10)):
        place.put(f"feeds/today/part-{number}.jsonl", b"".join(lines[start : start + 10]))
    place.put("feeds/today/_SUCCESS", b"")
    place.put("feeds/todays.jsonl", b"not this one")
    ended = shop.run("--set", f"input.path=s3://{place.bucket}/feeds/today/")
    assert ended.code == 0, ended.err
    assert ended.json["input"] == len(lines)


def test_credentials_that_expire_in_the_middle_lose_nothing(shop, place, proxy):
    """F33: the store of the answers refuses the token from some moment on; with a new one the job goes on."""
    shop.changes["journal"] = {"url": f"s3://{place.bucket}/kept/"}
    shop.write()
    proxy.on("PutObject", Fail("ExpiredToken"), key=r"kept/.*answers/", share=0.4)
    proxy.on("PutObject", Fail("ExpiredToken"), key=r"query/shop\.json")
    ended = shop.run(**proxy.environ)
    assert ended.code in (75, 77), ended.err
    assert "ExpiredToken" in ended.err
    assert "Traceback" not in ended.err
    assert balanced(ended.json)
    paid = shop.paid
    assert paid > 0, "it expired before the first call"
    proxy.clear()
    again = shop.run(**proxy.environ)
    assert again.code == 0, again.err
    assert balanced(again.json)
    undisturbed = Shop(shop.folder.parent / "undisturbed", products=8, latency_ms=0)
    assert undisturbed.run().code == 0
    assert shop.paid == undisturbed.paid, "an answer was paid twice"
    assert of_document(place.document())
