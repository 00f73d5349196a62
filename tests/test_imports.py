"""Who may import whom, what modules may be called and how long they may be. `design.md` says why."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest

from querygen_core.testing.imports import Import, imports_of
from querygen_core.testing.plugin import ALLOWED

ROOT = Path(__file__).parents[1]

RANKS = {
    "canonical": 0, "context": 0, "errors": 0, "journal.interface": 0, "masking": 0,
    "price": 0, "products": 0, "protocols": 0, "records": 0, "secrets": 0, "submission": 0,
    "api": 1,
    "config": 3, "schema": 3, "engine": 4, "cli": 5, "__main__": 6,
}  # fmt: skip
"""A module of core imports nothing of a higher rank than its own. What is not named here has `OTHERS`."""

OTHERS = 2

APART = ("builtin", "testing")
"""Parts of core that no other part imports: the plugin of core's own components, and what is for tests."""

BAD_NAMES = re.compile(r"(?:.*_)?(?:utils?|helpers?|managers?|base)(?:_.*)?")
LONGEST_MODULE = 300
LONGEST_FUNCTION = 60


def python_files(folder: Path) -> list[Path]:
    """All below `folder` but those in hidden folders, such as a virtual environment."""
    found = sorted(folder.rglob("*.py"))
    return [path for path in found if not any(part.startswith(".") for part in path.relative_to(folder).parts)]


def modules_of_core(root: Path) -> dict[str, Path]:
    """Dotted names below `querygen_core`, "" for itself."""
    core = root / "querygen_core"
    return {
        ".".join(part for part in path.relative_to(core).with_suffix("").parts if part != "__init__"): path
        for path in python_files(core)
    }


def known_parent(name: str, names: dict[str, Path]) -> str:
    """The module that `name`, a module or something in one, belongs to."""
    while name and name not in names:
        name = name.rpartition(".")[0]
    return name


def rank(name: str) -> int:
    if not name:
        return 0
    while name and name not in RANKS:
        name = name.rpartition(".")[0]
    return RANKS[name] if name else OTHERS


def wrong_ranks(root: Path) -> list[str]:
    names = modules_of_core(root)
    wrong = []
    for name, path in names.items():
        for item in imports_of(path):
            if item.top != "querygen_core":
                continue
            target = known_parent(item.target.removeprefix("querygen_core").removeprefix("."), names)
            if target.partition(".")[0] in APART and target.partition(".")[0] != name.partition(".")[0]:
                wrong.append(f"{item}, which stands apart: nothing in core imports it")
            elif rank(target) > rank(name):
                wrong.append(f"{item}, which is above {name or 'the package itself'}")
    return wrong


def plugins(root: Path) -> list[Path]:
    """The packages of all plugins."""
    return sorted(path.parent for path in root.glob("plugins/*/querygen_*/__init__.py"))


def names_of_plugins(root: Path) -> set[str]:
    return {package.name for package in plugins(root)}


def plugins_in_core(root: Path) -> list[str]:
    strangers = names_of_plugins(root)
    return [
        str(item) for path in python_files(root / "querygen_core") for item in imports_of(path) if item.top in strangers
    ]


def wrong_in_plugins(root: Path) -> list[str]:
    wrong = []
    for package in plugins(root):
        others = names_of_plugins(root) - {package.name}
        for path in python_files(package.parent):
            allowed = ["querygen_core.api", "querygen_core.formats"]
            if path.is_relative_to(package.parent / "tests"):
                allowed.append("querygen_core.testing")
            for item in imports_of(path):
                if item.top == "querygen_core" and not item.is_of(*allowed):
                    wrong.append(f"{item}; a plugin may import {' and '.join(allowed)}")
                elif item.top in others:
                    wrong.append(f"{item}, another plugin, which may not be installed")
    return wrong


def wrong_declarations(root: Path) -> list[str]:
    """A plugin's `__init__` is imported by every command that names it, so it must not cost anything."""

    def is_cheap(item: Import, own: str) -> bool:
        return item.lazy or item.top in {own, *sys.stdlib_module_names} or ALLOWED.fullmatch(item.top) is not None

    return [
        f"{item}; import it in a module that `build_…` imports"
        for package in plugins(root)
        for item in imports_of(package / "__init__.py")
        if not is_cheap(item, package.name)
    ]


def all_files(root: Path) -> list[Path]:
    return [path for folder in ("querygen_core", "plugins", "tests") for path in python_files(root / folder)]


def relative_imports(root: Path) -> list[str]:
    return [str(item) for path in all_files(root) for item in imports_of(path) if item.target.startswith(".")]


def bad_names(root: Path) -> list[str]:
    parts = {path for file in all_files(root) for path in (file, *file.relative_to(root).parents)}
    return sorted(f"{path}: the name says nothing" for path in parts if BAD_NAMES.fullmatch(path.stem))


def long_modules(root: Path) -> list[str]:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in all_files(root)}
    return [
        f"{path}: {length} lines, at most {LONGEST_MODULE}; split it by what it is about"
        for path, length in lengths.items()
        if length > LONGEST_MODULE
    ]


def long_functions(root: Path) -> list[str]:
    found = []
    for path in all_files(root):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > LONGEST_FUNCTION:
                    found.append(f"{path}:{node.lineno}: {node.name} has {length} lines, at most {LONGEST_FUNCTION}")
    return found


