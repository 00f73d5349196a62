"""What ministack's own AWS Batch takes."""

from __future__ import annotations

import pytest

from aws_batches import CONTAINER, submit, watch
from aws_fixtures import KIND
from querygen_aws.batch.submitter import name_of


@pytest.mark.skipif(KIND == "moto", reason="moto wants a Docker engine, and memory in containerProperties")
def test_ministack_takes_a_job_and_ends_it_at_once(aws, submitter):
    """Its Batch runs nothing and checks nothing; that requests and answers fit is all that it can show."""
    aws.client("batch").register_job_definition(jobDefinitionName="querygen-small", type="container", **CONTAINER)
    made = submitter()
    found = submit(made)
    assert watch(made, found)[-1].ended
    jobs = aws.client("batch").describe_jobs(jobs=[found.id, found.report_id])["jobs"]
    assert [job["jobName"] for job in jobs] == [name_of("shop"), f"{name_of('shop')}-report"]
