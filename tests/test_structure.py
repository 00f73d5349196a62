"""What import-linter cannot say of the tree: names, lengths, cheap declarations, what plugins' tests may import."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from pathlib import Path

import pytest

from querygen_core.testing.imports import Import, imports_of
from querygen_core.testing.plugin import ALLOWED

ROOT = Path(__file__).parents[1]

BAD_NAMES = re.compile(r"(?:.*_)?(?:utils?|helpers?|managers?|base)(?:_.*)?")
LIBRARIES = {"querygen_postgres": {"querygen_embedded"}}
"""Packages of other distributions that a plugin and its tests may import: the server of `dsn: embedded`."""

LONGEST_MODULE = 400
LONGEST_FUNCTION = 60


def python_files(folder: Path) -> list[Path]:
    """All below `folder` but those in hidden folders, such as a virtual environment."""
    found = sorted(folder.rglob("*.py"))
    return [path for path in found if not any(part.startswith(".") for part in path.relative_to(folder).parts)]


def all_files(root: Path) -> list[Path]:
    return [path for folder in ("querygen_core", "plugins", "tests") for path in python_files(root / folder)]


def plugins(root: Path) -> list[Path]:
    """The packages of all plugins."""
    return sorted(path.parent for path in root.glob("plugins/*/querygen_*/__init__.py"))


def foreign_imports_in_plugin_tests(root: Path) -> list[str]:
    """A plugin's tests run without the rest of the repository: its own package, the public interface, the doubles."""
    allowed = ("querygen_core.api", "querygen_core.formats", "querygen_core.testing")
    packages = {package.name for package in plugins(root)}
    wrong = []
    for package in plugins(root):
        for path in python_files(package.parent / "tests"):
            for item in imports_of(path):
                if item.top == "querygen_core" and not item.is_of(*allowed):
                    wrong.append(f"{item}; a plugin's test may import {', '.join(allowed)}")
                elif item.top in packages - {package.name} - LIBRARIES.get(package.name, set()) and not item.lazy:
                    wrong.append(f"{item}, another plugin, which may not be installed")
                elif item.top in {"plugins", "tests"}:
                    wrong.append(f"{item}; import what is in the plugin's own tests folder by its name alone")
    return wrong


def ambiguous_support_modules(root: Path) -> list[str]:
    """At the root every plugin's tests folder is in `sys.path`, so a name must mean one module only."""
    places: dict[str, list[Path]] = {}
    for package in plugins(root):
        for path in sorted((package.parent / "tests").glob("*")):
            if path.stem != "conftest" and not path.stem.startswith(("test_", "__", ".")):
                places.setdefault(path.stem, []).append(path)
    return [f"{paths[0]} and {paths[1]}: two modules of one name" for paths in places.values() if len(paths) > 1]


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
    foreign_imports_in_plugin_tests,
    ambiguous_support_modules,
    wrong_declarations,
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
    (foreign_imports_in_plugin_tests, "plugins/one/tests/test_one.py", "from querygen_two import Options"),
    (foreign_imports_in_plugin_tests, "plugins/one/tests/test_one.py", "from querygen_core.engine import ask"),
    (foreign_imports_in_plugin_tests, "plugins/one/tests/test_one.py", "from tests.jobs.traces import places"),
    (foreign_imports_in_plugin_tests, "plugins/one/tests/test_one.py", "import plugins.one.tests.one_server"),
    (foreign_imports_in_plugin_tests, "plugins/one/tests/test_one.py", "from querygen_embedded import EmbeddedServer"),
    (foreign_imports_in_plugin_tests, "plugins/embedded/tests/test_server.py", "import querygen_postgres"),
    (ambiguous_support_modules, "plugins/two/tests/one_server.py", ""),
    (wrong_declarations, PLUGIN, "import numpy"),
    (wrong_declarations, PLUGIN, "try:\n    from google import genai\nexcept ImportError:\n    pass"),
    (bad_names, "querygen_core/engine/base.py", ""),
    (bad_names, "querygen_core/text_utils.py", ""),
    (bad_names, "plugins/one/querygen_one/helpers/text.py", ""),
    (long_modules, "querygen_core/logs.py", "a = 1\n" * (LONGEST_MODULE + 1)),
    (long_functions, "tests/test_one.py", "def f():\n" + "    a = 1\n" * LONGEST_FUNCTION),
]


def plant(root: Path) -> None:
    """A small tree that keeps every rule, with each import that is allowed."""
    files = {
        "querygen_core/logs.py": "a = 1\n" * LONGEST_MODULE,
        PLUGIN: "import json, pydantic\nfrom querygen_core.api import hookimpl\ndef f():\n    import numpy",
        "plugins/one/querygen_one/model.py": "import numpy\nfrom querygen_one import Options",
        "plugins/one/tests/test_one.py": "from querygen_core.testing import context\nimport querygen_one.model",
        "plugins/one/tests/one_server.py": "",
        "plugins/two/querygen_two/__init__.py": "",
        "plugins/embedded/querygen_embedded/__init__.py": "",
        "plugins/postgres/querygen_postgres/__init__.py": "",
        "plugins/postgres/tests/test_server.py": "from querygen_embedded import EmbeddedServer",
        "tests/test_one.py": "def f():\n" + "    a = 1\n" * (LONGEST_FUNCTION - 1),
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


def test_pytest_finds_at_the_root_what_the_tests_of_a_plugin_share():
    options = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["pytest"]["ini_options"]
    folders = [str((package.parent / "tests").relative_to(ROOT)) for package in plugins(ROOT)]
    assert options["pythonpath"] == [".", *folders]
