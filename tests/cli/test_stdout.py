"""Standard output that takes nothing: a full disk, or closed. Work that is done is done, and the message says what."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.process import LIMIT, environment

COMMANDS = (
    ["--help"],
    ["schema"],
    ["check", "job.yaml"],
    ["jobs"],
    ["report", "job", "--json"],
    ["prompts", "render", "job.yaml"],
    ["plugins", "info", "files"],
)


@pytest.fixture
def printing(tmp_path: Path, lab: Path):
    """Runs a command with standard output, and if wanted standard error, on a full disk or closed."""

    def call(place: str, *words: str, errors_too: bool = False) -> tuple[int, str]:
        redirection = {"full": ">/dev/full", "closed": ">&-"}[place]
        if errors_too:
            redirection += f" 2{redirection}"
        shell = f'exec "$@" {redirection}'
        ended = subprocess.run(
            ["/bin/sh", "-c", shell, "sh", sys.executable, "-m", "querygen_core", *words],
            cwd=tmp_path,
            env=environment({}, [lab]),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=LIMIT,
        )
        return ended.returncode, ended.stderr

    return call


@pytest.mark.parametrize(("place", "words"), [("full", ["--json"]), ("closed", [])], ids=["full", "closed"])
def test_a_run_keeps_its_code_and_what_it_has_delivered(printing, job, tmp_path: Path, place: str, words: list[str]):
    job()
    code, err = printing(place, "run", "job.yaml", *words, "--log-level", "warning")
    assert code == 0, err
    assert err.startswith("standard output: ")
    assert err.endswith("; the report is in .querygen/job/report.json\n")
    assert err.count("\n") == 1
    assert len(json.loads((tmp_path / "table.json").read_text())) == 3
    assert json.loads((tmp_path / ".querygen" / "job" / "report.json").read_text())["exit_code"] == 0


def test_a_run_that_fails_keeps_its_code(printing, job):
    job(models={"m": {"use": "lab/model", "says": "auth"}})
    assert printing("full", "run", "job.yaml")[0] == 77


@pytest.mark.parametrize("place", ["full", "closed"])
@pytest.mark.parametrize("words", [COMMANDS[0], *(pytest.param(w, marks=pytest.mark.slow) for w in COMMANDS[1:])])
def test_a_result_that_cannot_be_printed_is_a_failure_of_its_own(printing, job, place: str, words: list[str]):
    job()
    if words[0] == "report":
        printing("full", "run", "job.yaml")
    code, err = printing(place, *words)
    why = {"full": os.strerror(errno.ENOSPC), "closed": "it is closed"}[place]
    assert (code, err) == (74, f"standard output: {why}; not everything could be printed\n")


@pytest.mark.parametrize("place", ["full", pytest.param("closed", marks=pytest.mark.slow)])
def test_nobody_has_to_listen(printing, job, place: str):
    job()
    assert printing(place, "run", "job.yaml", errors_too=True)[0] == 0
    assert printing(place, "run", "nowhere.yaml", errors_too=True)[0] == 78
