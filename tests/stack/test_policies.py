"""Permissions: every request of a real run is checked against the roles of the stack."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

import gemini_server
import postgres_server
from aws_server import emulators
from aws_server.asked import Asked
from aws_server.proxy import AwsProxy
from gemini_fixtures import KEY
from querygen_core.testing.isolation import SETTINGS_OF_THE_MACHINE
from tests.jobs.aws.production import CONFIG, PARTS, Production
from tests.stack.calls import CALLS_OF_A_JOB, CALLS_OF_A_SUBMITTER, NOT_FOR_A_JOB, NOT_FOR_A_SUBMITTER
from tests.stack.needs import arn, at, needs
from tests.stack.policies import Request, allows
from tests.stack.template import stack
from tests.stack.values import ARNS, Values

TEMPLATE = stack()
VALUES = Values(TEMPLATE, ARNS)


def statements(name):
    """Return the statements of a role or a managed policy."""
    properties = TEMPLATE["Resources"][name]["Properties"]
    documents = [one["PolicyDocument"] for one in properties.get("Policies", [properties])]
    return [VALUES.of(statement) for document in documents for statement in document["Statement"]]


JOB_CALL = Request("s3:GetObject", at("input/catalogue.csv"))
JOB, SUBMITTER = statements("JobRole"), statements("SubmitterPolicy")


class Witness(AwsProxy):
    """Records all requests that go through it."""

    def __init__(self, aws):
        self.asked: list[Asked] = []
        super().__init__(aws)

    def _effect_on(self, asked):
        self.asked.append(asked)
        return super()._effect_on(asked)


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Iterator[tuple[list[Asked], dict[str, str]]]:
    """Check and run configs/prod.yaml from the bucket, then run it in another layout; return its requests and names."""
    folder = tmp_path_factory.mktemp("production")
    with (
        pytest.MonkeyPatch.context() as environment,
        emulators.running() as aws,
        gemini_server.running(answers="offline", keys=(KEY,)) as model,
        postgres_server.running(tmp_path_factory.mktemp("postgres")) as server,
        server.database() as database,
        witnessed(aws) as witness,
    ):
        for name in [one for one in os.environ if one.startswith(SETTINGS_OF_THE_MACHINE)]:
            environment.delenv(name)
        job = Production(folder, aws, database, model, products=4)
        aws.client("s3").put_object(Bucket=job.bucket, Key="configs/prod.yaml", Body=CONFIG.read_bytes())
        for words in (("db", "init"), ("check", "--connect"), ("run", "--json"), ("run", "--json", *PARTS)):
            ended = job.command(*words, f"s3://{job.bucket}/configs/prod.yaml", aws=witness)
            assert ended.code == 0, ended.err
        yield witness.asked, {job.bucket: ARNS["Bucket.Arn"], job.table: ARNS["Table.Arn"]}


@contextmanager
def witnessed(aws) -> Iterator[Witness]:
    witness = Witness(aws)
    try:
        yield witness
    finally:
        witness.close()


@pytest.mark.slow
def test_a_real_run_may_do_all_that_it_does(run):
    asked, names = run
    needed = {request for one in asked for request in needs(one, names)}
    assert [request for request in needed if not allows(JOB, request)] == []
    assert {one.operation for one in asked} == {
        "BatchWriteItem",
        "DeleteObject",
        "GetObject",
        "GetSecretValue",
        "HeadBucket",
        "HeadObject",
        "ListObjectsV2",
        "PutItem",
        "PutObject",
        "Query",
    }


@pytest.mark.slow
def test_a_real_run_needs_every_statement_of_the_role(run):
    asked, names = run
    needed = {request for one in asked for request in needs(one, names)}
    for statement in JOB:
        others = [other for other in JOB if other is not statement]
        assert not all(allows(others, request) for request in needed), f"{statement['Sid']} is not needed"


@pytest.mark.slow
def test_the_table_of_calls_knows_every_kind_that_a_real_run_makes(run):
    """The table of requests covers those of the plugin, by action and by the first part of the key."""
    asked, names = run
    needed = {kind_of(request) for one in asked for request in needs(one, names)}
    assert needed <= {kind_of(request) for request in CALLS_OF_A_JOB}


def kind_of(request):
    where = request.context.get("s3:prefix", request.resource.removeprefix(ARNS["Bucket.Arn"]).lstrip("/"))
    place = where.partition("/")[0] if request.action.startswith("s3:") else request.resource
    return request.action, place, request.context.get("kms:ViaService")


@pytest.mark.parametrize(
    ("role", "calls"), [(JOB, CALLS_OF_A_JOB), (SUBMITTER, CALLS_OF_A_SUBMITTER)], ids=["job", "submitter"]
)
def test_what_is_needed_is_allowed(role, calls):
    assert [call for call in calls if not allows(role, call)] == []


@pytest.mark.parametrize(
    ("role", "others"), [(JOB, NOT_FOR_A_JOB), (SUBMITTER, NOT_FOR_A_SUBMITTER)], ids=["job", "submitter"]
)
def test_what_is_not_needed_is_denied(role, others):
    assert [other for other in others if allows(role, other)] == []


def test_the_submitter_needs_every_statement():
    for statement in SUBMITTER:
        others = [other for other in SUBMITTER if other is not statement]
        assert not all(allows(others, call) for call in CALLS_OF_A_SUBMITTER), f"{statement['Sid']} is not needed"


def test_every_right_of_every_role_is_on_something_that_the_stack_names():
    """A wildcard may only end a resource, after one of our names, or be one that AWS forces."""
    for role in ("JobRole", "ExecutionRole", "TriggerRole", "ApiRole", "SubmitterPolicy"):
        for statement in statements(role):
            for resource in (
                statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
            ):
                whole = resource == "*" and statement["Sid"] in {"SignIn", "Watch"}
                tagged = resource.endswith(":job/*") and "Null" in statement["Condition"]
                named = "querygen" in resource or ARNS["Key"] in resource or ARNS["Api"] in resource
                assert whole or tagged or named, f"{role}: {statement['Sid']}: {resource}"


@pytest.mark.parametrize(
    ("role", "action", "resource", "allowed"),
    [
        ("TriggerRole", "batch:SubmitJob", ARNS["Queue"], True),
        ("TriggerRole", "batch:SubmitJob", arn("batch", "job-definition/querygen-medium:7"), True),
        ("TriggerRole", "events:PutEvents", ARNS["Bus.Arn"], True),
        ("TriggerRole", "batch:SubmitJob", arn("batch", "job-definition/payroll:1"), False),
        ("TriggerRole", "batch:SubmitJob", arn("batch", "job-queue/payroll"), False),
        ("TriggerRole", "batch:TerminateJob", arn("batch", "job/5f1c"), False),
        ("ApiRole", "events:PutEvents", ARNS["Bus.Arn"], True),
        ("ApiRole", "events:PutEvents", arn("events", "event-bus/default"), False),
        ("ApiRole", "batch:SubmitJob", ARNS["Queue"], False),
        ("ExecutionRole", "logs:PutLogEvents", ARNS["JobLogs.Arn"].replace("*", "log-stream:job/querygen/1"), True),
        ("ExecutionRole", "ecr:BatchGetImage", arn("ecr", "repository/querygen"), True),
        ("ExecutionRole", "ecr:BatchGetImage", arn("ecr", "repository/payroll"), False),
        ("ExecutionRole", "s3:GetObject", at("journal/answers/ab/abcd.1.json"), False),
        ("ExecutionRole", "secretsmanager:GetSecretValue", ARNS["GeminiSecret"], False),
    ],
)
def test_the_roles_around_a_job_may_do_their_part_and_no_more(role, action, resource, allowed):
    assert allows(statements(role), Request(action, resource)) is allowed


STATEMENTS = [
    {
        "Effect": "Allow",
        "Action": ["s3:Get*", "s3:ListBucket"],
        "Resource": ["arn:aws:s3:::a", "arn:aws:s3:::a/in/?/*"],
    },
    {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}},
    {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "k", "Condition": {"StringEquals": {"via": ["x", "y"]}}},
    {"Effect": "Allow", "Action": "b:Tag", "Resource": "*", "Condition": {"Null": {"tag": "false"}}},
    {"Effect": "Allow", "Action": "b:List", "Resource": "*", "Condition": {"StringLikeIfExists": {"p": "in/*"}}},
    {"Effect": "Allow", "Action": "b:Two", "Resource": "*", "Condition": {"StringLike": {"p": "in/*", "q": "*"}}},
]


@pytest.mark.parametrize(
    ("request_", "allowed"),
    [
        (Request("s3:GetObject", "arn:aws:s3:::a/in/1/b/c"), True),
        (Request("S3:getobject", "arn:aws:s3:::a/in/1/b"), True),
        (Request("s3:GetObject", "arn:aws:s3:::a/in/12/b"), False),
        (Request("s3:GetObject", "ARN:aws:s3:::a/in/1/b"), False),
        (Request("s3:GetObject", "arn:aws:s3:::a/in/1/b", {"aws:SecureTransport": "false"}), False),
        (Request("s3:PutObject", "arn:aws:s3:::a/in/1/b"), False),
        (Request("kms:Decrypt", "k", {"via": "y"}), True),
        (Request("kms:Decrypt", "k", {"via": "*"}), False),
        (Request("kms:Decrypt", "k"), False),
        (Request("b:Tag", "r", {"tag": ""}), True),
        (Request("b:Tag", "r"), False),
        (Request("b:List", "r"), True),
        (Request("b:List", "r", {"p": "in/a"}), True),
        (Request("b:List", "r", {"p": "out/a"}), False),
        (Request("b:Two", "r", {"p": "in/a", "q": "z"}), True),
        (Request("b:Two", "r", {"p": "in/a"}), False),
    ],
)
def test_the_simulator_decides_as_iam_does(request_, allowed):
    assert allows(STATEMENTS, request_) is allowed


def test_the_simulator_does_not_guess():
    with pytest.raises(NotImplementedError):
        allows([{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"IpAddress": {"a": "b"}}}], JOB_CALL)
    with pytest.raises(NotImplementedError):
        allows([{"Effect": "Allow", "NotAction": "*", "Action": "*", "Resource": "*"}], JOB_CALL)
