"""S3 as an object store: its contract, and what it does on S3's bad days."""

from __future__ import annotations

from uuid import uuid4

import pytest

from aws_fixtures import new_bucket
from aws_server.emulators import Aws
from aws_server.proxy import CutBody, Drop, Fail, LoseAnswer, WithoutHeader
from querygen_aws import build_s3_storage
from querygen_aws.options import NoOptions
from querygen_aws.s3 import objects
from querygen_core.api import JournalError, KeepsObjects
from querygen_core.testing import ObjectStoreContract, context


class TestS3(ObjectStoreContract):
    place: str

    test_lists_many_page_by_page = pytest.mark.slow(ObjectStoreContract.test_lists_many_page_by_page)

    @pytest.fixture(autouse=True)
    def _use(self, aws: Aws, environment: dict[str, str]) -> None:
        self.place = f"s3://{new_bucket(aws)}/{uuid4()}/"

    def objects(self):
        return build_s3_storage(NoOptions(), context(self.folder))

    def url(self, name):
        return f"{self.place}{name}"


@pytest.fixture
def url(bucket) -> str:
    return f"s3://{bucket}/journal/a"


@pytest.fixture
def store(proxy, tmp_path, impatient) -> KeepsObjects:
    """Goes through the proxy."""
    return build_s3_storage(NoOptions(), context(tmp_path, environ=proxy.environ))


CALLS = {
    "get": lambda store, url: store.get(url),
    "create": lambda store, url: store.create(url, b"1"),
    "replace": lambda store, url: store.replace(url, b"1", '"0"'),
    "delete": lambda store, url: store.delete(url),
    "entries": lambda store, url: list(store.entries(url)),
    "now": lambda store, url: store.now(url),
}


@pytest.fixture(params=CALLS)
def call(request):
    return CALLS[request.param]


def test_a_write_whose_answer_got_lost_is_found_again(store, url, proxy, monkeypatch):
    monkeypatch.setattr("querygen_aws.clients._TRIES", 3)
    lost = proxy.on("PutObject", LoseAnswer(), first=1)
    assert store.create(url, b"mine") is None
    assert lost.hits == 1


def test_a_write_at_the_same_moment_is_tried_again(store, url, proxy):
    busy = proxy.on("PutObject", Fail("ConditionalRequestConflict"), first=2)
    assert store.create(url, b"mine") is None
    assert busy.hits == 2


@pytest.mark.slow
def test_what_is_throttled_is_tried_again(store, url, proxy, call):
    slow = proxy.on(".*", Fail("SlowDown"), first=2)
    call(store, url)
    assert slow.hits == 2


def test_a_body_that_is_cut_is_read_again(store, url, proxy):
    store.create(url, b"x" * 5000)
    cut = proxy.on("GetObject", CutBody(100), first=2)
    assert store.get(url).body == b"x" * 5000
    assert cut.hits == 2


@pytest.mark.parametrize(
    "effect", [Fail("InternalError"), Fail("SlowDown"), Fail("ConditionalRequestConflict"), Drop()]
)
def test_an_s3_that_is_down_may_heal(store, url, proxy, monkeypatch, effect):
    monkeypatch.setattr(objects, "_PAUSE", 0.001)
    proxy.on("PutObject", effect)
    with pytest.raises(JournalError, match=f"{url}: cannot be reached") as caught:
        store.create(url, b"1")
    assert caught.value.exit_code == 75


@pytest.mark.slow
@pytest.mark.parametrize("code", ["AccessDenied", "InvalidAccessKeyId"])
def test_what_may_not_be_used(store, url, proxy, call, code):
    proxy.on(".*", Fail(code))
    with pytest.raises(JournalError, match=f"{url}: access denied .*{code}.*s3:ListBucket") as caught:
        call(store, url)
    assert caught.value.exit_code == 77


def test_a_bucket_that_is_not_there(store, environment, call):
    with pytest.raises(JournalError, match=r"NoSuchBucket.*; check the bucket's name") as caught:
        call(store, f"s3://no-such-{uuid4()}/a")
    assert caught.value.exit_code == 78


def test_a_url_without_a_bucket(store, call):
    with pytest.raises(JournalError, match="there is no bucket in this URL") as caught:
        call(store, "s3:///a")
    assert caught.value.exit_code == 78


def test_a_bucket_of_another_region(store, url, proxy):
    proxy.on("GetObject", Fail("PermanentRedirect", status=301))
    with pytest.raises(JournalError, match=r"in another region.*set AWS_REGION") as caught:
        store.get(url)
    assert caught.value.exit_code == 78


def test_an_object_that_is_removed_again_and_again_is_given_up(store, url, proxy, monkeypatch):
    monkeypatch.setattr(objects, "_PAUSE", 0.001)
    proxy.on("PutObject", Fail("PreconditionFailed"))
    with pytest.raises(JournalError, match="is being deleted while it is written"):
        store.create(url, b"1")


@pytest.mark.parametrize(
    ("call", "header"),
    [("get", "ETag"), ("get", "Date"), ("get", "Last-Modified"), ("create", "ETag"), ("now", "Date")],
)
def test_a_store_that_leaves_out_what_s3_sends_is_refused(store, url, proxy, call, header):
    if call == "get":
        store.create(url, b"1")
    proxy.on(".*", WithoutHeader(header))
    with pytest.raises(JournalError, match=f"{url}: the store's answer has no {header} header") as caught:
        CALLS[call](store, url)
    assert caught.value.exit_code == 78
