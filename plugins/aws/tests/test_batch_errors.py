"""What goes wrong on the way to AWS Batch, and the exit code that it ends with."""

from __future__ import annotations

import pytest

from aws_batches import CONTAINER, order, refusal, submit, watch
from aws_server.proxy import Fail
from querygen_aws import clients
from querygen_core.api import ConfigError, CredentialsError, QuerygenError


def test_what_is_missing_is_named_before_anything_is_sent(batch, submitter, aws, bucket):
    assert "querygen-large" in refusal(ConfigError, submitter(), order(size="large"))
    batch.define("querygen-large", nodeProperties={})
    batch.define("querygen-small", **CONTAINER)
    assert aws.client("s3").list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    assert "neither containerProperties" in refusal(ConfigError, submitter(), order(size="large"))
    assert "JobQueue nowhere not found" in refusal(ConfigError, submitter(job_queue="nowhere"))
    assert "NoSuchBucket" in refusal(ConfigError, submitter(bucket="no-such-bucket-71d3"))
    assert batch.submitted == []


CODES = [
    (403, "AccessDeniedException", 77),
    (403, "UnrecognizedClientException", 77),
    (429, "TooManyRequestsException", 75),
    (500, "ServerException", 75),
    (400, "ClientException", 78),
]


@pytest.mark.slow
@pytest.mark.parametrize(("status", "code", "exit_code"), CODES)
@pytest.mark.parametrize("path", ["describejobdefinitions", "submitjob"])
def test_what_an_error_of_batch_means(sized, submitter, impatient, path, status, code, exit_code):
    sized.refuse(path, status, code)
    with pytest.raises(QuerygenError) as caught:
        submit(submitter())
    assert caught.value.exit_code == exit_code
    assert code in str(caught.value)


@pytest.mark.slow
@pytest.mark.parametrize(("status", "code", "exit_code"), CODES)
@pytest.mark.parametrize("path", ["describejobs", "listjobs"])
def test_watching_goes_on_where_looking_again_may_help(sized, submitter, impatient, path, status, code, exit_code):
    made = submitter()
    found = submit(made)
    sized.put_array(found.id, {"FAILED": 3}, "FAILED")
    sized.put(found.report_id, "FAILED")
    sized.refuse(path, status, code)
    if exit_code == 75:
        [progress] = watch(made, found)
        assert progress.ended
    else:
        with pytest.raises(QuerygenError) as caught:
            watch(made, found)
        assert caught.value.exit_code == exit_code


def test_a_report_that_cannot_be_submitted_leaves_the_shards_known(sized, submitter, impatient, caplog):
    sized.refuse("submitjob", 500, "ServerException", after=1)
    refusal(QuerygenError, submitter())
    assert len(sized.submitted) == 1
    assert sized.submitted[0]["jobId"] in caplog.text


@pytest.mark.parametrize(
    ("operation", "code", "exit_code"),
    [("PutObject", "AccessDenied", 77), ("PutObject", "SlowDown", 75), ("HeadObject", "InternalError", 75)],
)
def test_what_an_error_of_the_bucket_means(
    sized, submitter, bucket, proxy, impatient, monkeypatch, operation, code, exit_code
):
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", proxy.url)
    proxy.on(operation, Fail(code))
    with pytest.raises(QuerygenError) as caught:
        submit(submitter())
    assert caught.value.exit_code == exit_code
    assert f"s3://{bucket}/submissions/4711/" in str(caught.value)
    assert sized.submitted == []


def test_a_config_is_there_only_when_all_is(sized, submitter, aws, bucket, proxy, impatient, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", proxy.url)
    proxy.on("PutObject", Fail("SlowDown"), key="prompts")
    refusal(QuerygenError, submitter())
    assert aws.client("s3").list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_who_may_not_list_may_still_send(sized, submitter, aws, bucket, proxy, impatient, monkeypatch):
    """S3 denies a look at what is not there to who may not list."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", proxy.url)
    proxy.on("HeadObject", Fail("AccessDenied"))
    submit(submitter())
    assert aws.client("s3").list_objects_v2(Bucket=bucket)["KeyCount"] == 2


def test_without_credentials_it_is_77(sized, submitter, monkeypatch):
    monkeypatch.setattr(clients, "_clients", {})
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    assert "NoCredentialsError" in refusal(CredentialsError, submitter())
