"""A job of doubles, as an author of a plugin writes it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from querygen_core.api import ProviderError, SinkError
from querygen_core.testing import (
    InProcessJob,
    ListInput,
    MemorySink,
    MemorySnapshotSink,
    RecordingObserver,
    ScriptedProvider,
    outcome,
    product,
    questions,
    reject,
)


class Shouting:
    """A step of an author."""

    async def process(self, products):
        return [replace(item, title=item.title.upper()) for item in products]


def test_a_job_runs_an_authors_step_with_doubles_around_it(tmp_path: Path):
    sink, page, observer = MemorySink(), MemorySnapshotSink(), RecordingObserver()
    job = InProcessJob(
        tmp_path,
        [product(), reject()],
        preprocessors={"shouting": Shouting()},
        sinks={"memory": sink, "page": page},
        observers={"recorder": observer},
        runtime={"max_failed_ratio": 1},
    )
    result = job.run()
    assert (result.code, result.report["done"], result.report["rejected"]) == (0, 1, 1)
    assert sink.texts == {product().key: tuple(f"Is BRASSLINE KETTLE good in way {number}?" for number in range(3))}
    assert page.published == list(sink.outcomes.values())
    assert observer.kinds[0] == "run_started"
    assert observer.seqs == sorted(set(observer.seqs))
    assert [letter["reason"] for letter in job.dead_letters()] == ["no_title"]


def test_a_job_resumes_and_asks_nothing_twice(tmp_path: Path):
    job = InProcessJob(tmp_path, [product()])
    job.run()
    assert job.run().report["calls"]["new"] == 0
    assert job.model.calls.total() == 1


def test_a_provider_follows_its_script_call_by_call(tmp_path: Path):
    model = ScriptedProvider(
        lambda _request, number: ProviderError("retry", "busy") if number == 0 else questions("A?", "B?", "C?")
    )
    result = InProcessJob(tmp_path, [product()], model=model).run()
    assert (result.report["done"], max(model.calls.values())) == (1, 2)


def test_an_input_raises_what_is_among_its_records():
    source = ListInput([product(), ConnectionError("gone"), product()])
    with pytest.raises(ConnectionError):
        list(source.read())
    assert source.read_so_far == 2


def test_an_observer_that_is_down_gets_its_events_from_the_next_run(tmp_path: Path):
    observer = RecordingObserver(down=True)
    job = InProcessJob(tmp_path, [product()], observers={"recorder": observer})
    assert job.run().report["events_undelivered"] > 0
    observer.down = False
    assert job.run().report["events_undelivered"] == 0
    assert observer.kinds.count("run_finished") == 2


@pytest.mark.parametrize("kind", [MemorySink, MemorySnapshotSink])
def test_a_sink_fails_refuses_and_counts_as_it_is_told(tmp_path: Path, kind):
    failing = kind(errors=[SinkError("permanent", "no such table")] * 9)
    assert InProcessJob(tmp_path / "a", [product()], sinks={"s": failing}).run().code == 74
    unready = kind(check_error=SinkError("permanent", "no such table"))
    job = InProcessJob(tmp_path / "b", [product()], sinks={"s": unready})
    assert (job.run().code, job.model.calls.total()) == (74, 0)
    choosy = kind(refuses=lambda item: "too long" if item.product_key == outcome().product_key else None)
    job = InProcessJob(tmp_path / "c", [product()], sinks={"s": choosy}, runtime={"max_failed_ratio": 1})
    job.run()
    assert not choosy.outcomes
    assert "too long" in job.dead_letters()[0]["message"]
