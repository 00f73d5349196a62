"""A sample has keys of its own, in either layout, and `replace` takes over what is not the job's."""

from __future__ import annotations

from pathlib import Path

import pytest

from aws_fixtures import new_bucket
from aws_s3_place import Place, of_document
from aws_server.emulators import Aws
from querygen_aws.s3.object_keys import ObjectKeys
from querygen_core.api import Shard, SinkError
from querygen_core.testing import outcome, query


@pytest.fixture
def place(aws: Aws, environment, tmp_path: Path) -> Place:
    return Place(new_bucket(aws), tmp_path)


def short(number: int, text: str):
    return outcome(query(text), product_id=f"{number}", ordinal=number, state="short", reasons={"product": "facts"})


@pytest.mark.slow
@pytest.mark.parametrize("layout", ["document", "parts"])
def test_a_sample_touches_nothing_else(place, layout):
    place.deliver([short(1, "Old?"), short(2, "Old?")], layout=layout)
    before = place.objects()
    place.deliver([short(1, "New?")], layout=layout, sample=True)
    after = place.objects()
    assert {key: body for key, body in after.items() if ".sample" not in key} == before
    own = sorted(key for key in after if ".sample" in key)
    assert own[0].startswith("errors/test-job.sample/short")
    assert own[-1] == (
        "query/test-job.sample.json" if layout == "document" else "query/test-job.sample/part-63-of-64.jsonl"
    )
    place.deliver([short(1, "New?"), short(2, "New?")], layout=layout)
    assert {key: after[key] for key in own}.items() <= place.objects().items(), "the whole run leaves the sample alone"


def test_a_job_that_is_called_like_a_sample_keeps_its_objects(place):
    other = Place(place.bucket, place.folder, job="test-job.sample")
    other.deliver([short(1, "Mine?")])
    with pytest.raises(SinkError, match="belongs to the job test-job"):
        place.deliver([short(1, "New?")], sample=True)
    place.name = "test-job.sample"
    assert of_document(place.document()).total() == 1


def test_objects_of_others_are_taken_over_if_that_is_wanted(place):
    place.put("query/test-job.json", b"mine")
    with pytest.raises(SinkError, match="replace: true"):
        place.deliver([short(1, "New?")])
    place.deliver([short(1, "New?")], replace=True)
    assert of_document(place.document()).total() == 1
    place.deliver([short(1, "Newer?")])


def test_keys_of_a_sample():
    keys, usual = (ObjectKeys("query/", "errors/", "job", sample=sample) for sample in (True, False))
    assert (keys.document, keys.folder, keys.errors) == (
        "query/job.sample.json",
        "query/job.sample/",
        "errors/job.sample/",
    )
    assert keys.runs == "query/job.sample.run", "of a sample too a run leaves its report, beside the whole run's"
    assert usual.all_runs([keys.run(Shard()), usual.run(Shard())]) == [usual.run(Shard())]
