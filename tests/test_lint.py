"""Style and types, so that `pytest` and `pytest -m slow` cover them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(["ruff", "check", "--no-cache", "--output-format=concise"], id="ruff-check"),
        pytest.param(["ruff", "format", "--no-cache", "--check"], id="ruff-format"),
        pytest.param(["mypy", "--no-error-summary"], id="mypy", marks=pytest.mark.slow),
    ],
)
def test_the_tree_is_clean(command):
    """Without its cache, mypy takes most of a minute."""
    done = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"


def test_every_import_keeps_to_its_layer():
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
