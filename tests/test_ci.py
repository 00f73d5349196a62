"""`.ci/run` is the README's test command and nothing weaker."""

from __future__ import annotations

import shutil
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
TOOLS = ("bash", "basename", "cat", "dirname", "env", "sh")


@pytest.fixture
def run(tmp_path):
    """Runs `.ci/run` as `user`, on a machine with stand-ins for some programs that end with the given codes.

    Its exit code, and what was called.
    """
    log = tmp_path / "log"

    def run(user=0, **codes):
        for name in TOOLS:
            if not (tmp_path / name).exists():
                (tmp_path / name).symlink_to(str(shutil.which(name)))
        (tmp_path / "id").write_text(f"#!/bin/sh\necho {user}\n")
        (tmp_path / "id").chmod(0o755)
        for name, code in codes.items():
            program = tmp_path / name.replace("_", "-")
            program.write_text(STUB)
            program.chmod(0o755)
            (tmp_path / f"{program.name}.code").write_text(str(code))
        environment = {"PATH": str(tmp_path), "LOG": str(log)}
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


def test_it_brings_what_the_tests_of_the_image_need_where_it_can(run):
    code, called = run(pip=0, uv=0, apt_get=0)
    assert code == 0
    assert [line.partition(" in ")[0] for line in called] == [
        "apt-get -qq update",
        "apt-get -qq install --no-install-recommends buildah runc mmdebstrap",
        "pip install uv",
        "uv run pytest",
    ]


@pytest.mark.parametrize("machine", [{"user": 1000, "apt_get": 0}, {"apt_get": 0, "buildah": 0}], ids=["user", "there"])
def test_it_does_not_where_it_may_not_or_need_not(run, machine):
    code, called = run(pip=0, uv=0, **machine)
    assert (code, len(called)) == (0, 2)


def test_it_goes_on_where_they_cannot_be_had(run):
    code, called = run(pip=0, uv=0, apt_get=100)
    assert code == 0
    assert called[-1].startswith("uv run pytest")
