"""Whose file it is: another job's is left alone unless `replace: true`, and a sample has a file of its own."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from files_snapshots import FORMATS, Totals, catalogue, deliver_all, only, sink_for, state_of, stored, wanted
from querygen_core.api import Shard, SinkError
from querygen_core.testing import context
from querygen_files import build_json, build_jsonl
from querygen_files.options import SnapshotOptions
from querygen_files.output_file import OutputFile

BUILD = {"jsonl": build_jsonl, "json": build_json}


@pytest.fixture(params=FORMATS)
def path(request, tmp_path):
    return tmp_path / f"queries.{request.param}"


def deliver_for(path: Path, job: str, outcomes, *, replace: bool = False) -> Totals:
    async def run() -> Totals:
        sink = sink_for(path, job=job, replace=replace)
        await sink.check()
        return await deliver_all(sink, outcomes)

    return asyncio.run(run())


@pytest.mark.parametrize("job", ["spring", "autumn2", "a'b\n", "ü" * 255, "\\", ""])
def test_another_job_s_file_is_refused_before_anything_is_paid(path, job):
    deliver_for(path, job, catalogue())
    before = state_of(path)
    with pytest.raises(SinkError) as caught:
        asyncio.run(sink_for(path).check())
    assert caught.value.kind == "permanent"
    assert f"it belongs to the job {job!r}" in str(caught.value)
    assert state_of(path) == before
    assert only(path)


def test_another_job_s_file_is_taken_over_if_that_is_wanted(path):
    deliver_for(path, "spring", catalogue(4))
    assert deliver_for(path, "autumn", catalogue(3), replace=True) == Totals(0, 3, 3)
    assert stored(path) == wanted(catalogue(3))
    assert deliver_for(path, "autumn", catalogue(3)) == Totals(0, 3, 0), "it is this job's now"


def test_a_job_that_was_faster_is_found_before_the_file_is_replaced(path):
    async def run() -> None:
        sink = sink_for(path)
        await sink.check()
        await deliver_all(sink_for(path, job="spring"), catalogue(2))
        with pytest.raises(SinkError, match="'spring'"):
            await sink.apply(catalogue(3))
        with pytest.raises(SinkError, match="'spring'"):
            await sink.publish()

    asyncio.run(run())
    assert stored(path) == wanted(catalogue(2))
    assert only(path)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("x.jsonl", "x.sample.jsonl"),
        ("a/x.jsonl.gz", "a/x.sample.jsonl.gz"),
        ("x.2026.json", "x.2026.sample.json"),
        ("x", "x.sample"),
        ("x.gz", "x.sample.gz"),
        (".x", ".x.sample"),
        ("a.b/x", "a.b/x.sample"),
    ],
)
def test_the_name_of_a_sample_s_file(path, expected):
    assert OutputFile(path, Shard(), sample=True).identity == expected


def test_a_shard_s_sample():
    assert OutputFile("x.jsonl", Shard(1, 2), sample=True).identity == "x.sample.part-00001-of-00002.jsonl"


@pytest.mark.parametrize("job", ["autumn", "spring"])
def test_a_sample_is_written_beside_the_file_whosever_it_is(path, job):
    """Samples may replace each other, but not what querygen has not written."""
    deliver_for(path, "autumn", catalogue())
    before = state_of(path)
    options = SnapshotOptions(path=str(path))

    async def run(name: str, size: int) -> None:
        sink = BUILD[path.suffix[1:]](options, context(path.parent, job_id=name, sample=True))
        await sink.check()
        await deliver_all(sink, catalogue(size))

    beside = path.with_name(f"queries.sample{path.suffix}")
    for name, size in (("winter", 2), (job, 3)):
        asyncio.run(run(name, size))
        assert stored(beside) == wanted(catalogue(size))
    assert state_of(path) == before
    assert {entry.name for entry in path.parent.iterdir() if entry.is_file()} == {path.name, beside.name}
    beside.write_text(json.dumps({"notes": "mine"}))
    with pytest.raises(SinkError, match="querygen has not written it"):
        asyncio.run(run(job, 3))
