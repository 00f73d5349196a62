"""From an event to a job's command, and from the command to questions in the bucket."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import quote

import pytest

from aws_server import emulators
from querygen_core.cli.parser import build_parser
from querygen_core.contracts.errors import UsageError
from tests.cli.process import end
from tests.cli.process import start as start_querygen
from tests.stack.template import of_type, stack
from tests.stack.triggers import command, start
from tests.stack.values import Values

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
HOSTILE = ['a"b', "a\\b", '","job_id":"x', '"}, "ContainerOverrides": {"Command": ["db"]}, "x": {"y": "', "\\u0022"]
CONFIG = {
    "models": {"m": {"use": "offline/model"}},
    "input": {"use": "files/auto"},
    "generators": [{"name": "market", "prompt": "market", "model": "m", "count": 5}],
    "sinks": [{"use": "aws/s3", "bucket": "${QUERYGEN_BUCKET}"}],
    "journal": {"url": "s3://${QUERYGEN_BUCKET}/journal/"},
}


@pytest.fixture
def aws():
    with emulators.running() as running:
        yield running


@pytest.fixture
def triggers(aws):
    return start(aws)


def test_uploads_of_one_name_are_one_job(triggers):
    key = "input/feeds/shop 1/ünï <b>.csv"
    triggers.upload(key, b"monday")
    triggers.upload(key, b"tuesday")
    assert triggers.jobs(2) == [{"input": f"s3://{triggers.bucket}/{key}", "job_id": key}] * 2
    for elsewhere in ("query/shop.json", "inputs/x", "journal/input/x"):
        triggers.upload(elsewhere)
    assert triggers.jobs(0) == []


def test_an_upload_may_be_a_job_of_its_own(aws):
    triggers = start(aws, UploadJobId="etag")
    etag = triggers.upload("input/feed.csv", b"one")
    assert triggers.jobs(1) == [{"input": f"s3://{triggers.bucket}/input/feed.csv", "job_id": f"s3-{etag}"}]


def test_every_night_is_the_same_job_and_that_of_an_upload(triggers):
    """An emulator's clock does not strike, so the rule is read."""
    (target,) = of_type(stack(), "AWS::Events::Rule")["ClockRuns"]["Targets"]
    values = Values(stack(), {"Bucket": triggers.bucket}, ScheduledKey="shop/feed.csv")
    nightly = json.loads(values.of(target["Input"]))
    triggers.upload("input/shop/feed.csv")
    assert [nightly["Parameters"]] == triggers.jobs(1)


def test_a_request_is_a_job_whoever_sends_it(triggers):
    expected = {"input": f"s3://{triggers.bucket}/input/a.csv", "job_id": "shop/2026"}
    triggers.put({"job_id": "shop/2026", "key": "a.csv"})
    assert triggers.jobs(1) == [expected]
    triggers.put({"job_id": "shop/2026", "key": "a.csv"}, source="querygen.http")  # as the API puts it
    assert triggers.jobs(1) == [expected]
    triggers.put({"job_id": "shop/2026", "key": "a.csv"}, detail_type="Anything")
    triggers.put({"job_id": "shop/2026"})
    triggers.put({"key": "a.csv"})
    assert triggers.jobs(0) == []


def test_the_api_asks_who_it_is(triggers):
    """An authorised request gets as far as the integration with the bus, which the emulator lacks."""
    assert triggers.post({"job_id": "shop", "key": "a.csv"}, signed=False) == 403
    assert triggers.post({"job_id": "shop", "key": "a.csv"}) == 502


def test_what_could_leave_its_string_is_let_through_nowhere(triggers):
    for text in HOSTILE:
        triggers.upload(f"input/{text}")
        triggers.put({"job_id": text, "key": "a.csv"})
        triggers.put({"job_id": "shop", "key": text})
    assert triggers.jobs(0) == []


