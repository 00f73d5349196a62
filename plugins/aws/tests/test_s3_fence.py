"""A process that has lost its lease changes no object of its job, wherever it was paused."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from aws_s3_place import WHOLE, Place, of_document
from aws_server.proxy import Fail
from querygen_core.api import Outcome, Shard, SinkError
from querygen_core.testing import outcome
from querygen_core.testing.outcomes import catalogue, counted

pytestmark = pytest.mark.slow

FOLDER = Path(__file__).parent
ORDERS = sorted(set(itertools.permutations("ooonnn")))
"""Steps of the old and the new process: each begins, goes on, and publishes."""

NEW = catalogue(version=2)
OLD = [*catalogue(), outcome("One?", product_id="s", ordinal=12, state="short", reasons={"m": "facts"})]
"""With a list of errors, which the new process does not make."""


@pytest.fixture
def place(bucket, tmp_path) -> Place:
    return Place(bucket, tmp_path)


def mark(number: int, shard: Shard = WHOLE) -> str:
    return f"query/test-job/fences/{shard.name}/{number}"


def steps(sink, outcomes):
    yield sink.apply(outcomes[:5])
    yield sink.apply(outcomes[5:])
    yield sink.publish()


@pytest.mark.parametrize(
    ("order", "before"),
    [*((order, None) for order in ORDERS), *((order, NEW) for order in ORDERS[::6])],
    ids=[*map("".join, ORDERS), *(f"{''.join(order)} after others" for order in ORDERS[::6])],
)
def test_two_processes_in_every_order(place, order, before):
    if before is not None:
        place.deliver(before, fence=4)
    refused: list[SinkError] = []

    async def run() -> None:
        sinks = {"o": place.sink(fence=5), "n": place.sink(fence=6)}
        todo = {"o": steps(sinks["o"], OLD), "n": steps(sinks["n"], NEW)}
        for name in order:
            try:
                await next(todo[name])
            except SinkError as error:
                assert (name, error.kind) == ("o", "fenced")
                refused.append(error)
        for sink in sinks.values():
            await sink.aclose()

    asyncio.run(run())
    assert of_document(place.document()) == counted(NEW)
    assert bool(refused) == (order.index("n") < len(order) - 1 - order[::-1].index("o"))
    lists = place.objects("errors/")
    assert not any(lists.values())
    if refused:
        assert lists == {}
    assert place.names("query/") == ["query/test-job.json", mark(6)]


def test_equal_content_is_not_sent_again(place, proxy):
    place.deliver(OLD, fence=5)
    before = place.objects()
    place.deliver(OLD, environ=proxy.environ, fence=6)
    assert proxy.counts["PutObject"] == 5, "the mark, and two for each prefix that prove it writable"
    assert place.objects() == {mark(6) if key == mark(5) else key: body for key, body in before.items()}


def test_without_a_lease_nothing_is_compared_or_marked(place):
    place.deliver(NEW)
    assert place.names() == ["query/test-job.json"]
    place.deliver(NEW, fence=5)
    place.deliver(OLD)
    assert of_document(place.document()) == counted(OLD)


def test_a_later_process_is_known_before_anything_is_paid(place):
    place.deliver(NEW, fence=6)
    with pytest.raises(SinkError, match="another process has taken over this job") as caught:
        asyncio.run(place.sink(fence=5).check())
    assert (caught.value.kind, caught.value.exit_code) == ("fenced", 75)


def test_a_mark_that_must_not_be_removed_does_no_harm(place, proxy):
    place.deliver(OLD, fence=5)
    proxy.on("DeleteObject", Fail("AccessDenied"))
    place.deliver(NEW, environ=proxy.environ, fence=6)
    assert place.names("query/test-job/") == [mark(5), mark(6)]
    place.deliver(OLD, fence=7)
    assert place.names("query/test-job/") == [mark(7)]


def of_shard(outcomes: list[Outcome], shard: Shard) -> list[Outcome]:
    return [one for one in outcomes if shard.has(one.product_key)]


@pytest.mark.parametrize(("shard", "stops"), [(Shard(1, 4), True), (Shard(2, 8), False), (Shard(7, 8), True)])
def test_marks_are_of_the_shards_that_share_products(place, shard, stops):
    """The old process is shard 1 of 2."""
    mine = Shard(1, 2)
    place.deliver(OLD, layout="parts")

    async def run() -> None:
        sink = place.sink(mine, fence=5)
        await sink.apply(of_shard(NEW, mine))
        await asyncio.to_thread(place.deliver, catalogue(version=3), shard, fence=6)
        try:
            await sink.publish()
        finally:
            await sink.aclose()

    if not stops:
        asyncio.run(run())
        return
    with pytest.raises(SinkError) as caught:
        asyncio.run(run())
    assert (caught.value.kind, caught.value.backup) == ("fenced", False)
    assert place.names("query/backup_") == []
    assert list((place.folder / "state").glob("backup_*")) == []


PROGRAM = """
import asyncio, os, signal, sys
from pathlib import Path
from aws_s3_place import Place
from querygen_aws.clients import client
from querygen_core.api import Shard, SinkError
import test_s3_fence

