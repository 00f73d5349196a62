"""`.ci/run` is the README's test command, then what is too slow for it, and nothing weaker."""

from __future__ import annotations

import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
COMMAND = "pip install --target .uv uv && .uv/bin/uv run pytest"
SLOW = ".uv/bin/uv run pytest -m slow"
CALLED = ["pip install --target .uv uv", "uv run pytest", "uv run pytest -m slow"]

STUB = """#!/bin/sh
read -r line && echo "standard input: $line"
echo "$(basename "$0") $* in $PWD, CI=$CI" >> "$LOG"
code=$(cat "$(dirname "$0")/$(basename "$0").code")
exit $(eval "echo $code")
"""
TOOLS = ("bash", "basename", "cat", "dirname", "env", "sh")


@pytest.fixture
def run(tmp_path):
    """Runs a copy of `.ci/run` as `user`, on a machine with stand-ins for some programs that end with the given codes,
    each a number or a shell expression.

    Its exit code, and what was called.
    """
    log = tmp_path / "log"
    script = tmp_path / ".ci" / "run"
    script.parent.mkdir()
    shutil.copy(ROOT / ".ci" / "run", script)

    def run(user=0, **codes):
        for name in TOOLS:
            if not (tmp_path / name).exists():
                (tmp_path / name).symlink_to(str(shutil.which(name)))
        (tmp_path / "id").write_text(f"#!/bin/sh\necho {user}\n")
        (tmp_path / "id").chmod(0o755)
        for name, code in codes.items():
            program = tmp_path / (".uv/bin/uv" if name == "uv" else name.replace("_", "-"))
            program.parent.mkdir(parents=True, exist_ok=True)
            program.write_text(STUB)
            program.chmod(0o755)
            program.with_name(f"{program.name}.code").write_text(str(code))
        environment = {"PATH": str(tmp_path), "LOG": str(log)}
        with subprocess.Popen([script], cwd=tmp_path, env=environment, stdin=subprocess.PIPE) as process:
            process.communicate(b"somebody types\n", timeout=20)
        return process.returncode, log.read_text().splitlines()

    return run


def test_the_readme_and_ci_run_the_same_first():
    assert COMMAND in (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    lines = [line.strip() for line in (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()]
    assert [line for line in lines if "pytest" in line and not line.startswith("#")] == [COMMAND, SLOW]


def test_what_the_readme_s_command_leaves_out_is_what_ci_runs_after_it():
    options = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["pytest"]["ini_options"]["addopts"]
    assert [option for option in options if option.startswith(("-m", "-k", "--deselect", "--ignore"))] == [
        "-m=not slow"
    ]


def test_it_installs_and_tests(run, tmp_path):
    code, called = run(pip=0, uv=0)
    assert code == 0
    assert called == [f"{command} in {tmp_path.resolve()}, CI=true" for command in CALLED]


def test_it_fails_with_the_tests_and_goes_no_further(run):
    code, called = run(pip=0, uv=3)
    assert (code, len(called)) == (3, 2)


def test_it_fails_with_the_slow_tests(run):
    code, called = run(pip=0, uv='$([ "$4" = slow ] && echo 3 || echo 0)')
    assert (code, len(called)) == (3, 3)


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
        *CALLED,
    ]


@pytest.mark.parametrize("machine", [{"user": 1000, "apt_get": 0}, {"apt_get": 0, "buildah": 0}], ids=["user", "there"])
def test_it_does_not_where_it_may_not_or_need_not(run, machine):
    code, called = run(pip=0, uv=0, **machine)
    assert (code, [line.partition(" in ")[0] for line in called]) == (0, CALLED)


def test_it_goes_on_where_they_cannot_be_had(run):
    code, called = run(pip=0, uv=0, apt_get=100)
    assert (code, [line.partition(" in ")[0] for line in called][-3:]) == (0, CALLED)
