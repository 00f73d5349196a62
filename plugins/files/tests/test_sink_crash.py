"""Real processes that die in the middle, and disks that are full."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from files_snapshots import WHOLE, Totals, catalogue, deliver, only, state_of, stored, wanted
from querygen_files.atomic_file import AtomicFile
from querygen_files.output_file import OutputFile

FOLDER = Path(__file__).parent

PRELUDE = """
import asyncio, os, resource, signal, sys
from files_snapshots import catalogue, sink_for
from querygen_core.api import SinkError

def die():
    os.kill(os.getpid(), signal.SIGKILL)

class Deadly(list):
    def __iter__(self):
        for number, outcome in enumerate(super().__iter__()):
            if number == 7:
                die()
            yield outcome

sink = sink_for(sys.argv[1])
"""

KILLED = {
    "before the first apply": "asyncio.run(sink.check()); die()",
    "in the first apply": "asyncio.run(sink.apply(Deadly(catalogue(20))))",
    "in a later apply": "asyncio.run(sink.apply(catalogue(10))); asyncio.run(sink.apply(Deadly(catalogue(20)[10:])))",
    "before publish": "asyncio.run(sink.apply(catalogue(20))); die()",
    "when all is written": """
os.fchmod = lambda *_: die()
asyncio.run(sink.apply(catalogue(20)))
asyncio.run(sink.publish())
""",
    "when it is on disk": """
real, os.fsync = os.fsync, lambda file: (real(file), die())
asyncio.run(sink.apply(catalogue(20)))
asyncio.run(sink.publish())
""",
}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "queries.json"


def start(path: Path, script: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PRELUDE + script, str(path)]
    return subprocess.Popen(command, cwd=FOLDER, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def run(path: Path, script: str) -> tuple[int, str]:
    with start(path, script) as process:
        output, errors = process.communicate()
        return process.returncode, output + errors


@pytest.mark.parametrize("script", KILLED.values(), ids=KILLED)
def test_killed_at_a_chosen_place(path, script):
    deliver(path, catalogue(5))
    before = state_of(path)
    assert run(path, script) == (-signal.SIGKILL, "")
    assert state_of(path) == before
    assert deliver(path, catalogue(20)) == Totals(180, 10, 0)
    assert stored(path) == wanted(catalogue(20))
    assert only(path)


@pytest.mark.slow
def test_killed_at_random(path):
    """Whenever it happens, the file is the old one or the new one, to the byte."""
    deliver(path, catalogue(60))
    new = path.read_bytes()
    deliver(path, catalogue(50))
    old = path.read_bytes()
    script = """
print("go", flush=True)
while True:
    for size in (60, 50):
        for start in range(0, size, 10):
            asyncio.run(sink.apply(catalogue(size)[start:start + 10]))
        asyncio.run(sink.publish())
"""
    seed = random.randrange(10**6)
    chance = random.Random(seed)
    for _ in range(4):
        with start(path, script) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "go\n"
            time.sleep(chance.uniform(0, 0.2))
            process.kill()
        assert path.read_bytes() in (old, new), f"seed {seed}"
    deliver(path, catalogue(60))
    assert path.read_bytes() == new
    assert only(path)


def test_no_room_for_the_new_file(path):
    """`RLIMIT_FSIZE` stands for a full disk: the one write stops half-way, which is no error yet."""
    deliver(path, catalogue(5))
    before = state_of(path)
    script = """
resource.setrlimit(resource.RLIMIT_FSIZE, (5_000, 5_000))
async def run():
    for call in (lambda: sink.apply(catalogue(60)[-1:]), lambda: sink.apply(catalogue(1)), sink.publish):
        try:
            await call()
        except SinkError as error:
            print(error.kind, error)
asyncio.run(run())
"""
    message = f"permanent cannot write {path}: File too large\n"
    assert run(path, script) == (0, message * 3)
    assert state_of(path) == before
    assert only(path)
    assert deliver(path, catalogue(60)).unchanged == 10


def test_a_full_disk(path):
    """A file system of 64 KiB, in a name space of its own, where the system lets us make one."""
    script = """
import pathlib
async def run():
    try:
        await sink.apply(catalogue(80))
    except SinkError as error:
        print(error.kind, error, sorted(entry.name for entry in pathlib.Path(sys.argv[1]).parent.iterdir()))
asyncio.run(run())
"""
    mount = f"mount -t tmpfs -o size=64k none '{path.parent}' || exit 99; exec \"$@\""
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount, "sh"]
    python = [sys.executable, "-c", PRELUDE + script, str(path)]
    try:
        result = subprocess.run([*command, *python], cwd=FOLDER, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("no unshare here")
    if result.returncode == 99 or result.stderr.startswith("unshare:"):
        pytest.skip("no name spaces here")
    assert result.stdout == f"retry cannot write {path}: No space left on device []\n"


def test_a_new_file_is_on_disk_before_it_is_seen(tmp_path, monkeypatch):
    """The order is the promise: content, rename, folder."""
    done = []
    real_sync, real_replace = os.fsync, Path.replace

    def sync(file):
        done.append(f"fsync {Path(f'/proc/self/fd/{file}').readlink().name}")
        real_sync(file)

    def replace(self, other):
        done.append(f"replace {self.name}")
        return real_replace(self, other)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(Path, "replace", replace)
    draft = AtomicFile(OutputFile(str(tmp_path / "new.json"), WHOLE), 0o600)
    draft.write(b"x")
    draft.publish()
    draft.close()
    assert done == ["fsync new.json.partial", "replace new.json.partial", f"fsync {tmp_path.name}"]
