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
from querygen_core.api import SinkError

pytestmark = pytest.mark.slow


@pytest.fixture
def place(bucket, tmp_path) -> Place:
    return Place(bucket, tmp_path)


def test_check_leaves_nothing_behind_and_removes_nothing(place, proxy):
    for _ in range(2):
        asyncio.run(checked(place, environ=proxy.environ))
    assert place.names() == []
    assert (proxy.counts["DeleteObject"], proxy.counts["PutObject"]) == (0, 4)


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
