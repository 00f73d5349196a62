"""Follows configs/aws/README.md on emulators; the commands that need a real account are listed with the reason."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator

import boto3
import pytest

import postgres_server
from aws_server import batch as aws_batch
from aws_server import emulators
from tests.cli.process import end, start
from tests.jobs.aws.production import CONFIG
from tests.stack.commands import Shell, command_lines
from tests.stack.template import STACK, of_type, stack
from tests.stack.values import Values

pytestmark = pytest.mark.slow

ROOT = STACK.parents[2]
README = (STACK.parent / "README.md").read_text(encoding="utf-8")
LINES = command_lines(README)

REAL_ACCOUNT = {
    "export RDS_CA_SHA256=": "the internet",
    "aws ecr get-login-password": "a registry, and Docker",
    "docker buildx build": "a registry, and Docker; tests of the image build it in another way",
    "curl --fail --aws-sigv4": "no emulator joins an API to a bus; test_triggers.py knocks at the door",
}
"""Beginnings of the lines that are not run, and what they need."""


@pytest.fixture(scope="module")
def aws() -> Iterator[emulators.Aws]:
    with emulators.running() as running:
        yield running


@pytest.fixture
def batch() -> Iterator[aws_batch.Batch]:
    """AWS Batch with the stack's job definitions."""
    with aws_batch.serving() as batch:
        for properties in of_type(stack(), "AWS::Batch::JobDefinition").values():
            (task,) = properties["EcsProperties"]["TaskProperties"]
            (container,) = task["Containers"]
            named = {"name": container["Name"], "essential": container["Essential"], "image": "querygen"}
            name = Values(stack()).of(properties["JobDefinitionName"])
            batch.define(name, ecsProperties={"taskProperties": [{"containers": [named]}]})
        yield batch


@pytest.fixture
def shell(aws, batch, tmp_path) -> Shell:
    for name in ("gemini", "database"):
        (tmp_path / f"{name}.json").write_text(json.dumps({"of": name}))
    (tmp_path / "configs").symlink_to(ROOT / "configs")
    credentials = {name.lower(): value for name, value in emulators.CREDENTIALS.items()}
    client = boto3.client("batch", region_name=emulators.REGION, endpoint_url=batch.url, **credentials)

    def newest(params, **_):
        """AWS also accepts a definition's name; the stand-in requires an ARN."""
        found = client.describe_job_definitions(jobDefinitionName=params["jobDefinition"])["jobDefinitions"]
        return {**params, "jobDefinition": found[-1]["jobDefinitionArn"]}

    client.meta.events.register("provide-client-params.batch.SubmitJob", newest)
    return Shell(aws, tmp_path, {}, {"batch": client})


def test_the_commands_do_what_the_readme_says(aws, batch, shell, tmp_path):
    """Run in order, in one account. Every line is run or listed, and every listed line is in the README."""
    left_out = []
    for line in LINES:
        if skipped := next((start for start in REAL_ACCOUNT if line.startswith(start)), None):
            left_out.append(skipped)
        elif line.startswith("querygen "):
            environ = {**aws.environ, "AWS_ENDPOINT_URL_BATCH": batch.url, **shell.variables}
            ended = end(start(*shlex.split(shell.substitute(line))[1:], cwd=ROOT, **environ))
            assert ended.code == 0, ended.err
        else:
            shell.run(line)
            if "create-repository" in line:
                push(aws)
    assert left_out == list(REAL_ACCOUNT)
    secrets = aws.client("secretsmanager")
    for name in ("gemini", "database"):
        assert json.loads(secrets.get_secret_value(SecretId=f"querygen/{name}")["SecretString"]) == {"of": name}
    bucket = shell.variables["QUERYGEN_BUCKET"]
    stored = aws.client("s3").get_object(Bucket=bucket, Key="configs/prod.yaml")["Body"].read()
    assert stored == CONFIG.read_bytes()
    init, run, report = map(command_of, batch.submitted)
    assert init == ["db", "init", f"s3://{bucket}/configs/prod.yaml"]
    assert (run[0], report[0]) == ("run", "report")
    for word in (run[1], report[1]):
        assert re.fullmatch(rf"s3://{bucket}/submissions/\w+/config.json", word)
    assert batch.submitted[1]["arrayProperties"] == {"size": 8}