bucket, folder, layout = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
left, sent = int(sys.argv[4]), signal.Signals[sys.argv[5]]

def paused(**_):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), sent)

async def run():
    shard = test_s3_fence.SHARDS[layout]
    sink = Place(bucket, folder).sink(shard, fence=5)
    client("s3", os.environ).meta.events.register("before-send.s3", paused)
    try:
        await sink.apply(test_s3_fence.of_shard(test_s3_fence.OLD, shard))
        await sink.publish()
    except SinkError as error:
        print(error.kind)
    finally:
        await sink.aclose()
    print("ended")

asyncio.run(run())
"""

SHARDS = {"document": WHOLE, "parts": Shard(3, 16)}
STRIDE = 1 if "QUERYGEN_KILLS" in os.environ else 7
"""From one request to the next one that is tried; each series begins with another one."""


def program(place: Place, layout: str, step: int, sent: str) -> list[str]:
    return [sys.executable, "-c", PROGRAM, place.bucket, str(place.folder), layout, str(step), sent]


def results(place: Place) -> dict[str, bytes]:
    return {key: body for key, body in place.objects().items() if "/fences/" not in key}


def clear(place: Place) -> None:
    for key in place.names():
        place.client.delete_object(Bucket=place.bucket, Key=key)


@pytest.mark.parametrize(("layout", "start"), [("document", 1), ("parts", 2)])
def test_stopped_before_any_request_it_changes_nothing_later(place, layout, start):
    """Before one request after the other, until one run comes through; each time another process finishes in between,
    with other content for every object that the old one would write.
    """
    shard, first = SHARDS[layout], catalogue(version=3)
    place.deliver(first, shard, fence=4)
    newest = [replace(one, queries=(*one.queries[1:], *one.queries), reasons={"m": "filters"}) for one in OLD]
    for step in range(start, 200, STRIDE):
        command = program(place, layout, step, "SIGSTOP")
        with subprocess.Popen(command, cwd=FOLDER, stdout=subprocess.PIPE, text=True) as process:
            _, status = os.waitpid(process.pid, os.WUNTRACED)
            if not os.WIFSTOPPED(status):
                break
            place.deliver(newest, shard, fence=6)
            state = results(place)
            process.send_signal(signal.SIGCONT)
            output, _ = process.communicate()
        assert output in ("fenced\nended\n", "ended\n"), step
        assert results(place) == state, step
        clear(place)
        place.deliver(first, shard, fence=4)
    assert step > 8


@pytest.mark.parametrize(("layout", "start"), [("document", 3), ("parts", 1)])
def test_killed_before_any_request_it_is_completed_by_the_next(place, layout, start):
    """Each object is the old one or the new one, and one run more makes all of them new."""
    shard, first = SHARDS[layout], catalogue(version=3)
    place.deliver(OLD, shard, fence=3)
    expected = results(place)
    clear(place)
    for step in range(start, 200, STRIDE):
        place.deliver(first, shard, fence=4)
        old = results(place)
        code = subprocess.run(
            program(place, layout, step, "SIGKILL"), cwd=FOLDER, stdout=subprocess.PIPE, check=False
        ).returncode
        for key, body in results(place).items():
            assert body in (old.get(key), expected.get(key)), (step, key)
        if code == 0:
            break
        assert code == -signal.SIGKILL
        place.deliver(OLD, shard, fence=6)
        assert results(place) == expected, step
        assert [key for key in place.names() if "/fences/" in key] == [mark(6, shard)]
        clear(place)
    assert step > 8
