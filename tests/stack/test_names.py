"""The stack, the plugin and configs/prod.yaml use the same names."""

from __future__ import annotations

import json
import re

import yaml

from querygen_aws.options import BatchOptions
from querygen_core.config import Runtime
from tests.jobs.aws.production import CONFIG
from tests.stack.template import of_type, stack
from tests.stack.triggers import container
from tests.stack.values import ARNS, Values

TEMPLATE = stack()
VALUES = Values(TEMPLATE, ARNS)
PROD = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))


def names(type_, field):
    return {VALUES.of(one[field]) for one in of_type(TEMPLATE, type_).values()}


def test_the_submitter_finds_queue_and_definitions():
    options = BatchOptions.model_validate({"bucket": "bucket"})
    assert options.job_queue in names("AWS::Batch::JobQueue", "JobQueueName")
    assert {*options.job_definitions.model_dump().values()} == names("AWS::Batch::JobDefinition", "JobDefinitionName")


def test_the_secrets_of_the_config_are_the_stack_s_and_have_its_fields():
    asked = set(re.findall(r"\$\{secret:aws/secretsmanager:([^}#]+)", CONFIG.read_text(encoding="utf-8")))
    assert asked == names("AWS::SecretsManager::Secret", "Name")
    made = of_type(TEMPLATE, "AWS::SecretsManager::Secret")["GeminiSecret"]["GenerateSecretString"]
    assert PROD["models"]["market"]["api_key"].endswith(f"#{made['GenerateStringKey']}}}")


def test_a_job_may_write_where_the_config_and_the_plugin_put_things():
    statements = TEMPLATE["Resources"]["JobRole"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    written = next(VALUES.of(one)["Resource"] for one in statements if one["Sid"] == "Write")
    prefixes = {one.removeprefix(f"{ARNS['Bucket.Arn']}/").removesuffix("*") for one in written}
    (sink,) = (one for one in PROD["sinks"] if one["use"] == "aws/s3")
    assert prefixes == {PROD["journal"]["url"].rpartition("}/")[2], sink["prefix"], "errors/"}


def test_the_environment_of_a_container_is_what_the_config_asks_for():
    of_others = {"QUERYGEN_JOB_ID", "QUERYGEN_GEMINI_URL"}  # of whoever starts a job; of a rehearsal only
    asked = {*re.findall(r"\$\{(QUERYGEN_\w+)", CONFIG.read_text(encoding="utf-8"))} - of_others
    assert asked <= {one["Name"] for one in container()["Environment"]}


def test_the_table_has_the_keys_that_items_are_stored_by():
    (table,) = of_type(TEMPLATE, "AWS::DynamoDB::Table").values()
    assert [one["AttributeName"] for one in table["KeySchema"]] == ["pk", "sk"]
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}


def test_the_image_and_the_definitions_agree():
    """They agree on user, writable folders and entry point."""
    lines = (CONFIG.parents[1] / "Dockerfile").read_text(encoding="utf-8").splitlines()
    instructions = {line.partition(" ")[0]: line.partition(" ")[2] for line in lines}
    definition = container()
    assert instructions["USER"] == definition["User"]
    volumes = {mount["ContainerPath"] for mount in definition["MountPoints"] + definition["LinuxParameters"]["Tmpfs"]}
    assert volumes == {*json.loads(instructions["VOLUME"])}
    assert json.loads(instructions["ENTRYPOINT"]) == ["querygen"]
    environment = {one["Name"]: one["Value"] for one in definition["Environment"]}
    assert environment["QUERYGEN_STATE_DIR"] == definition["MountPoints"][0]["ContainerPath"]


def test_a_container_is_given_longer_than_a_drain_takes():
    assert container()["StopTimeout"] > Runtime.model_fields["drain"].default + 60
    (template,) = of_type(TEMPLATE, "AWS::EC2::LaunchTemplate").values()
    script = template["LaunchTemplateData"]["UserData"]["Fn::Base64"]
    assert f"ECS_CONTAINER_STOP_TIMEOUT={container()['StopTimeout']}s" in script
    assert "ECS_ENABLE_SPOT_INSTANCE_DRAINING=true" in script
    assert f"--uid-owner {container()['User'].partition(':')[0]} " in script