def push(aws):
    """Stands in for Docker's push."""
    aws.client("ecr").put_image(repositoryName="querygen", imageManifest="{}", imageTag="v1")


def command_of(submitted):
    return submitted["ecsPropertiesOverride"]["taskProperties"][0]["containers"][0]["command"]


def test_the_bucket_s_name_is_the_stack_s():
    """The README names the bucket before the stack exists."""
    account, region = "111122223333", "eu-central-1"
    found = (
        re.search(r"export QUERYGEN_BUCKET=(\S+)", README)[1]
        .replace("$ACCOUNT", account)
        .replace("$AWS_REGION", region)
    )
    name = of_type(stack(), "AWS::S3::Bucket")["Bucket"]["BucketName"]
    assert Values(stack(), {"AWS::AccountId": account, "AWS::Region": region}).of(name) == found


def test_there_are_ten_commands_to_a_first_job():
    first = README.split("## From an empty account")[1].split("\n## ")[0]
    block = re.findall(r"```sh\n(.*?)```", first, re.DOTALL)[1]
    assert len(command_lines(f"```sh\n{block}```")) == 10


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("aws secretsmanager put-secret --secret-id a", "put-secret"),
        ("aws secretsmanager put-secret-value --secret a", "secret"),
        ("aws sqs get-queue-url --queue-name nowhere", "NonExistentQueue"),
        ("make install", "make"),
        ("aws s3 cp configs/none.yaml s3://b/k", "none.yaml"),
        ("aws s3 ls s3://$NOWHERE/", "NOWHERE"),
    ],
)
def test_a_wrong_command_fails(shell, line, error):
    with pytest.raises(Exception, match=error):
        shell.run(line)


def test_the_readme_names_every_alarm_and_every_alarm_is_in_the_stack():
    named = {
        one["AlarmName"]["Fn::Sub"].replace("${Name}", "querygen")
        for one in of_type(stack(), "AWS::CloudWatch::Alarm").values()
    }
    assert {*re.findall(r"^\| `(querygen-[a-z-]+)` \| (?!\d)", README, re.MULTILINE)} == named


def test_parameters_that_the_readme_speaks_of_are_the_stack_s():
    spoken = {
        *re.findall(r"\b([A-Z][a-z]+(?:[A-Z][a-z]*)+)=", README),
        *re.findall(r"`([A-Z][a-z]+(?:[A-Z][a-z]*)+)`", README),
    }
    known = {*stack()["Parameters"], *stack()["Outputs"], "CallErrors", "OutOfMemory", "JobSecurityGroup"}
    assert spoken - known == set()
    assert "UploadJobId" in spoken


def test_a_consumer_reads_the_view_and_nothing_else(tmp_path, tmp_path_factory):
    """Runs the statements of the README after `querygen db init`."""
    (sql,) = re.findall(r"```sql\n(.*?)```", README, re.DOTALL)
    with postgres_server.running(tmp_path_factory.mktemp("postgres")) as server, server.database() as database:
        config = {
            "input": {"use": "files/auto"},
            "models": {"m": {"use": "offline/model"}},
            "generators": [{"name": "market", "prompt": "market", "model": "m"}],
            "sinks": [{"use": "postgres/queries", "dsn": database.dsn}],
        }
        (tmp_path / "job.yaml").write_text(json.dumps(config))
        ended = end(start("db", "init", "job.yaml", cwd=tmp_path))
        assert ended.code == 0, ended.err
        for statement in sql.split(";\n"):
            if statement.strip():
                database.rows(statement)
        try:
            may = "SELECT has_table_privilege('search_pages', %s, 'SELECT')"
            allowed = {
                name
                for name in ("querygen.active_queries", "querygen.delivery", "queries", "products")
                if database.value(may.replace("%s", f"'{name}'"))
            }
            assert allowed == {"querygen.active_queries"}
        finally:
            database.rows("DROP OWNED BY search_pages")
            database.rows("DROP ROLE search_pages")
