"""What a run leaves when it is told to end: at any moment a report, and the exit code that says what to do."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.cli.process import end, start, wait_for


@pytest.fixture
def begun(tmp_path: Path, lab: Path, job) -> Any:
    """Starts a job and waits until all calls of it have been made, or something hangs."""

    def call(file: str, *words: str, **sections: Any) -> subprocess.Popen[str]:
        job(**sections)
        process = start("run", "job.yaml", *words, cwd=tmp_path, path=[lab])
        size = {"asked": 3, "hangs": 1}[file]
        assert wait_for(process, lambda: _size(tmp_path / file) >= size), end(process)
        return process

    return call


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def table(fails: str) -> dict[str, Any]:
    return {"sinks": [{"use": "lab/table", "name": "table", "path": "table.json", "fails": fails}]}


SLOW = {"models": {"m": {"use": "lab/model", "seconds": 600}}}


def test_while_sinks_are_checked_there_is_nothing_to_wait_for(begun, tmp_path: Path):
    process = begun("hangs", "--json", **table("hang checking"))
    process.send_signal(signal.SIGTERM)
    ended = end(process)
    assert ended.code == ended.json["exit_code"] == 75, ended.err
    assert (ended.json["stopped_by"], ended.json["pending"]) == ("signal", 0)
    assert json.loads((tmp_path / ".querygen" / "job" / "report.json").read_text()) == ended.json
    assert "Traceback" not in ended.err


def test_hangup_is_handled_like_sigterm(begun, tmp_path: Path):
    process = begun("asked", "--json", **SLOW, runtime={"drain": 9})
    process.send_signal(signal.SIGHUP)
    ended = end(process)
    assert (ended.code, ended.json["message"], ended.json["calls"]["abandoned"]) == (75, "SIGHUP received", 3)
    assert "waiting for 3 calls under way and the sinks, at most 8 s; a second signal ends at once" in ended.err
    assert json.loads((tmp_path / ".querygen" / "job" / "report.json").read_text()) == ended.json


@pytest.mark.slow
def test_nohup_means_it(begun, tmp_path: Path, lab: Path, job):
    job(input={"use": "lab/shelf", "count": 1}, models={"m": {"use": "lab/model", "seconds": 1}})
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # a process that is started inherits it
    try:
        process = start("run", "job.yaml", cwd=tmp_path, path=[lab])
    finally:
        signal.signal(signal.SIGHUP, before)
    assert wait_for(process, (tmp_path / "asked").exists)
    process.send_signal(signal.SIGHUP)
    assert end(process).code == 0


@pytest.mark.parametrize(
    ("file", "sections"),
    [("asked", SLOW), ("hangs", table("hang"))],
    ids=["calls under way", "a sink that hangs"],
)
def test_the_second_ctrl_c_ends_at_once_and_still_reports(begun, tmp_path: Path, file: str, sections):
    process = begun(file, "--json", **sections, runtime={"drain": 600, "concurrency": 4})
    process.send_signal(signal.SIGINT)
    while "waiting for" not in (line := process.stderr.readline()):
        assert line, "it said nothing"
    assert "at most 599 s; Ctrl-C again ends at once" in line
    process.send_signal(signal.SIGINT)
    ended = end(process)
    assert ended.code == ended.json["exit_code"] == 130, ended.err
    assert ended.json["message"] == "interrupted"
    assert json.loads((tmp_path / ".querygen" / "job" / "report.json").read_text()) == ended.json
    assert ended.json["calls"]["abandoned"] == (3 if file == "asked" else 0)
    assert "Traceback" not in ended.err


def test_once_the_report_is_printed_its_code_stands(begun, tmp_path: Path):
    process = begun("hangs", "--json", **table("hang closing"))
    report = json.loads(process.stdout.readline())
    process.send_signal(signal.SIGTERM)
    assert (end(process).code, report["exit_code"]) == (0, 0)


@pytest.mark.slow
def test_what_blocks_the_run_does_not_keep_it_from_ending(begun):
    process = begun("hangs", "--json", **table("hang building"))
    process.send_signal(signal.SIGTERM)
    ended = end(process)
    assert ended.code == ended.json["exit_code"] == 75
    assert "SIGTERM received before the run began" in ended.err


@pytest.mark.slow
def test_a_run_that_cannot_end_in_order_says_so(begun):
    process = begun("hangs", "--json", **table("hang and block"), runtime={"drain": 9})
    process.send_signal(signal.SIGTERM)
    ended = end(process)
    assert (ended.code, ended.out) == (75, "")
    assert "did not end by itself in time" in ended.err
