"""A process is killed at every request to the store: at each step of lease, answer, note, segment and report.

`QUERYGEN_KILLS=400` makes a long series of it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.journal.remote.killed_worker import CONCURRENCY

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
KILLS = int(os.environ.get("QUERYGEN_KILLS", "6"))
NEW = 3  # keys that each round asks for besides those of earlier rounds


def run(folder: Path, disk: str, keys: int, step: int, after: str = "") -> tuple[int, str]:
    command = [sys.executable, "-m", "tests.journal.remote.killed_worker", f"file://{folder}/store/"]
    ended = subprocess.run(
        [*command, str(folder / disk), str(keys), str(step), *after.split()],
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        check=False,
    )
    return ended.returncode, ended.stdout


def lines(file: Path) -> list[str]:
    return file.read_text("ascii").splitlines() if file.exists() else []


@pytest.mark.timeout(7200)
def test_nothing_is_lost_and_little_is_paid_twice(tmp_path):
    step, kills, keys = 0, 0, 0
    largest = 0
    for round_ in range(KILLS):
        keys += NEW
        # In a series of few, steps far apart; each run is on the last one's disk, or on an empty one.
        step += 1 if KILLS > 100 else 7
        code, _ = run(tmp_path, f"disk-{round_ // 3}", keys, step, "after" if round_ % 2 else "")
        assert code in (0, -signal.SIGKILL), code
        if code == 0:
            largest = max(largest, step)
            step = 0
        kills += code != 0
    code, spent = run(tmp_path, "last", keys, 0)
    assert code == 0
    paid, acknowledged = Counter(lines(tmp_path / "paid")), lines(tmp_path / "acknowledged")
    assert len(paid) == keys, "every key was answered"
    assert sum(paid.values()) <= keys + CONCURRENCY * kills, "paid is what was needed and what was in flight"
    assert len({text.partition(" ")[0] for text in acknowledged}) == len(set(acknowledged)) == keys, "one answer each"
    assert keys <= int(spent) <= sum(paid.values()), "what the store has is counted as spent"
    before = sum(paid.values())
    assert run(tmp_path, "another", keys, 0) == (0, spent)
    assert sum(Counter(lines(tmp_path / "paid")).values()) == before
    print(f"\n{kills} kills, {keys} keys, {before} paid, {spent.strip()} counted, last run in {largest} steps")
