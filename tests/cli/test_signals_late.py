"""F14: SIGTERM while a secret is being fetched, and while the last events are being taken."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.process import end, install, start, wait_for

pytestmark = pytest.mark.slow

SLOW = """
import time
from pathlib import Path
from pydantic import Field
from querygen_core.api import Component, Options, hookimpl

querygen_api = 1

class Vault:
    def resolve(self, reference, field):
        Path("reached").touch()
        time.sleep(3)
        return "a-secret-value"

class EarOptions(Options):
    last: str = Field("run_finished", description="The event with which it takes its time.")

class Ear:
    identity = "ear"

    def __init__(self, options):
        self.last = options.last

    def on_event(self, event):
        if event.kind == self.last:
            Path("reached").touch()
            time.sleep(2)

@hookimpl
def querygen_secrets():
    return [Component("vault", Options, lambda options, context: Vault(), "Takes its time")]

@hookimpl
def querygen_observers():
    return [Component("ear", EarOptions, lambda options, context: Ear(options), "Takes its time")]
"""


@pytest.fixture
def terminated(tmp_path: Path, lab: Path) -> Callable[[], tuple[int, dict[str, Any]]]:
    """A run of job.yaml that gets a SIGTERM at the moment for which it waits."""
    plugin = install(tmp_path / "site", "slow", SLOW)

    def run() -> tuple[int, dict[str, Any]]:
        process = start("run", "job.yaml", "--json", cwd=tmp_path, path=[lab, plugin])
        assert wait_for(process, (tmp_path / "reached").exists), "it never came there"
        process.send_signal(signal.SIGTERM)
        ended = end(process)
        assert "Traceback" not in ended.err
        return ended.code, json.loads(ended.out)

    return run


def test_while_a_secret_is_fetched(job, terminated, tmp_path: Path):
    job(models={"m": {"use": "lab/model", "key": "${secret:slow/vault:x}"}}, runtime={"drain": 9})
    code, report = terminated()
    assert (code, report["stopped_by"]) == (75, "signal")
    assert report["pending"] + report["done"] == report["input"]


def test_while_the_last_events_are_taken(job, terminated, tmp_path: Path):
    """All is done by then: it is no reason to run again."""
    job(observers=[{"use": "slow/ear"}], runtime={"drain": 9})
    code, report = terminated()
    assert (code, report["done"]) == (0, 3)
    kept = json.loads((tmp_path / ".querygen/job/report.json").read_text())
    assert kept["done"] == 3
