"""The engine knows the type of every object that a plugin builds, and looks up no member of one by its name."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from querygen_core.registry import kinds

CORE = Path(kinds.__file__).parents[1]
CALLERS = ("engine", "registry", "cli", "config")
"""The folders that hold or call plugins' objects."""

ALLOWED = {
    ("cli/main.py", "getattr"): "the function of one of our own commands",
    ("cli/run.py", "getattr"): "arguments that only some commands have",
    ("cli/bundle.py", "getattr"): "an OSError's text, which a UnicodeError lacks",
    ("config/options.py", "getattr"): "the fields of a pydantic model",
    ("registry/declarations.py", "getattr"): "the module of a plugin and pluggy's hooks, not a built object",
    ("registry/declarations.py", "hasattr"): "the functions of a plugin's module, not a built object",
}

NAMES = frozenset({"component", "provider", "sink", "observer", "generator", "postprocessor", "preprocessor", "input"})
NAMES |= frozenset({"instance", "source", "journal", "resolver", "storage", "submitter", "database", "built", "plugin"})
"""Names that a plugin's object goes by."""


def lookups(tree: ast.AST) -> Iterator[str]:
    """`getattr` and `hasattr` wherever they are used, called or handed on."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in {"getattr", "hasattr"}:
            yield node.id


def untyped(tree: ast.AST) -> Iterator[str]:
    """Fields, variables and parameters named like a plugin's object whose type is or contains a bare `Any`, and
    functions that build one and return `Any`.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.AnnAssign | ast.arg) and node.annotation is not None:
            name = node.arg if isinstance(node, ast.arg) else ast.unparse(node.target).rpartition(".")[2]
            if name.strip("_") in NAMES and _is_any(node.annotation):
                yield name
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.returns is not None:
            named = {node.name.strip("_"), node.name.strip("_").removesuffix("s")}
            if named & {*NAMES, "build", "new", "typed"} and _is_any(node.returns):
                yield f"{node.name}()"


def _is_any(annotation: ast.expr) -> bool:
    """A plugin's object is `Any`, `list[Any]`, `BuiltComponent[Any]`, …. A mapping's values are data, and the `Any` in
    a declaration, `Component[Any, …]`, stands for its options.
    """
    if isinstance(annotation, ast.Subscript):
        return ast.unparse(annotation.value) not in {"Mapping", "dict", "Component"} and _is_any(annotation.slice)
    if isinstance(annotation, ast.Tuple):
        return any(map(_is_any, annotation.elts))
    return isinstance(annotation, ast.Name) and annotation.id == "Any"


FILES = [file for folder in CALLERS for file in sorted((CORE / folder).rglob("*.py"))]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(CORE).as_posix())
def test_no_member_of_a_plugin_s_object_is_looked_up_by_name(file: Path):
    name = file.relative_to(CORE).as_posix()
    assert [found for found in lookups(ast.parse(file.read_text("utf-8"))) if (name, found) not in ALLOWED] == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(CORE).as_posix())
def test_no_object_of_a_plugin_is_untyped(file: Path):
    assert list(untyped(ast.parse(file.read_text("utf-8")))) == []


def test_every_exception_to_the_rule_is_still_needed():
    for file, name in ALLOWED:
        assert name in {*lookups(ast.parse((CORE / file).read_text("utf-8")))}, (file, name)


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("provider: Any", ["provider"]),
        ("def f(sink: Any): ...", ["sink"]),
        ("def build(part) -> Any: ...", ["build()"]),
        ("def observers(self) -> list[tuple[str, Any]]: ...", ["observers()"]),
        ("class A:\n    journal: BuiltComponent[Any]", ["journal"]),
        ("database: Mapping[str, Any]\nvalue: Any", []),
    ],
)
def test_an_untyped_object_is_found(code: str, found: list[str]):
    assert list(untyped(ast.parse(code))) == found


@pytest.mark.parametrize("code", ["getattr(sink, 'publish', None)", "map(hasattr, parts)", "if hasattr(a, 'b'): ..."])
def test_a_lookup_is_found(code: str):
    assert len(list(lookups(ast.parse(code)))) == 1


def test_the_members_of_a_kind_come_from_its_protocol():
    assert kinds.SINK.members == ("aclose", "apply", "check", "identity")
    assert kinds.PROVIDER.members == ("aclose", "capabilities", "complete", "limit_key")
    assert kinds.OBSERVER.members == ("identity", "on_event")
    assert {kind.name for kind in vars(kinds).values() if isinstance(kind, kinds.ComponentKind)} == {*kinds.KINDS}
