"""A plugin's tests pass outside the repository, with nothing but wheels and what the plugin's `dev` group names.

Of each test one set of parameters, for the others need nothing else; all of them with QUERYGEN_ALONE=all.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
PLUGINS = sorted(path.parent.name for path in ROOT.glob("plugins/*/pyproject.toml"))
ENVIRON = dict(os.environ)
"""As it was before tests were isolated: uv's cache is in the home."""

ONE_OF_EACH = """
def pytest_collection_modifyitems(config, items):
    first = {item.nodeid.partition("[")[0]: item for item in reversed(items)}
    others = [item for item in items if first[item.nodeid.partition("[")[0]] is not item]
    items[:] = [item for item in items if first[item.nodeid.partition("[")[0]] is item]
    config.hook.pytest_deselected(items=others)
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1_200),
    pytest.mark.skipif(not (shutil.which("uv") or os.environ.get("UV")), reason="uv makes the environments"),
]


def read_project(folder: Path) -> dict[str, Any]:
    return tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))


def run(*command: object, cwd: Path) -> str:
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, env=ENVIRON, capture_output=True, text=True, timeout=1_000, check=False
    )
    assert done.returncode == 0, f"{done.stdout[-6_000:]}\n{done.stderr[-2_000:]}"
    return done.stdout


def uv(*words: object, cwd: Path) -> str:
    return run(ENVIRON.get("UV") or shutil.which("uv"), *words, cwd=cwd)


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """By name, the wheel of every distribution of this repository."""
    folder = tmp_path_factory.mktemp("wheels")
    for project in (ROOT, *(ROOT / "plugins" / name for name in PLUGINS)):
        run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder, cwd=project)
    return {path.name.partition("-")[0].replace("_", "-"): path for path in folder.glob("*.whl")}


def requirements(name: str, wheels: dict[str, Path]) -> list[str]:
    """What `dev` names and the plugin itself; ours as wheels, for nobody else's `querygen-…` may get in."""
    group = read_project(ROOT / "plugins" / name)["dependency-groups"]["dev"]
    wanted = {item.name: item for item in map(Requirement, [*group, "querygen", f"querygen-{name}"])}
    wanted["querygen"].extras.add("testing")
    return [
        f"{item.name}{[*item.extras] if item.extras else ''} @ {wheels[item.name].as_uri()}".replace("'", "")
        if item.name in wheels
        else str(item)
        for item in wanted.values()
    ]


@pytest.mark.parametrize("name", PLUGINS)
def test_a_plugin_is_tested_without_the_rest_of_the_repository(name, wheels, tmp_path):
    environment, pins = tmp_path / "environment", tmp_path / "pins.txt"
    pins.write_text("\n".join(read_project(ROOT)["tool"]["uv"]["constraint-dependencies"]), "utf-8")
    uv("venv", "--quiet", "--python", sys.executable, environment, cwd=tmp_path)
    python = environment / "bin" / "python"
    uv("pip", "install", "--python", python, "--constraint", pins, *requirements(name, wheels), cwd=tmp_path)
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(
        ROOT / "plugins" / name,
        elsewhere / name,
        ignore=shutil.ignore_patterns("querygen_*", "__pycache__", ".*", "dist"),
    )
    if os.environ.get("QUERYGEN_ALONE") != "all":
        (elsewhere / "conftest.py").write_text(ONE_OF_EACH)
    # The slow ones have run in the repository; all of them pass here too, in several times the time.
    words = ("--rootdir", elsewhere / name, "--confcutdir", elsewhere, "--basetemp", tmp_path / "t")
    summary = run(python, "-m", "pytest", name, "-q", "-m", "not slow", *words, cwd=elsewhere)
    assert " passed" in summary
