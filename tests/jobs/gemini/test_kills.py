"""Killed and told to go at random moments, while the provider fails too: the same result, and nothing paid twice.

QUERYGEN_KILLS: how often. QUERYGEN_CATALOGUES: the job is a real catalogue, the first of these, as it would be run.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import gemini_server
from gemini_fixtures import KEY
from gemini_server import Gemini
from tests.cli.process import Ended, wait_for
from tests.faults.shop import CONCURRENCY as FEW
from tests.faults.shop import balanced, interrupt
from tests.jobs.gemini.jobs import CATALOGUES, EMBEDDED, JSONL, MILD, USUAL, Job, paid, texts

pytestmark = pytest.mark.slow

KILLS = int(os.environ.get("QUERYGEN_KILLS", "3"))
SEED = int(os.environ.get("QUERYGEN_SEED", "1"))
OUTPUTS = (JSONL, {"use": "files/json", "path": "out.json"}, EMBEDDED)
BEFORE_THE_HANDLER = -signal.SIGTERM
CONCURRENCY = 64 if CATALOGUES else FEW
STEP = 200 if CATALOGUES else 20  # answers from one to the next, at most


@dataclass(frozen=True)
class Unbroken:
    """What a run that nothing but the provider disturbed made, and how many answers it took."""

    outputs: dict[str, bytes]
    rows: list[tuple[str, str]]
    needed: int
    report: dict[str, Any]


@pytest.fixture(scope="module")
def faulty() -> Iterator[Gemini]:
    faults = {"rates": USUAL if CATALOGUES else MILD, "retry_after": 0.1, "seed": 3}
    latency = "200ms" if CATALOGUES else "uniform:10:60"
    with gemini_server.running(answers="offline", keys=(KEY,), latency=latency, faults=faults) as server:
        yield server


def _job(folder: Path, server: Gemini) -> Job:
    runtime = {"max_failed_ratio": 1, "concurrency": CONCURRENCY}
    if CATALOGUES:
        return Job(folder, url=server.url, sinks=OUTPUTS, runtime=runtime, catalogue=CATALOGUES[0], count=25)
    return Job(folder, products=24, url=server.url, sinks=OUTPUTS, runtime=runtime)


@pytest.fixture(scope="module")
def unbroken(faulty: Gemini, tmp_path_factory: pytest.TempPathFactory) -> Unbroken:
    job = _job(tmp_path_factory.mktemp("unbroken") / "job", faulty)
    report = job.report()
    return Unbroken(job.outputs(), texts(job.rows()), paid(faulty), report)


@pytest.fixture
def job(unbroken: Unbroken, faulty: Gemini, tmp_path: Path) -> Job:
    """To be disturbed; the unbroken run is over, and the server has forgotten it."""
    faulty.reset()
    return _job(tmp_path / "job", faulty)


def _worked(server: Gemini) -> int:
    """Answers that the provider made, also those whose client was gone by then: it wants to be paid for them too."""
    stats = server.stats()
    return int(stats["paid"] + stats["undelivered"])


def _at_a_random_moment(job: Job, server: Gemini, draw: random.Random, number: signal.Signals) -> Ended:
    process = job.start()
    if draw.random() < 0.3:
        pause = time.monotonic() + draw.uniform(0, 2)
        wait_for(process, lambda: time.monotonic() > pause)
    else:
        goal = paid(server) + draw.randint(1, STEP)
        wait_for(process, lambda: paid(server) >= goal)
    time.sleep(draw.uniform(0, 0.05))
    return interrupt(process, number)


def test_the_unbroken_run_is_worth_comparing_with(unbroken):
    report = unbroken.report
    assert report["pending"] == 0
    assert CATALOGUES or report["input"] == 24
    assert report["calls"]["job"] == unbroken.needed > 48, "some had to be asked for again"
    assert {"throttled", "retry"} <= report["calls"]["errors"].keys()
    assert len(unbroken.rows) == unbroken.outputs["out.jsonl"].count(b"\n") == report["queries"]["kept"]


def test_killed_again_and_again_it_ends_with_the_same_bytes_and_rows(unbroken, job, faulty):
    draw = random.Random(SEED)
    killed = sum(_at_a_random_moment(job, faulty, draw, signal.SIGKILL).code == -signal.SIGKILL for _ in range(KILLS))
    report = job.report()
    said = f"seed {SEED}, {killed} kills, needed {unbroken.needed}, paid {_worked(faulty)}, {report['calls']}"
    print(said)
    assert job.outputs() == unbroken.outputs, said
    assert texts(job.rows()) == unbroken.rows, said
    assert all(row["is_active"] for row in job.rows()), said
    assert _worked(faulty) <= unbroken.needed + killed * CONCURRENCY, said
    assert report["calls"]["job"] == unbroken.needed, f"an answer was paid for although it was there: {said}"


def test_told_to_go_again_and_again_it_pays_nothing_in_vain(unbroken, job, faulty):
    draw = random.Random(SEED + 1)
    abandoned = 0
    for _ in range(KILLS):
        ended = _at_a_random_moment(job, faulty, draw, signal.SIGTERM)
        assert ended.code in (75, 0, BEFORE_THE_HANDLER), (SEED, ended)
        assert "Traceback" not in ended.err
        if ended.code == 75 and ended.out:
            assert balanced(ended.json)
            abandoned += ended.json["calls"]["abandoned"]
    report = job.report()
    said = f"seed {SEED}, {KILLS} times, needed {unbroken.needed}, paid {_worked(faulty)}, {abandoned} abandoned"
    print(said)
    assert job.outputs() == unbroken.outputs, said
    assert texts(job.rows()) == unbroken.rows, said
    assert _worked(faulty) <= unbroken.needed + abandoned, (said, report["calls"])
    assert report["calls"]["job"] == unbroken.needed
