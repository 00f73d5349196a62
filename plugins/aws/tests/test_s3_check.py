"""What would go wrong is said before anything is paid, and looking leaves nothing behind."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from aws_s3_place import Place
from aws_server.emulators import REGION
from aws_server.proxy import Fail
from querygen_aws import build_s3_storage
from querygen_aws.batch.upload import upload
from querygen_aws.options import NoOptions
from querygen_aws.s3.object_settings import ObjectSettings
from querygen_core.api import JournalError, SinkError
from querygen_core.testing import context, outcome

pytestmark = pytest.mark.slow


@pytest.fixture
def place(bucket, tmp_path) -> Place:
    return Place(bucket, tmp_path)


PROBES = ["errors/querygen-probe", "query/querygen-probe"]


def test_check_writes_under_each_prefix_and_leaves_nothing_behind(place, proxy):
    place.put("query/other.json")
    asyncio.run(checked(place, environ=proxy.environ))
    assert place.names() == ["query/other.json"]
    assert (proxy.counts["DeleteObject"], proxy.counts["PutObject"]) == (2, 4)


def test_a_job_that_must_not_delete_leaves_one_object_under_each_prefix_and_says_so(place, proxy, caplog):
    caplog.set_level("INFO")
    proxy.on("DeleteObject", Fail("AccessDenied"))
    for _ in range(2):
        asyncio.run(checked(place, environ=proxy.environ))
    assert place.names() == PROBES
    assert "query/querygen-probe stays there, since the job has no s3:DeleteObject" in caplog.text
    proxy.clear()
    asyncio.run(checked(place, environ=proxy.environ))
    assert place.names() == []


def test_many_may_check_at_once(place):
    async def all_at_once() -> None:
        await asyncio.gather(*(checked(place) for _ in range(16)))

    asyncio.run(all_at_once())
    assert place.names() == []


KEY = "arn:aws:kms:eu-central-1:123456789012:key/0b1c"
SETTINGS = {"sse": "aws:kms", "kms_key_id": KEY, "acl": "bucket-owner-full-control"}
HEADERS = {
    "x-amz-server-side-encryption": "aws:kms",
    "x-amz-server-side-encryption-aws-kms-key-id": KEY,
    "x-amz-acl": "bucket-owner-full-control",
}


@pytest.mark.parametrize("missing", [*SETTINGS, "all"])
def test_what_a_policy_demands_of_an_object_is_found(place, proxy, missing):
    """`kms_key_id` alone is no option, hence without both."""
    proxy.on("PutObject", Fail("AccessDenied"), unless=HEADERS)
    left = {"all": SETTINGS, "sse": {"sse", "kms_key_id"}}.get(missing, {missing})
    given = {name: value for name, value in SETTINGS.items() if name not in left}
    with pytest.raises(SinkError, match="may demand the options `sse`, `kms_key_id` or `acl`") as caught:
        asyncio.run(checked(place, environ=proxy.environ, **given))
    assert caught.value.kind == "auth"
    assert place.names() == []


@pytest.mark.parametrize("layout", ["document", "parts"])
def test_every_object_is_written_as_the_policy_demands(place, proxy, layout):
    """Results, manifest, lists of errors and marks."""
    rule = proxy.on("PutObject", Fail("AccessDenied"), unless=HEADERS)
    given = {"environ": proxy.environ, "layout": layout, "fence": 3, **SETTINGS}
    place.deliver(
        [outcome(product_id="1", state="short", reasons={"product": "facts"}), outcome(product_id="2")], **given
    )
    assert rule.hits == 0
    assert {"query/test-job/fences/0-of-1/3"} < set(place.names())
    assert any(name.startswith("errors/") for name in place.names())


def test_the_backup_is_written_as_the_policy_demands(place, proxy):
    rule = proxy.on("PutObject", Fail("AccessDenied"), key="backup_", unless=HEADERS)
    proxy.on("PutObject", Fail("InvalidRequest"), key=r"/query/test-job\.json")
    with pytest.raises(SinkError, match="the queries are safe in s3://"):
        place.deliver([outcome()], environ=proxy.environ, **SETTINGS)
    assert rule.hits == 0


def test_the_journal_and_what_is_submitted_take_the_settings_of_the_environment(place, proxy, tmp_path):
    rule = proxy.on("PutObject", Fail("AccessDenied"), unless=HEADERS)
    url = f"s3://{place.bucket}/journal/key"
    plain = build_s3_storage(NoOptions(), context(tmp_path, "aws/s3", environ=proxy.environ))
    with pytest.raises(JournalError, match="may demand QUERYGEN_S3_SSE") as caught:
        plain.create(url, b"one")
    assert caught.value.kind == "auth"
    names = ("QUERYGEN_S3_SSE", "QUERYGEN_S3_KMS_KEY_ID", "QUERYGEN_S3_ACL")
    environ = {**proxy.environ, **dict(zip(names, SETTINGS.values(), strict=True))}
    storage = build_s3_storage(NoOptions(), context(tmp_path, "aws/s3", environ=environ))
    assert storage.create(url, b"one") is None
    assert storage.replace(url, b"two", storage.get(url).etag) is not None
    upload(proxy.client("s3"), place.bucket, "submissions/", {"config.json": b"{}"}, ObjectSettings.of_environ(environ))
    assert (place.names(), rule.hits) == (["journal/key", "submissions/config.json"], 1)


async def checked(place: Place, **given) -> None:
    sink = place.sink(**given)
    await sink.check()
    await sink.aclose()


@pytest.mark.parametrize(
    ("operation", "error", "kind", "words"),
    [
        ("HeadBucket", Fail("AccessDenied"), "auth", "s3:ListBucket"),
        ("HeadObject", Fail("AccessDenied"), "auth", "s3:GetObject"),
        ("PutObject", Fail("AccessDenied"), "auth", "s3:PutObject"),
        ("PutObject", Fail("ExpiredToken"), "auth", "ExpiredToken"),
        ("HeadBucket", Fail("NotFound", status=404), "permanent", "there is no such bucket; create it"),
        ("PutObject", Fail("PermanentRedirect", status=301), "permanent", "in another region"),
        ("PutObject", Fail("InternalError"), "retry", "InternalError"),
        ("PutObject", Fail("InvalidRequest"), "permanent", "InvalidRequest"),
    ],
)
@pytest.mark.usefixtures("impatient")
def test_what_is_wrong_is_said_before_anything_is_paid(place, proxy, operation, error, kind, words):
    proxy.on(operation, error)
    with pytest.raises(SinkError, match=words) as caught:
        asyncio.run(checked(place, environ=proxy.environ))
    assert caught.value.kind == kind
    assert place.bucket in str(caught.value)
    assert "canary-secret" not in str(caught.value)


def test_a_bucket_that_is_not_there(place):
    place.bucket = "no-such-bucket-here"
    with pytest.raises(SinkError, match="s3://no-such-bucket-here/: there is no such bucket") as caught:
        asyncio.run(checked(place))
    assert caught.value.kind == "permanent"


class Careless(BaseHTTPRequestHandler):
    """A store that says yes to every PUT, whatever its condition."""

    said: list[str]

    def do_HEAD(self) -> None:
        self._answer(200 if self.path.count("/") == 1 else 404)

    def do_GET(self) -> None:
        body = b"<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>"
        self._answer(200, body)

    def do_PUT(self) -> None:
        self.said.append(f"PUT {self.path.rpartition('/')[2][:14]}")
        self._answer(200)

    def do_DELETE(self) -> None:
        self.said.append(f"DELETE {self.path.rpartition('/')[2][:14]}")
        self._answer(204)

    def _answer(self, status: int, body: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", '"1"')
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def careless() -> Iterator[str]:
    Careless.said = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Careless) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_store_that_ignores_conditions_is_refused(place, careless):
    environ = {"AWS_REGION": REGION, "AWS_ENDPOINT_URL": careless}
    with pytest.raises(SinkError, match="ignores If-Match"):
        asyncio.run(checked(place, environ=environ, error_prefix=None))
    assert Careless.said == ["PUT querygen-probe", "DELETE querygen-probe"]
