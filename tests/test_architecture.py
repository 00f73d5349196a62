"""ARCHITECTURE.md names only what exists, and its floor plan is the one that import-linter enforces."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")

MENTIONS = sorted(set(re.findall(r"`((?:[a-z_0-9]+/)*[a-z_0-9]+(?:\.py|/))(?::([A-Za-z_.]+))?`", PAGE)))
METHODS = sorted(set(re.findall(r"`([A-Z][A-Za-z]+)\.([a-z_]+)`", PAGE)))
CLASSES = dict(re.findall(r"`(?:[a-z_]+/)*([a-z_]+\.py):([A-Z][A-Za-z]+)`", PAGE))


def existing(path: str) -> Path | None:
    return next((place for base in (ROOT / "querygen_core", ROOT) if (place := base / path).exists()), None)


def definitions(file: Path) -> set[str]:
    """Names defined at the top of a module, and `Class.method` for the methods of its classes."""
    names = set()
    for node in ast.parse(file.read_bytes()).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        if isinstance(node, ast.ClassDef):
            names |= {f"{node.name}.{item.name}" for item in node.body if hasattr(item, "name")}
    return names


@pytest.mark.parametrize(("path", "name"), MENTIONS)
def test_what_the_page_names_exists(path, name):
    place = existing(path)
    assert place is not None, f"{path} does not exist"
    assert not name or name in definitions(place), f"{path} does not define {name}"


@pytest.mark.parametrize(("owner", "method"), METHODS)
def test_methods_named_without_their_file_exist(owner, method):
    found = {name for file in (ROOT / "querygen_core").rglob("*.py") for name in definitions(file)}
    assert f"{owner}.{method}" in found


def test_the_floor_plan_is_that_of_import_linter():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    layers = next(one["layers"] for one in settings["contracts"] if one["type"] == "layers")
    floors = re.findall(r"^\| `([a-z_]+)(?:/|\.py)` \|", PAGE, re.MULTILINE)
    assert floors == [room.strip() for layer in layers for room in layer.split("|")]


def test_the_page_is_read():
    assert len(MENTIONS) > 30
    assert METHODS
