"""What the sink writes, what it counts, and what it leaves alone."""

from __future__ import annotations

import asyncio
import hashlib
import json
from dataclasses import replace

import pytest

from aws_fixtures import KIND, new_bucket
from aws_s3_place import Place, deliver, of_document, totals
from aws_server.proxy import Fail
from querygen_aws.s3 import staged_output
from querygen_aws.s3.object_keys import job_name
from querygen_core.api import ConfigError, Outcome, Shard, SinkError
from querygen_core.testing import outcome, query
from querygen_core.testing.outcomes import catalogue, counted

HOSTILE_IDS = ("a/b", "a%2Fb", "../../etc", "..", ".hidden", "backup_1", "ä ö", "a\nb", "x" * 255, "é" * 255, "a.json")


@pytest.fixture
def place(bucket, tmp_path) -> Place:
    return Place(bucket, tmp_path)


def short(product_id: str = "short", **changes) -> Outcome:
    given = {"state": "short", "reasons": {"market": "filters"}, "dropped": (query("Bad?", dropped="text/quality"),)}
    return outcome("Only one?", product_id=product_id, ordinal=99, **{**given, **changes})


def test_a_document_holds_all_in_input_order(place):
    outcomes = [*catalogue(turned=True), short()]
    place.deliver(outcomes)
    document = place.document()
    assert list(document) == ["job_id", "format", "products", "errors", "summary"]
    assert (document["job_id"], document["format"]) == ("test-job", "querygen/1")
    assert [product["product_key"] for product in document["products"]] == [one.product_key for one in outcomes]
    assert of_document(document) == counted(outcomes)
    (error,) = document["errors"]
    assert error["reasons"] == {"market": "filters"}
    assert error["dropped"] == {"text/quality": 1}
    assert document["products"][-1]["dropped"] == [{"text": "Bad?", "query_type": "product", "reason": "text/quality"}]
    assert document["summary"] == {
        "products": 13,
        "queries": 73,
        "states": {"done": 12, "short": 1},
        "query_types": {"market": 36, "product": 37},
        "dropped": {"text/quality": 1},
    }


def test_equal_outcomes_are_equal_bytes(place, aws, tmp_path):
    other = Place(new_bucket(aws), tmp_path / "another" / "machine")
    for one, size in ((place, 3), (other, 12)):
        asyncio.run(apply_in(one, size))
    assert place.objects() == other.objects()


async def apply_in(place: Place, size: int) -> None:
    sink = place.sink()
    outcomes = [*catalogue(), short()]
    for start in range(0, len(outcomes), size):
        await sink.apply(outcomes[start : start + size])
    await sink.publish()
    await sink.aclose()


@pytest.mark.slow
@pytest.mark.parametrize("layout", ["document", "parts"])
def test_metadata_say_whose_it_is_and_what_is_in_it(place, layout):
    place.job, place.name = "a/b", "a%2Fb"
    place.deliver(catalogue(), layout=layout)
    for key, body in place.objects("query/").items():
        head = place.client.head_object(Bucket=place.bucket, Key=key)
        assert head["Metadata"]["querygen-job"] == "a%2Fb"
        assert head["Metadata"]["querygen-sha256"] == hashlib.sha256(body).hexdigest()
        assert head["ContentType"] == ("application/x-ndjson" if key.endswith("jsonl") else "application/json")


@pytest.mark.slow
@pytest.mark.parametrize("layout", ["document", "parts"])
def test_queries_are_counted_against_what_was_there(place, layout):
    first, changed = catalogue(), catalogue(version=2)
    assert totals(place.deliver(first, layout=layout)) == (72, 0, 0)
    assert totals(place.deliver(first, layout=layout)) == (0, 72, 0)
    assert totals(place.deliver(changed, layout=layout)) == (24, 48, 24)
    receipts, retired = place.deliver(changed[:10], layout=layout)
    assert (sum(one.unchanged for one in receipts), retired) == (60, 12)
    assert totals(place.deliver([], layout=layout)) == (0, 0, 60)


@pytest.mark.parametrize("layout", ["document", "parts"])
def test_equal_content_is_not_sent_again(place, proxy, layout):
    place.deliver([*catalogue(), short()], layout=layout)
    asyncio.run(deliver(place.sink(environ=proxy.environ, layout=layout), [*catalogue(), short()]))
    assert proxy.counts["PutObject"] == 4, "those of `check`"


def test_a_document_that_was_damaged_is_replaced(place, caplog):
    place.put("query/test-job.json", b'{"job_id": "te', **{"querygen-job": "test-job"})
    assert totals(place.deliver(catalogue())) == (72, 0, 0)
    assert of_document(place.document()) == counted(catalogue())
    assert "query/test-job.json is damaged" in caplog.text


@pytest.mark.parametrize("job", HOSTILE_IDS)
def test_any_job_id_has_its_own_objects(bucket, tmp_path, job):
    place = Place(bucket, tmp_path, job, job_name(job))
    place.deliver(catalogue(products=2))
    assert place.document()["job_id"] == job
    assert place.names() == [f"query/{job_name(job)}.json"]
    assert "/" not in place.name
    assert place.name.isascii()


def test_no_two_job_ids_share_a_name():
    ids = [
        *HOSTILE_IDS,
        "%62ackup_1",
        "%2Ehidden",
        job_name("é" * 255),
        job_name("é" * 255)[:200],
        "é" * 254 + "e",
        "A",
    ]
    assert len({job_name(job) for job in ids}) == len(set(ids))


