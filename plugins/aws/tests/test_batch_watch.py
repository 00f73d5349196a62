"""What is told of a job that runs in AWS Batch."""

from __future__ import annotations

import pytest

from aws_batches import order, submit, watch
from querygen_core.api import ConfigError, Failure, Progress, Submission


def test_watching_a_job_to_its_good_end(sized, submitter):
    made = submitter()
    found = submit(made)

    def change(number):
        match number:
            case 1:
                sized.put_array(found.id, {"RUNNABLE": 1, "STARTING": 1, "RUNNING": 1, "FAILED": 0})
            case 2:
                sized.put_array(found.id, {"SUCCEEDED": 3}, "SUCCEEDED")
                sized.put(found.report_id, "RUNNABLE")
            case 3:
                sized.put(found.report_id, "RUNNING")
            case 4:
                sized.put(found.report_id, "SUCCEEDED")

    assert watch(made, found, change) == [
        Progress(waiting=3),
        Progress(waiting=2, running=1),
        Progress(succeeded=3),
        Progress(succeeded=3, report="running"),
        Progress(succeeded=3, report="succeeded"),
    ]


def test_what_failed_is_named_with_its_code_and_log(sized, submitter):
    made = submitter()
    found = submit(made, order(shards=8))
    sized.put_array(found.id, {"SUCCEEDED": 4, "FAILED": 4}, "FAILED")
    sized.put(found.report_id, "FAILED", statusReason="Dependent Job failed")
    ended = {"statusReason": "Essential container in task exited"}
    sized.put_child(found.id, 1, "SUCCEEDED", container={"exitCode": 0})
    sized.put_child(found.id, 5, "FAILED", container={"exitCode": 77, "logStreamName": "job/default/1"}, **ended)
    sized.put_child(found.id, 0, "FAILED", statusReason="Host EC2 (instance i-1) terminated.")
    sized.put_child(found.id, 3, "FAILED", container={"exitCode": 137, "reason": "OutOfMemoryError: killed"}, **ended)
    containers = [{"name": "helper", "exitCode": 0}, {"name": "main", "exitCode": 65, "logStreamName": "ecs/2"}]
    sized.put_child(found.id, 2, "FAILED", ecsProperties={"taskProperties": [{"containers": containers}]})
    [progress] = watch(made, found)
    assert (progress.failed, progress.report) == (4, "failed")
    assert progress.failures == (
        Failure(shard=0, exit_code=None, reason="Host EC2 (instance i-1) terminated."),
        Failure(shard=2, exit_code=65, log="ecs/2"),
        Failure(shard=3, exit_code=137, reason="Essential container in task exited; OutOfMemoryError: killed"),
        Failure(shard=5, exit_code=77, reason="Essential container in task exited", log="job/default/1"),
        Failure(shard=None, exit_code=None, reason="Dependent Job failed"),
    )


def test_a_single_shard_that_failed(sized, submitter):
    made = submitter()
    found = submit(made, order(shards=1))
    sized.put(found.id, "FAILED", container={"exitCode": 66})
    sized.put(found.report_id, "FAILED")
    [progress] = watch(made, found)
    assert (progress.succeeded, progress.failed) == (0, 1)
    assert progress.failures[0] == Failure(shard=0, exit_code=66)


def test_an_array_that_failed_before_it_had_children(sized, submitter):
    made = submitter()
    found = submit(made)
    sized.put(found.id, "FAILED")
    sized.put(found.report_id, "FAILED")
    [progress] = watch(made, found)
    assert progress.failed == 3


def test_a_job_that_nobody_knows_is_not_watched_for_ever(sized, submitter):
    made = submitter(poll=0.001)
    with pytest.raises(ConfigError, match="has no job gone"):
        watch(made, Submission(id="gone", report_id="too", place="s3://b/"))
