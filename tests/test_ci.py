"""`.ci/run` is the README's test command and nothing weaker."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
COMMAND = "pip install uv && uv run pytest"

STUB = """#!/bin/sh
read -r line && echo "standard input: $line"
echo "$(basename "$0") $* in $PWD, CI=$CI" >> "$LOG"
exit $(cat "$(dirname "$0")/$(basename "$0").code")
"""


@pytest.fixture
def run(tmp_path):
    """Runs `.ci/run` with stand-ins for pip and uv that end with the given codes; exit code and what was called."""
    log = tmp_path / "log"

    def run(**codes):
        for name, code in codes.items():
            (tmp_path / name).write_text(STUB)
            (tmp_path / name).chmod(0o755)
            (tmp_path / f"{name}.code").write_text(str(code))
        environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "LOG": str(log)}
        with subprocess.Popen([ROOT / ".ci" / "run"], cwd=tmp_path, env=environment, stdin=subprocess.PIPE) as process:
            process.communicate(b"somebody types\n", timeout=20)
        return process.returncode, log.read_text().splitlines()

    return run


def test_the_readme_and_ci_run_the_same():
    assert COMMAND in (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()[-1] == COMMAND


def test_it_installs_and_tests(run):
    code, called = run(pip=0, uv=0)
    assert code == 0
    assert called == [f"pip install uv in {ROOT}, CI=true", f"uv run pytest in {ROOT}, CI=true"]


def test_it_fails_with_the_tests(run):
    assert run(pip=0, uv=3)[0] == 3


def test_it_stops_where_it_fails(run):
    code, called = run(pip=2, uv=0)
    assert code == 2
    assert len(called) == 1