@pytest.mark.parametrize("owner", [{}, {"querygen-job": "test-job2"}, {"querygen-sha256": "0" * 64}])
@pytest.mark.parametrize(
    ("layout", "key"),
    [
        ("document", "query/test-job.json"),
        ("parts", "query/test-job/part-05-of-64.jsonl"),
        ("parts", "query/test-job/manifest.json"),
    ],
)
def test_what_is_not_ours_is_never_touched(place, layout, key, owner):
    place.put(key, b"theirs", **owner)
    sink = place.sink(layout=layout)
    with pytest.raises(SinkError, match="there is an object already") as caught:
        asyncio.run(sink.check())
    assert (caught.value.kind, key in str(caught.value)) == ("permanent", True)
    with pytest.raises(SinkError, match="left unchanged"):
        asyncio.run(publish(sink, catalogue()))
    assert place.objects()[key] == b"theirs"


async def publish(sink, outcomes):
    """Without `check`."""
    try:
        await sink.apply(outcomes)
        await sink.publish()
    finally:
        await sink.aclose()


@pytest.mark.parametrize("key", ["query/test-job.json", "errors/test-job/short.jsonl"])
def test_what_comes_while_we_write_is_not_touched_either(place, key):
    async def run() -> None:
        sink = place.sink()
        await sink.check()
        await sink.apply([short()])
        place.put(key, b"theirs")
        try:
            await sink.publish()
        finally:
            await sink.aclose()

    with pytest.raises(SinkError, match="there is an object already"):
        asyncio.run(run())
    assert place.objects()[key] == b"theirs"


def test_what_fell_short_is_listed(place):
    place.deliver([*catalogue(), short()])
    (line,) = place.objects("errors/")["errors/test-job/short.jsonl"].splitlines()
    record = json.loads(line)
    assert (record["product_id"], record["state"], record["reasons"]) == ("short", "short", {"market": "filters"})
    assert (record["kept"], record["dropped"]) == (1, {"text/quality": 1})
    place.deliver([*catalogue(), short(state="done", reasons={})])
    assert place.objects("errors/") == {"errors/test-job/short.jsonl": b""}


def test_nothing_is_listed_where_nothing_fell_short_or_nobody_asks(place):
    place.deliver(catalogue())
    place.job, place.name = "other", "other"
    place.deliver([short()], error_prefix=None)
    assert place.names("errors/") == []


@pytest.fixture
def small_documents(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staged_output, "LARGEST_DOCUMENT", 12)


@pytest.mark.slow
@pytest.mark.usefixtures("small_documents")
def test_the_number_of_products_decides_on_the_layout(place):
    place.deliver([*catalogue(products=11), short()])
    assert place.names() == ["errors/test-job/short.jsonl", "query/test-job.json"]
    assert totals(place.deliver([*catalogue(), short()])) == (6, 67, 0)
    assert len(place.names("query/test-job/")) == 65
    assert len(place.names()) == 66, "the document is gone, and its list of what fell short"
    assert totals(place.deliver(catalogue())) == (0, 72, 1)
    assert place.names() == ["query/test-job.json"]


@pytest.mark.usefixtures("small_documents")
def test_an_object_that_may_not_be_removed_is_told_of(place, proxy, caplog):
    place.deliver(catalogue())
    proxy.on("DeleteObject", Fail("AccessDenied"))
    asyncio.run(deliver(place.sink(environ=proxy.environ), catalogue(products=13)))
    assert "left over and should be removed: s3://" in caplog.text
    assert len(place.names("query/test-job")) == 66


def test_one_document_cannot_be_of_several_shards(place):
    with pytest.raises(ConfigError, match="use `auto` or `parts`"):
        place.sink(Shard(0, 2), layout="document")


def test_a_product_of_another_shard_is_not_lost_silently(place):
    theirs = next(one for one in catalogue() if not Shard(0, 2).has(one.product_key))
    with pytest.raises(SinkError, match="belongs to another shard") as caught:
        asyncio.run(publish(place.sink(Shard(0, 2)), [theirs]))
    assert caught.value.kind == "permanent"


@pytest.mark.skipif(KIND == "moto", reason="moto takes a body whose checksum is wrong")
def test_what_does_not_fit_its_checksum_is_refused(place, monkeypatch):
    """As if it had been damaged on the way."""
    monkeypatch.setattr("querygen_aws.s3.body.Body.checksum", "A" * 43 + "=")
    with pytest.raises(SinkError, match="BadDigest"):
        place.deliver(catalogue())
    assert place.names() == []


def test_texts_that_utf8_cannot_hold_are_delivered(place):
    odd = [outcome("a\ud800b?", "\udfff", product_id="\ud800", title="\udc00", ordinal=0)]
    for layout in ("document", "parts"):
        place.deliver(odd, layout=layout)
        assert totals(place.deliver(odd, layout=layout)) == (0, 2, 0)


def test_another_prefix_is_another_place(place):
    place.deliver(catalogue(), prefix="one/")
    place.deliver(catalogue(version=2), prefix="two/", error_prefix=None)
    assert place.names() == ["one/test-job.json", "two/test-job.json"]


def test_a_failed_edition_is_never_published(place, proxy):
    async def run() -> None:
        sink = place.sink(environ=proxy.environ)
        with pytest.raises(SinkError):
            await sink.apply(catalogue()[:3])
        proxy.clear()
        with pytest.raises(SinkError):
            await sink.apply(catalogue()[3:])
        with pytest.raises(SinkError):
            await sink.publish()
        await sink.aclose()

    proxy.on("ListObjectsV2", Fail("AccessDenied"))
    asyncio.run(run())
    assert place.names() == []


def test_provenance_does_not_count_as_a_change_but_is_written(place):
    place.deliver(catalogue())
    changed = [replace(one, queries=tuple(replace(item, model="newer") for item in one.queries)) for one in catalogue()]
    assert totals(place.deliver(changed)) == (0, 72, 0)
    assert place.document()["products"][0]["queries"][0]["model"] == "newer"
