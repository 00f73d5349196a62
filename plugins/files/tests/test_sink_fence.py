"""A process that has lost its lease, wherever it was paused, does not replace its successor's file."""

from __future__ import annotations

import asyncio
import errno
import itertools
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from files_snapshots import catalogue, deliver, sink_for, state_of, stored, wanted
from querygen_core.api import SinkError

FOLDER = Path(__file__).parent
OLD, NEW = catalogue(6), catalogue(9)
ORDERS = sorted(set(itertools.permutations("ooonnn")))
"""Steps of the old and the new process: each begins, goes on, and publishes."""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "queries.json"


def steps(sink, outcomes):
    yield sink.apply(outcomes[:3])
    yield sink.apply(outcomes[3:])
    yield sink.publish()


@pytest.mark.parametrize("before", [None, OLD, NEW], ids=["nothing", "old", "new"])
@pytest.mark.parametrize("order", ORDERS, ids="".join)
def test_two_processes_in_every_order(path, order, before):
    if before is not None:
        deliver(path, before, fence=4)
    refused: list[SinkError] = []

    async def run() -> None:
        sinks = {"o": sink_for(path, fence=5), "n": sink_for(path, fence=6)}
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
    assert stored(path) == wanted(NEW)
    assert bool(refused) == (order.index("n") < len(order) - 1 - order[::-1].index("o"))
    assert sorted(entry.name for entry in path.parent.iterdir()) == [path.name, f"{path.name}.6.fence"]


def test_equal_content_is_left_alone_by_the_next_process(path):
    deliver(path, NEW, fence=5)
    before = state_of(path)
    deliver(path, NEW, fence=6)
    assert state_of(path) == before


def test_one_without_a_lease_compares_nothing(path):
    deliver(path, NEW, fence=5)
    deliver(path, OLD)
    assert stored(path) == wanted(OLD)


def test_a_later_process_is_known_before_anything_is_paid(path):
    deliver(path, NEW, fence=6)
    with pytest.raises(SinkError, match=f"{path}: another process has taken over this job") as caught:
        asyncio.run(sink_for(path, fence=5).check())
    assert (caught.value.kind, caught.value.exit_code) == ("fenced", 75)


def test_what_killed_processes_left_is_removed(path):
    for number in (3, 4):
        path.with_name(f"{path.name}.{number}.partial").touch()
        path.with_name(f"{path.name}.{number}.fence").touch()
    other = path.with_name("other.json.3.partial")
    other.touch()
    deliver(path, NEW, fence=5)
    assert {entry.name for entry in path.parent.iterdir()} == {path.name, f"{path.name}.5.fence", other.name}


PROGRAM = """
import asyncio, os, signal, sys
from pathlib import Path
from files_snapshots import catalogue, sink_for
from querygen_core.api import SinkError

left, sent = int(sys.argv[2]), signal.Signals[sys.argv[3]]

def paused(event, _args):
    global left
    if event in ("open", "os.rename", "os.remove", "os.scandir", "fcntl.flock", "os.truncate"):
        left -= 1
        if left == 0:
            os.kill(os.getpid(), sent)

async def run():
    sink = sink_for(sys.argv[1], fence=5)
    sys.addaudithook(paused)
    try:
        await sink.apply(catalogue(6))
        await sink.publish()
    except SinkError as error:
        print(error.kind)
    finally:
        left = 0
        await sink.aclose()
    print("ended")

asyncio.run(run())
"""


@pytest.mark.slow
def test_stopped_before_any_step_it_changes_nothing_later(path):
    """At each system call that names a file, until one run comes through; each time another process finishes."""
    deliver(path, catalogue(3), fence=4)
    for step in range(1, 100):
        command = [sys.executable, "-c", PROGRAM, str(path), str(step), "SIGSTOP"]
        with subprocess.Popen(command, cwd=FOLDER, stdout=subprocess.PIPE, text=True) as process:
            _, status = os.waitpid(process.pid, os.WUNTRACED)
            if not os.WIFSTOPPED(status):
                break
            deliver(path, NEW, fence=6)
            state = state_of(path)
            process.send_signal(signal.SIGCONT)
            output, _ = process.communicate()
            assert output in ("fenced\nended\n", "ended\n")
        assert state_of(path) == state, step
        assert stored(path) == wanted(NEW)
        for entry in path.parent.iterdir():
            entry.unlink()
        deliver(path, catalogue(3), fence=4)
    assert step > 8


@pytest.mark.slow
def test_killed_before_any_step_it_is_completed_by_the_next(path):
    expected = path.with_name("expected.json")
    deliver(expected, OLD)
    wanted_bytes = expected.read_bytes()
    expected.unlink()
    before = catalogue(3)
    for step in range(1, 100):
        deliver(path, before, fence=4)
        old = path.read_bytes()
        command = [sys.executable, "-c", PROGRAM, str(path), str(step), "SIGKILL"]
        code = subprocess.run(command, cwd=FOLDER, stdout=subprocess.PIPE, check=False).returncode
        assert path.read_bytes() in (old, wanted_bytes), step
        if code == 0:
            break
        assert code == -signal.SIGKILL
        deliver(path, OLD, fence=6)
        assert path.read_bytes() == wanted_bytes
        assert sorted(entry.name for entry in path.parent.iterdir()) == [path.name, f"{path.name}.6.fence"]
        for entry in path.parent.iterdir():
            entry.unlink()
    assert step > 8


def test_a_folder_that_vanished_is_no_successor(path):
    async def run() -> None:
        sink = sink_for(path, fence=5)
        await sink.apply(OLD)
        for entry in path.parent.iterdir():
            entry.unlink()
        path.parent.rmdir()
        await sink.publish()

    with pytest.raises(SinkError) as caught:
        asyncio.run(run())
    assert caught.value.kind == "permanent"
    assert os.strerror(errno.ENOENT) in str(caught.value)
