"""What the sink keeps of a run beside its questions."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict
from typing import Any

import pytest

from aws_s3_place import WHOLE, Place
from querygen_core.api import DeadLetter, KeepsRun, LetterKind, RunRecord, Shard, SinkError

STAGES = {"rejected": "input", "failed": "generate", "refused": "deliver"}
RUN = "query/test-job.run.json"


@pytest.fixture
def place(bucket, tmp_path) -> Place:
    return Place(bucket, tmp_path)


def record(*keys: str, whole: bool = True, exit_code: int = 0, **of: list[str]) -> RunRecord:
    """keys: of products that are refused. of: kind → keys of others."""
    of = {"refused": list(keys), **of}

    async def letters(kind: LetterKind) -> AsyncIterator[Mapping[str, Any]]:
        for key in of.get(kind, []):
            yield asdict(DeadLetter(stage=STAGES[kind], reason="why", message="no \ud800 here", product_key=key))

    return RunRecord(report={"exit_code": exit_code, "message": "ü\u2028"}, whole=whole, letters=letters)


def keep(place: Place, run: RunRecord, shard: Shard = WHOLE, **options: Any) -> None:
    async def work() -> None:
        sink = place.sink(shard, **options)
        assert isinstance(sink, KeepsRun)
        await sink.keep_run(run)
        await sink.aclose()

    asyncio.run(work())


def kept(place: Place) -> dict[str, list[str]]:
    objects = place.objects("errors/test-job/")
    return {
        key.removeprefix("errors/test-job/"): [json.loads(line)["product_key"] for line in body.splitlines()]
        for key, body in objects.items()
    }


def test_lists_are_made_where_there_is_something_to_tell_and_emptied_when_it_is_healed(place):
    keep(place, record("a", "b", exit_code=74, rejected=["c"]))
    assert kept(place) == {"refused.jsonl": ["a", "b"], "rejected.jsonl": ["c"]}
    assert json.loads(place.objects()[RUN]) == {"exit_code": 74, "message": "ü\u2028"}
    keep(place, record(failed=["d"]))
    assert kept(place) == {"refused.jsonl": [], "rejected.jsonl": [], "failed.jsonl": ["d"]}
    assert json.loads(place.objects()[RUN])["exit_code"] == 0


def test_a_run_that_ended_early_does_not_forget_what_it_did_not_look_at(place):
    keep(place, record("a", rejected=["c"]))
    keep(place, record("b", whole=False, exit_code=75))
    assert kept(place) == {"refused.jsonl": ["b"], "rejected.jsonl": ["c"]}
    assert json.loads(place.objects()[RUN])["exit_code"] == 75


def test_shards_leave_each_other_alone_and_another_number_of_them_cleans_up(place):
    for index in range(2):
        keep(place, record(f"{index}"), Shard(index, 2))
    assert kept(place) == {"refused-0-of-2.jsonl": ["0"], "refused-1-of-2.jsonl": ["1"]}
    place.put("query/test-job.run-of-luck.json", **{"querygen-job": "test-job.run-of-luck"})
    keep(place, record("x", whole=False), Shard(0, 3))
    assert len(kept(place)) == 3, "what is not over yet replaces nothing"
    keep(place, record("x"), Shard(0, 3))
    assert kept(place) == {"refused-0-of-3.jsonl": ["x"]}
    assert place.names("query/") == ["query/test-job.run-0-of-3.json", "query/test-job.run-of-luck.json"]


def test_without_an_error_prefix_only_the_report_is_kept(place):
    keep(place, record("a"), error_prefix=None)
    assert place.names() == [RUN]


def test_another_job_s_object_stays(place):
    place.put("errors/test-job/refused.jsonl", b"theirs\n", **{"querygen-job": "other"})
    with pytest.raises(SinkError, match="belongs to the job other"):
        keep(place, record("a"))
    assert place.objects("errors/") == {"errors/test-job/refused.jsonl": b"theirs\n"}


def test_a_process_that_was_overtaken_changes_nothing(place):
    keep(place, record("new"))
    place.put("query/test-job/fences/0-of-1/7", b"", **{"querygen-job": "test-job"})

    async def late() -> None:
        sink = place.sink(fence=6)
        assert isinstance(sink, KeepsRun)
        with pytest.raises(SinkError) as caught:
            await sink.keep_run(record("old"))
        assert caught.value.kind == "fenced"

    asyncio.run(late())
    assert kept(place) == {"refused.jsonl": ["new"]}
