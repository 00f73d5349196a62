"""A job in AWS Batch. What is sent goes to ministack's S3, what is submitted to a Batch that checks it as AWS does."""

from __future__ import annotations

import re

import pytest

from aws_batches import CONFIG, CONTAINER, ECS, HELPER, OURS, build, order, refusal, submit
from querygen_aws.batch.submitter import name_of
from querygen_core.api import UsageError
from querygen_core.testing import SubmitterContract


class TestContract(SubmitterContract):
    @pytest.fixture(autouse=True)
    def _there(self, aws, sized, bucket):
        self.s3, self.bucket = aws.client("s3"), bucket

    def submitter(self, folder):
        return build(folder, bucket=self.bucket)

    def stored(self):
        found = self.s3.list_objects_v2(Bucket=self.bucket).get("Contents", [])
        return {f"s3://{self.bucket}/{one['Key']}": self.content(one["Key"]) for one in found}

    def content(self, key):
        return self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()

    def lost(self):
        return build(self.folder, bucket="no-such-bucket-71d3")


def test_the_shards_are_an_array_and_the_report_waits_for_it(sized, submitter, bucket):
    newest = sized.define("querygen-large", **CONTAINER)
    sized.define("querygen-large", status="INACTIVE", **CONTAINER)
    found = submit(submitter(), order(size="large", products="s3://b/p.csv"))
    place = f"s3://{bucket}/submissions/"
    assert found.place == place
    shards, report = sized.submitted
    assert (found.id, found.report_id) == (shards["jobId"], report["jobId"])
    assert shards["arrayProperties"] == {"size": 3}
    assert shards["jobDefinition"] == newest
    assert shards["containerOverrides"]["command"] == [
        "run",
        f"{place}{CONFIG}",
        "--products-file",
        "s3://b/p.csv",
        "--json",
        "--log-format",
        "json",
    ]
    assert report["dependsOn"] == [{"jobId": found.id}]
    assert report["jobDefinition"].endswith("/querygen-small:1")
    assert report["containerOverrides"]["command"] == ["report", f"{place}{CONFIG}", "--job-id=shop", "--json"]
    assert "arrayProperties" not in report
    assert shards["tags"] == report["tags"] == {"querygen-job": "shop"}
    assert report["jobName"] == f"{shards['jobName']}-report"
    assert all(found.id in line and "eu-central-1" in line for line in found.follow)


def test_one_shard_is_no_array(sized, submitter):
    submit(submitter(), order(shards=1))
    assert ["arrayProperties" in one for one in sized.submitted] == [False, False]


@pytest.mark.parametrize(
    ("containers", "name"),
    [
        ([HELPER, OURS], "main"),
        ([OURS, {"name": "querygen", "image": "x"}], "querygen"),
        ([HELPER], "helper"),
        ([{"image": "x"}], None),
    ],
)
def test_a_definition_of_containers_gets_its_command_where_it_belongs(batch, submitter, containers, name):
    batch.define("querygen-small", ecsProperties={"taskProperties": [{"containers": containers}]})
    submit(submitter())
    [task] = batch.submitted[0]["ecsPropertiesOverride"]["taskProperties"]
    [container] = task["containers"]
    assert container["command"][0] == "run"
    assert container.get("name") == name


def test_definitions_of_both_kinds_go_together(batch, submitter):
    batch.define("mine", **CONTAINER)
    arn = batch.define("mine", **ECS)
    batch.define("mine", **CONTAINER)
    submit(submitter(job_definitions={"large": arn, "small": "mine:1"}), order(size="large"))
    assert [one["jobDefinition"] for one in batch.submitted] == [arn, arn.replace(":2", ":1")]


def test_nothing_is_sent_twice(sized, submitter, bucket, aws, proxy, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", proxy.url)
    made = submitter()
    submit(made)
    assert proxy.counts["PutObject"] == 2
    aws.client("s3").delete_object(Bucket=bucket, Key="submissions/4711/prompts/a.j2")
    submit(made)
    assert proxy.counts["PutObject"] == 3, "what is missing is sent again, and nothing else"


@pytest.mark.slow
def test_s3_is_told_what_the_content_hashes_to(sized, bucket, moto, monkeypatch, tmp_path):
    """Of the emulators only moto says afterwards what it was told."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", moto.url)
    s3 = moto.client("s3")
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    (tmp_path / "p").write_bytes(b"from a file")
    files = {"1/p": tmp_path / "p", CONFIG: b"{}"}
    submit(build(tmp_path, bucket=bucket), order(files=files))
    for name in files:
        head = s3.head_object(Bucket=bucket, Key=f"submissions/{name}", ChecksumMode="ENABLED")
        assert len(head["ChecksumSHA256"]) == 44


@pytest.mark.parametrize(
    "job_id", ["shop", "a/b c", "-rf", "___", "…" * 255, "x" * 255, "Ünï cöde", "'; $(reboot)", "2026:11"]
)
def test_names_are_what_batch_allows(sized, submitter, job_id):
    submit(submitter(), order(job_id=job_id))
    name = sized.submitted[0]["jobName"]
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name, re.ASCII)
    assert len(f"{name}-report") <= 128
    assert sized.submitted[1]["containerOverrides"]["command"][2] == f"--job-id={job_id}"


def test_different_jobs_have_different_names():
    assert name_of("shop-2").startswith("shop-2-")
    assert len({name_of(job_id) for job_id in ("a/b", "a b", "a-b", "…", "···")}) == 5


@pytest.mark.parametrize("shards", [0, 10_001, -1])
def test_more_shards_than_an_array_has_children_are_refused(sized, submitter, shards):
    assert "1 to 10,000" in refusal(UsageError, submitter(), order(shards=shards))
    assert sized.submitted == []
