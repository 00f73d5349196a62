"""The stack created by an emulator, as far as it can: references resolve, and the services get the right properties."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

from aws_server import emulators
from tests.stack.creation import NAME, UNKNOWN_TO_MINISTACK, create, is_known, without_unknown
from tests.stack.template import stack
from tests.stack.values import Values

pytestmark = pytest.mark.slow

TEMPLATE = stack()
WAYS = {
    "nat": {},
    "endpoints": {"WayOut": "endpoints", "Schedule": "cron(0 2 * * ? *)", "TriggerShards": "8"},
    "a VPC that is there": {"VpcId": "vpc-1", "SubnetIds": "subnet-1,subnet-2", "UploadJobId": "etag"},
}


@pytest.fixture
def aws():
    with emulators.running() as running:
        yield running


@pytest.mark.parametrize("parameters", WAYS.values(), ids=WAYS)
def test_all_that_is_known_is_made(aws, parameters):
    create(aws, without_unknown(TEMPLATE), **parameters)
    made = aws.client("cloudformation").describe_stack_resources(StackName=NAME)["StackResources"]
    values = Values(TEMPLATE, **parameters)
    wanted = {
        name
        for name, one in TEMPLATE["Resources"].items()
        if is_known(one) and ("Condition" not in one or values.holds(one["Condition"]))
    }
    assert {one["LogicalResourceId"] for one in made} == wanted
    assert len(wanted) > 30


def test_what_is_said_to_be_unknown_is_refused(aws):
    """Fails when the emulator learns a type, so that the list gets shorter."""
    for type_ in UNKNOWN_TO_MINISTACK:
        body = json.dumps({"Resources": {"One": {"Type": type_}}})
        with pytest.raises(ClientError, match=f"Unrecognized resource types.*{type_}"):
            aws.client("cloudformation").create_stack(StackName="one", TemplateBody=body)
    alarm = next(one for one in TEMPLATE["Resources"].values() if "Metrics" in one.get("Properties", {}))
    with pytest.raises(AssertionError, match=r"metric math.* is not supported"):
        create(aws, {**TEMPLATE, "Outputs": {}, "Resources": {"One": without_actions(alarm)}})


def without_actions(alarm):
    return {"Type": alarm["Type"], "Properties": {**alarm["Properties"], "AlarmActions": []}}


def test_what_arrives(aws):
    out = create(aws, without_unknown(TEMPLATE), LogDays="30")
    s3, bucket = aws.client("s3"), out["BucketName"]
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    assert all(s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"].values())
    (denied,) = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])["Statement"]
    assert (denied["Effect"], denied["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
    table = aws.client("dynamodb").describe_table(TableName=out["TableName"])["Table"]
    assert {one["AttributeName"]: one["KeyType"] for one in table["KeySchema"]} == {"pk": "HASH", "sk": "RANGE"}
    secrets = aws.client("secretsmanager")
    placeholder = json.loads(secrets.get_secret_value(SecretId="querygen/gemini")["SecretString"])
    assert [*placeholder] == ["api_key"]
    database = json.loads(secrets.get_secret_value(SecretId="querygen/database")["SecretString"])
    assert database["host"].endswith(".invalid"), "until it is set, nothing is reached"
    groups = aws.client("logs").describe_log_groups()["logGroups"]
    assert {(one["logGroupName"], one["retentionInDays"]) for one in groups} == {
        ("/querygen/jobs", 30),
        ("/querygen/events", 30),
        ("/querygen/api", 30),
    }
    assert all("kmsKeyId" in one for one in groups)
    sns = aws.client("sns")
    (topic,) = sns.list_topics()["Topics"]
    (told,) = sns.list_subscriptions_by_topic(TopicArn=topic["TopicArn"])["Subscriptions"]
    assert told["Protocol"] == "email"
    for alarm in aws.client("cloudwatch").describe_alarms()["MetricAlarms"]:
        assert alarm["AlarmActions"] == [topic["TopicArn"]]
    body = aws.client("cloudwatch").get_dashboard(DashboardName="querygen")["DashboardBody"]
    widgets = json.loads(body)["widgets"]
    assert widgets[0]["type"] == "alarm"
    assert len(widgets[0]["properties"]["alarms"]) == 5
