"""What a command loads: nothing that it does not need."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.process import environment

LOADED = """
import json, sys
from querygen_core.cli.main import run_command
try:
    run_command(sys.argv[1:])
except SystemExit:
    pass
print("\\n" + json.dumps(sorted(sys.modules)))
"""
HEAVY = {
    "pydantic",
    "jinja2",
    "yaml",
    "rich",
    "pluggy",
    "sqlite3",
    "asyncio",
    "selectolax",
    "querygen_lab",
    "querygen_files",
    "querygen_offline",
    "querygen_text",
    "querygen_core.api",
    "querygen_core.config",
}


def loaded_by(folder: Path, lab: Path, *words: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *words],
        cwd=folder,
        env=environment({}, [lab]),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("words", [["--help"], ["run", "--help"], ["--version"], ["fly"]], ids=" ".join)
def test_help_loads_no_plugin_and_nothing_heavy(tmp_path: Path, lab: Path, words: list[str]):
    assert loaded_by(tmp_path, lab, *words) & HEAVY == set()


def test_a_command_loads_only_the_plugins_that_the_config_names(tmp_path: Path, lab: Path, job):
    job(models={"m": {"use": "offline/model"}}, input={"use": "files/catalogue", "path": "x.csv"})
    modules = loaded_by(tmp_path, lab, "check", "job.yaml")
    assert {"querygen_offline", "querygen_files", "querygen_lab"} <= modules
    assert modules & {"querygen_text", "querygen_offline.model", "querygen_files.snapshot"} == set()


def test_help_is_help(run):
    ended = run("--help")
    assert ended.code == 0
    for command in ("run", "submit", "check", "prompts", "retry", "report", "jobs", "plugins", "schema", "extras"):
        assert command in ended.out
    assert "  75   Try again" in ended.out


def test_the_installed_command_is_the_module(tmp_path: Path):
    script = Path(sys.executable).with_name("querygen")
    if not script.exists():
        pytest.skip("the package is not installed with its scripts")
    assert subprocess.run([script, "--version"], capture_output=True, text=True, check=True).stdout.startswith(
        "querygen "
    )