@pytest.mark.parametrize(
    "value", ["--set", "--set=runtime.max_cost=9", "-h", "--", "a b", "$(id)", ";id", "%s", "Ref::x"]
)
@pytest.mark.parametrize("name", ["input", "job_id", "config"])
def test_a_parameter_is_a_value_and_never_an_option(name, value):
    """A value that looks like an option makes the command line invalid, and nothing runs."""
    words = command({"input": "s3://b/i", "job_id": "j", "config": "s3://b/c", name: value}, "b")
    try:
        given = build_parser().parse_args(words)
    except UsageError:
        assert value.startswith("-")
        return
    expected = {"input": "s3://b/i", "job_id": "j", "config": "s3://b/c", name: value}
    assert (given.products_file, given.job_id, given.config) == tuple(
        expected[one] for one in ("input", "job_id", "config")
    )
    assert given.set == []


def test_a_file_in_the_bucket_becomes_questions_in_the_bucket(triggers, tmp_path):
    """Run the definition's command with the parameters of an event. The event comes twice and costs once."""
    s3, bucket = triggers.aws.client("s3"), triggers.bucket
    s3.put_object(Bucket=bucket, Key="configs/prod.yaml", Body=json.dumps(CONFIG).encode())
    triggers.upload("input/sample.jsonl", (ROOT / "configs" / "sample_catalogue.jsonl").read_bytes())
    (parameters,) = triggers.jobs(1)
    paid, logged = [], ""
    for machine in ("first", "second"):
        environ = {**triggers.aws.environ, "QUERYGEN_BUCKET": bucket, "QUERYGEN_STATE_DIR": str(tmp_path / machine)}
        ended = end(start_querygen(*command(parameters, bucket), cwd=tmp_path, **environ))
        assert ended.code == 0, ended.err
        paid.append(ended.json["calls"]["new"])
        logged += ended.err
    assert (paid[0] > 0, paid[1]) == (True, 0)
    result = s3.get_object(Bucket=bucket, Key=f"query/{quote(parameters['job_id'], safe='')}.json")["Body"].read()
    report = ended.json
    assert len(json.loads(result)["products"]) == report["done"] + report["short"] > 40
    fields_are_logged(logged)


def fields_are_logged(logged):
    """The README's log queries use fields that log lines have."""
    has = {"job_id", "attempt", "shard"}  # on every line of a run: see tests/cli/test_output.py
    has = has.union(*(json.loads(line) for line in logged.splitlines() if line.startswith("{")))
    readme = (ROOT / "configs" / "aws" / "README.md").read_text(encoding="utf-8")
    queries = re.findall(r"```text\n(fields.*?)```", readme, re.DOTALL)
    assert len(queries) >= 4
    asked = {word for query in queries for line in query.splitlines() for word in asked_in(line)}
    assert asked <= has | {"error"}, asked - has
    assert {"component", "message", "level"} <= asked


def asked_in(line):
    verb, _, rest = line.strip().removeprefix("| ").partition(" ")
    if verb == "fields":
        return [word for word in re.split(r"[ ,]+", rest) if word and not word.startswith("@")]
    if verb == "filter":
        return re.findall(r"\b([a-z_]+) (?:=|in|like) ", rest)
    return []


def test_a_job_that_is_given_nothing_ends_before_anything_is_paid(triggers, tmp_path):
    config = {**CONFIG, "sinks": [{"use": "files/jsonl", "path": "out.jsonl"}]}
    triggers.aws.client("s3").put_object(
        Bucket=triggers.bucket, Key="configs/prod.yaml", Body=json.dumps(config).encode()
    )
    environ = {
        **triggers.aws.environ,
        "QUERYGEN_BUCKET": triggers.bucket,
        "QUERYGEN_STATE_DIR": str(tmp_path / "state"),
    }
    ended = end(start_querygen(*command({}, triggers.bucket), cwd=tmp_path, **environ))
    assert ended.code == 66, ended.err
    assert "no-input-was-given" in ended.err
