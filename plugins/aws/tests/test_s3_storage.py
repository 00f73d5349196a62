from __future__ import annotations

import io
from pathlib import Path
from uuid import uuid4

import pytest

from aws_fixtures import new_bucket
from aws_server.emulators import Aws
from aws_server.proxy import AwsProxy, CutBody, Drop, Fail
from querygen_aws import build_s3_storage, clients
from querygen_aws.options import NoOptions
from querygen_core.api import CredentialsError, InputError, MissingInput, Storage
from querygen_core.testing import StorageContract, context

LARGE = bytes(range(256)) * 12_000  # 3 MB


def storage(folder: Path, **environ: str) -> Storage:
    return build_s3_storage(NoOptions(), context(folder, **({"environ": environ} if environ else {})))


class TestStorage(StorageContract):
    @pytest.fixture(autouse=True)
    def _use(self, aws: Aws, environment: dict[str, str]) -> None:
        self.bucket = new_bucket(aws)
        self.client = aws.client("s3")

    def storage(self, folder: Path) -> Storage:
        return storage(folder)

    def put(self, name: str, data: bytes) -> str:
        self.client.put_object(Bucket=self.bucket, Key=name, Body=data)
        return f"s3://{self.bucket}/{name}"


@pytest.fixture
def put(aws, bucket):
    client = aws.client("s3")

    def put(key, data=b"x"):
        client.put_object(Bucket=bucket, Key=key, Body=data)
        return f"s3://{bucket}/{key}"

    return put


@pytest.fixture
def distant(proxy: AwsProxy, tmp_path: Path) -> Storage:
    """A storage that goes through the proxy."""
    return storage(tmp_path, **proxy.environ)


@pytest.mark.parametrize("after", [0, 1, 1_000_000, len(LARGE) - 1])
def test_an_interrupted_download_goes_on_where_it_was(put, proxy, distant, after):
    url = put("large.bin", LARGE)
    proxy.on("GetObject", CutBody(after), first=3)
    with distant.open(url) as stream:
        assert io.BufferedReader(stream).read() == LARGE
    assert proxy.counts["GetObject"] >= 2


def test_it_goes_on_as_long_as_something_comes(put, proxy, distant):
    url = put("large.bin", LARGE)
    proxy.on("GetObject", CutBody(400_000), first=7)
    with distant.open(url) as stream:
        read = b""
        while piece := stream.read(100_000):
            read += piece
    assert read == LARGE


@pytest.mark.slow
def test_it_gives_up_when_nothing_comes_any_more(put, proxy, distant):
    url = put("large.bin", LARGE)
    proxy.on("GetObject", CutBody(0))
    with distant.open(url) as stream, pytest.raises(InputError, match="cannot be read at the moment") as caught:
        stream.read(10)
    assert caught.value.exit_code == 75
    assert caught.type is not MissingInput


@pytest.mark.parametrize("fate", ["replaced", "removed"])
def test_an_object_that_changes_while_it_is_read_is_refused(aws, bucket, put, proxy, distant, fate):
    url = put("large.bin", LARGE)
    proxy.on("GetObject", CutBody(1_000_000), first=1)
    with distant.open(url) as stream:
        pieces = [stream.read(100_000)]
        if fate == "replaced":
            put("large.bin", LARGE[::-1])
        else:
            aws.client("s3").delete_object(Bucket=bucket, Key="large.bin")
        with pytest.raises(InputError, match="was changed while it was read") as caught:
            pieces.extend(iter(lambda: stream.read(100_000), b""))
    assert LARGE.startswith(b"".join(pieces)), "not one byte of another version"
    assert caught.value.exit_code == 65


def test_an_empty_object_is_refused(put, tmp_path):
    with pytest.raises(InputError, match="the object is empty; upload it again"):
        storage(tmp_path).open(put("empty.csv", b""))


def test_a_folder_is_refused_and_its_objects_named(put, tmp_path):
    urls = [put(f"feed/{name}") for name in "abcd"]
    put("feed/")
    with pytest.raises(InputError, match="this is a folder") as caught:
        storage(tmp_path).open(urls[0].removesuffix("a"))
    assert str(caught.value).endswith(f"; give the URL of one object, such as {', '.join(urls[:3])}")
    with pytest.raises(InputError, match="there is nothing under it"):
        storage(tmp_path).open(urls[0].replace("feed/a", "none/"))
    with pytest.raises(InputError, match="this is a folder"):
        storage(tmp_path).open(urls[0].removesuffix("/feed/a"))


def test_a_url_without_a_bucket_is_refused(tmp_path):
    with pytest.raises(InputError, match="there is no bucket"):
        storage(tmp_path).open("s3:///key")


def test_a_bucket_that_is_not_there(aws, environment, tmp_path):
    url = f"s3://no-such-{uuid4()}/products.csv"
    with pytest.raises(MissingInput, match="there is no such bucket") as caught:
        storage(tmp_path).open(url)
    assert url in str(caught.value)
    with pytest.raises(MissingInput):
        list(storage(tmp_path).list(url))


@pytest.mark.parametrize("code", ["AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken"])
def test_what_may_not_be_read(put, proxy, distant, code):
    url = put("products.csv")
    proxy.on("GetObject|ListObjectsV2", Fail(code))
    for look in (distant.open, lambda url: list(distant.list(url))):
        with pytest.raises(CredentialsError, match=code) as caught:
            look(url)
        assert "canary-secret" not in str(caught.value)
        assert "s3:GetObject" in str(caught.value)


def test_no_credentials_at_all(aws, monkeypatch, tmp_path):
    monkeypatch.setattr(clients, "_clients", {})
    where = {name: value for name, value in aws.environ.items() if "KEY" not in name}
    with pytest.raises(CredentialsError, match="NoCredentialsError"):
        storage(tmp_path, **where).open("s3://bucket/key")


def test_a_bucket_of_another_region(put, proxy, distant):
    url = put("products.csv")
    proxy.on("GetObject", Fail("PermanentRedirect", status=301))
    with pytest.raises(InputError, match="in another region; set AWS_REGION"):
        distant.open(url)


@pytest.mark.slow
@pytest.mark.usefixtures("impatient")
def test_a_network_that_is_down_may_heal(put, proxy, distant):
    url = put("products.csv")
    proxy.on("GetObject", Drop())
    with pytest.raises(InputError, match="cannot be read at the moment") as caught:
        distant.open(url)
    assert caught.value.exit_code == 75
    proxy.clear()
    with distant.open(url) as stream:
        assert stream.read() == b"x"


@pytest.mark.slow
def test_many_objects_are_listed_page_by_page(put, proxy, distant):
    urls = [put(f"feed/{number:04}") for number in range(1_003)]
    assert list(distant.list(urls[0].removesuffix("0000"))) == urls
    assert proxy.counts["ListObjectsV2"] == 2