RULES = (
    wrong_ranks,
    plugins_in_core,
    wrong_in_plugins,
    wrong_declarations,
    relative_imports,
    bad_names,
    long_modules,
    long_functions,
)


@pytest.mark.parametrize("rule", RULES)
def test_the_tree_keeps_the_rule(rule):
    assert plugins(ROOT), "the rules look at nothing"
    wrong = rule(ROOT)
    assert not wrong, "\n".join(line.replace(f"{ROOT}/", "") for line in wrong)


PLUGIN = "plugins/one/querygen_one/__init__.py"

VIOLATIONS = [
    (wrong_ranks, "querygen_core/records.py", "from querygen_core.api import Product"),
    (wrong_ranks, "querygen_core/products/fields.py", "from querygen_core.source import read"),
    (wrong_ranks, "querygen_core/journal/interface.py", "from querygen_core.journal.sqlite import SqliteJournal"),
    (wrong_ranks, "querygen_core/api.py", "def f():\n    from querygen_core import registry"),
    (wrong_ranks, "querygen_core/source.py", "import querygen_core.config"),
    (wrong_ranks, "querygen_core/config.py", "from querygen_core.engine.ask import Asker"),
    (wrong_ranks, "querygen_core/engine/ask.py", "from querygen_core.cli.run import run"),
    (wrong_ranks, "querygen_core/cli/run.py", "from querygen_core.__main__ import main"),
    (wrong_ranks, "querygen_core/engine/ask.py", "from querygen_core import builtin"),
    (wrong_ranks, "querygen_core/cli/run.py", "from querygen_core.testing.samples import product"),
    (wrong_ranks, "querygen_core/__init__.py", "from querygen_core.cli.run import run"),
    (plugins_in_core, "querygen_core/engine/ask.py", "def f():\n    import querygen_one.model"),
    (wrong_in_plugins, "plugins/one/querygen_one/model.py", "from querygen_core.records import Product"),
    (wrong_in_plugins, "plugins/one/querygen_one/model.py", "from querygen_core.testing import context"),
    (wrong_in_plugins, "plugins/one/querygen_one/model.py", "def f():\n    import querygen_two"),
    (wrong_in_plugins, "plugins/one/tests/test_one.py", "from querygen_two import Options"),
    (wrong_in_plugins, "plugins/one/tests/test_one.py", "from querygen_core.engine import ask"),
    (wrong_declarations, PLUGIN, "import numpy"),
    (wrong_declarations, PLUGIN, "try:\n    from google import genai\nexcept ImportError:\n    pass"),
    (relative_imports, "querygen_core/engine/ask.py", "from . import budget"),
    (relative_imports, PLUGIN, "def f():\n    from .model import Model"),
    (bad_names, "querygen_core/engine/base.py", ""),
    (bad_names, "querygen_core/text_utils.py", ""),
    (bad_names, "plugins/one/querygen_one/helpers/text.py", ""),
    (long_modules, "querygen_core/source.py", "a = 1\n" * 301),
    (long_functions, "tests/test_one.py", "def f():\n" + "    a = 1\n" * 60),
]


def plant(root: Path) -> None:
    """A small tree that keeps every rule, with each import that is allowed."""
    files = {
        "querygen_core/__init__.py": "",
        "querygen_core/__main__.py": "from querygen_core.cli.run import run",
        "querygen_core/records.py": "from querygen_core.canonical import digest",
        "querygen_core/api.py": "from querygen_core.journal.interface import Journal",
        "querygen_core/journal/interface.py": "from querygen_core.records import Product",
        "querygen_core/journal/sqlite.py": "from querygen_core.api import Context",
        "querygen_core/products/fields.py": "from querygen_core import records",
        "querygen_core/source.py": "from querygen_core import __version__" + "\na = 1" * 299,
        "querygen_core/registry.py": "from querygen_core.source import read",
        "querygen_core/config.py": "from querygen_core.registry import Registry",
        "querygen_core/engine/ask.py": "from querygen_core.config import load",
        "querygen_core/cli/run.py": "from querygen_core.engine.ask import Ask",
        "querygen_core/builtin.py": "def f():\n    from querygen_core.journal.sqlite import SqliteJournal",
        "querygen_core/testing/samples.py": "from querygen_core.testing import context",
        "querygen_core/testing/__init__.py": "from querygen_core.api import Context",
        PLUGIN: "import json, pydantic\nfrom querygen_core.api import hookimpl\ndef f():\n    import numpy",
        "plugins/one/querygen_one/model.py": "import numpy\nfrom querygen_one import Options",
        "plugins/one/tests/test_one.py": "from querygen_core.testing import context\nimport querygen_one.model",
        "plugins/two/querygen_two/__init__.py": "",
        "tests/test_one.py": "def f():\n" + "    a = 1\n" * 59,
    }
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.mark.parametrize("rule", RULES)
def test_a_right_tree_passes(rule, tmp_path):
    plant(tmp_path)
    assert rule(tmp_path) == []


@pytest.mark.parametrize(("rule", "name", "text"), VIOLATIONS)
def test_a_violation_is_found(rule, name, text, tmp_path):
    plant(tmp_path)
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    wrong = rule(tmp_path)
    assert len(wrong) == 1, wrong
    assert Path(name).parts[0] in wrong[0]


def test_every_rule_has_a_violation():
    assert {rule for rule, _, _ in VIOLATIONS} == set(RULES)
