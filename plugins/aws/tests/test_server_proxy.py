"""The proxy changes nothing unless it is told to, and then what boto3 sees is what AWS would have shown it."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import threading
from collections import Counter

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, EndpointConnectionError, ResponseStreamingError

from aws_server import emulators
from aws_server.proxy import CutBody, Delay, Drop, Fail, LoseAnswer, Unprocessed, proxied

TABLE = "things"
BUCKET = "bucket"


@pytest.fixture(scope="module")
def emulator():
    with emulators.running() as aws:
        aws.client("s3").create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": emulators.REGION}
        )
        aws.client("dynamodb").create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        )
        aws.client("secretsmanager").create_secret(Name="secret", SecretString="value-of-the-secret")
        yield aws


@pytest.fixture
def proxy(emulator):
    with proxied(emulator) as proxy:
        yield proxy


def put(table, *keys):
    return {table: [{"PutRequest": {"Item": {"pk": {"S": key}}}} for key in keys]}


def keys_of(requests):
    return [request["PutRequest"]["Item"]["pk"]["S"] for request in requests]


def stored(emulator, *keys):
    found = emulator.client("dynamodb").batch_get_item(RequestItems={TABLE: {"Keys": [{"pk": {"S": k}} for k in keys]}})
    return {item["pk"]["S"] for item in found["Responses"][TABLE]}


def code_of(call, **given):
    with pytest.raises(ClientError) as caught:
        call(**given)
    return caught.value.response["Error"]["Code"], caught.value.response["ResponseMetadata"]["HTTPStatusCode"]


@pytest.mark.slow
@pytest.mark.parametrize("size", [0, 1, 3_000_000])
def test_objects_go_through_unchanged(proxy, emulator, size):
    content = (b"\x00\xff\r\n" * size)[:size]
    s3 = proxy.client("s3")
    written = s3.put_object(Bucket=BUCKET, Key="ä b/1%.bin", Body=content, ContentMD5=_md5(content))
    assert emulator.client("s3").get_object(Bucket=BUCKET, Key="ä b/1%.bin")["Body"].read() == content
    read = s3.get_object(Bucket=BUCKET, Key="ä b/1%.bin")
    assert (read["Body"].read(), read["ETag"]) == (content, written["ETag"])
    assert s3.head_object(Bucket=BUCKET, Key="ä b/1%.bin")["ContentLength"] == size


def _md5(content):
    return base64.b64encode(hashlib.md5(content).digest()).decode()


def test_a_body_of_unknown_length_goes_through(proxy, emulator):
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=20)
    connection.request("PUT", "/bucket/chunked", iter([b"one", b"two" * 50_000]), encode_chunked=True)
    assert connection.getresponse().status == 200
    connection.close()
    assert emulator.client("s3").get_object(Bucket=BUCKET, Key="chunked")["Body"].read() == b"one" + b"two" * 50_000


def test_one_connection_is_enough_for_many_requests(proxy):
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=20)
    sockets = set()
    for number in range(3):
        connection.request("PUT", f"/bucket/kept-{number}", b"content")
        connection.getresponse().read()
        sockets.add(connection.sock)
    connection.close()
    assert len(sockets) == 1
    assert None not in sockets


def test_requests_are_counted_by_what_they_ask_for(proxy):
    s3, dynamodb = proxy.client("s3"), proxy.client("dynamodb")
    s3.list_buckets()
    s3.head_bucket(Bucket=BUCKET)
    s3.list_objects_v2(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key="k", Body=b"1")
    s3.copy_object(Bucket=BUCKET, Key="k2", CopySource=f"{BUCKET}/k")
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key="m")["UploadId"]
    part = s3.upload_part(Bucket=BUCKET, Key="m", UploadId=upload, PartNumber=1, Body=b"1")
    s3.list_parts(Bucket=BUCKET, Key="m", UploadId=upload)
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    s3.complete_multipart_upload(Bucket=BUCKET, Key="m", UploadId=upload, MultipartUpload=parts)
    s3.abort_multipart_upload(
        Bucket=BUCKET, Key="n", UploadId=s3.create_multipart_upload(Bucket=BUCKET, Key="n")["UploadId"]
    )
    s3.delete_object(Bucket=BUCKET, Key="k2")
    s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": "m"}]})
    dynamodb.put_item(TableName=TABLE, Item={"pk": {"S": "a"}})
    dynamodb.batch_write_item(RequestItems=put(TABLE, "b"))
    proxy.client("secretsmanager").get_secret_value(SecretId="secret")
    proxy.client("sts").get_caller_identity()
    once = (
        "ListBuckets HeadBucket ListObjectsV2 PutObject CopyObject UploadPart ListParts CompleteMultipartUpload "
        "AbortMultipartUpload DeleteObject DeleteObjects PutItem BatchWriteItem GetSecretValue GetCallerIdentity"
    )
    assert proxy.counts == Counter(once.split()) + Counter(CreateMultipartUpload=2)


@pytest.mark.parametrize(
    ("service", "operation", "given", "code", "status"),
    [
        ("s3", "PutObject", {"Bucket": BUCKET, "Key": "refused", "Body": b"x" * 300_000}, "SlowDown", 503),
        ("s3", "GetObject", {"Bucket": BUCKET, "Key": "<refused>&"}, "AccessDenied", 403),
        ("s3", "HeadObject", {"Bucket": BUCKET, "Key": "refused"}, "403", 403),
        ("dynamodb", "PutItem", {"TableName": TABLE, "Item": {"pk": {"S": "refused"}}}, "ThrottlingException", 400),
        ("dynamodb", "PutItem", {"TableName": TABLE, "Item": {"pk": {"S": "refused"}}}, "InternalServerError", 500),
        ("secretsmanager", "GetSecretValue", {"SecretId": "refused"}, "AccessDeniedException", 400),
    ],
)
def test_a_refusal_looks_like_one_of_aws_and_the_next_request_works(proxy, service, operation, given, code, status):
    client = proxy.client(service)
    rule = proxy.on(operation, Fail("AccessDenied" if code == "403" else code), key="refused", first=1)
    method = getattr(client, "".join(f"_{c.lower()}" if c.isupper() else c for c in operation)[1:])
    assert code_of(method, **given) == (code, status)
    if operation in {"PutObject", "PutItem"}:
        method(**given)
    assert rule.hits == 1


def test_only_what_a_rule_names_is_touched(proxy):
    proxy.on("s3:PutObject", Fail("SlowDown"), key="^/bucket/out/")
    proxy.on("dynamodb:.*", Fail("ThrottlingException"), key='"pk": ?{"S": ?"bad"}')
    s3, dynamodb = proxy.client("s3"), proxy.client("dynamodb")
    s3.put_object(Bucket=BUCKET, Key="in/out/1", Body=b"")
    dynamodb.put_item(TableName=TABLE, Item={"pk": {"S": "good"}})
    assert code_of(s3.put_object, Bucket=BUCKET, Key="out/1", Body=b"")[0] == "SlowDown"
    assert code_of(dynamodb.put_item, TableName=TABLE, Item={"pk": {"S": "bad"}})[0] == "ThrottlingException"
    proxy.clear()
    s3.put_object(Bucket=BUCKET, Key="out/1", Body=b"")


def test_a_share_is_drawn_the_same_way_whatever_the_order(proxy):
    client = proxy.client("dynamodb")
    names = [f"drawn-{number}" for number in range(60)]

    def refused(order):
        proxy.clear()
        proxy.on("PutItem", Fail("ThrottlingException"), share=0.3, seed=4)
        met = set()
        for name in order:
            try:
                client.put_item(TableName=TABLE, Item={"pk": {"S": name}})
            except ClientError:
                met.add(name)
        return met

    first = refused(names)
    assert 8 <= len(first) <= 28
    assert refused(reversed(names)) == first


def test_a_request_that_a_share_met_may_succeed_when_it_is_sent_again(proxy):
    client = proxy.client("dynamodb")
    proxy.on("PutItem", Fail("ThrottlingException"), share=0.5)
    codes = set()
    for _ in range(20):
        try:
            client.put_item(TableName=TABLE, Item={"pk": {"S": "again"}})
            codes.add("")
        except ClientError as error:
            codes.add(error.response["Error"]["Code"])
    assert codes == {"", "ThrottlingException"}


@pytest.mark.parametrize(("share", "left"), [(0.5, ["u2", "u3"]), (1.0, ["u0", "u1", "u2", "u3"]), (0.3, ["u2", "u3"])])
def test_unprocessed_items_are_returned_and_not_written(proxy, emulator, share, left):
    names = [f"u{number}" for number in range(4)]
    client = proxy.client("dynamodb")
    for name in names:
        client.delete_item(TableName=TABLE, Key={"pk": {"S": name}})
    proxy.on("BatchWriteItem", Unprocessed(share), first=1)
    answered = client.batch_write_item(RequestItems=put(TABLE, *names))
    assert keys_of(answered["UnprocessedItems"][TABLE]) == left
    assert stored(emulator, *names) == set(names) - set(left)
    assert client.batch_write_item(RequestItems=answered["UnprocessedItems"])["UnprocessedItems"] == {}
    assert stored(emulator, *names) == set(names)


def test_a_lost_answer_was_to_something_that_happened(proxy, emulator):
    s3 = proxy.client("s3")
    proxy.on("PutObject", LoseAnswer(), first=1)
    with pytest.raises(ConnectionClosedError):
        s3.put_object(Bucket=BUCKET, Key="lost", Body=b"written")
    assert emulator.client("s3").get_object(Bucket=BUCKET, Key="lost")["Body"].read() == b"written"
    s3.put_object(Bucket=BUCKET, Key="lost", Body=b"written again")


def test_what_is_dropped_did_not_happen(proxy, emulator):
    proxy.on("PutItem", Drop(), first=1)
    with pytest.raises(ConnectionClosedError):
        proxy.client("dynamodb").put_item(TableName=TABLE, Item={"pk": {"S": "dropped"}})
    assert not stored(emulator, "dropped")


def test_a_body_is_cut_where_it_should_be(proxy):
    s3 = proxy.client("s3")
    s3.put_object(Bucket=BUCKET, Key="cut", Body=b"x" * 500_000)
    proxy.on("GetObject", CutBody(100_000), first=1)
    got: list[bytes] = []
    with pytest.raises(ResponseStreamingError):
        got.extend(s3.get_object(Bucket=BUCKET, Key="cut")["Body"].iter_chunks(1000))
    assert len(b"".join(got)) == 100_000
    assert len(s3.get_object(Bucket=BUCKET, Key="cut")["Body"].read()) == 500_000


def test_a_delay_holds_up_its_own_request_only(proxy):
    proxy.on("GetSecretValue", Delay(3600))
    answered = []

    def ask():
        try:
            proxy.client("secretsmanager").get_secret_value(SecretId="secret")
        except ConnectionClosedError:
            answered.append("closed")

    waiting = threading.Thread(target=ask)
    waiting.start()
    while not proxy.counts["GetSecretValue"]:
        threading.Event().wait(0.01)
    proxy.client("s3").list_buckets()
    assert not answered
    proxy.refuse()
    waiting.join(20)
    assert answered == ["closed"]


def test_a_delay_comes_on_top_of_another_rule(proxy):
    proxy.on("ListBuckets", Delay(0.01))
    proxy.on("ListBuckets", Fail("SlowDown"))
    assert code_of(proxy.client("s3").list_buckets)[0] == "SlowDown"


def test_refusing_ends_with_accepting_on_the_same_port(proxy):
    s3, port = proxy.client("s3"), proxy.port
    s3.list_buckets()
    proxy.refuse()
    with pytest.raises(EndpointConnectionError):
        s3.list_buckets()
    proxy.accept()
    assert proxy.port == port
    s3.list_buckets()


def test_it_leaves_what_the_emulator_says_as_it_is(proxy):
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=20)
    target = {"X-Amz-Target": "DynamoDB_20120810.PutItem", "Content-Type": "application/x-amz-json-1.0"}
    signed = {"Authorization": "AWS4-HMAC-SHA256 Credential=A/20261126/eu-central-1/dynamodb/aws4_request"}
    connection.request("POST", "/", json.dumps({"TableName": "nowhere", "Item": {}}), {**target, **signed})
    answer = connection.getresponse()
    assert (answer.status, "ResourceNotFound" in answer.read().decode()) == (400, True)
    connection.close()
