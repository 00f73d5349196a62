"""The imports of a Python file, found without running it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Import:
    """target: `package.module.name`, or with leading dots if relative. lazy: not executed when the file is imported."""

    file: Path
    line: int
    target: str
    lazy: bool

    @property
    def top(self) -> str:
        return self.target.partition(".")[0]

    def is_of(self, *modules: str) -> bool:
        """Whether it is one of `modules` or something in it."""
        return any(self.target == module or self.target.startswith(f"{module}.") for module in modules)

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: imports {self.target}"


def imports_of(file: Path) -> list[Import]:
    return list(_walk(ast.parse(file.read_bytes(), filename=str(file)), file, lazy=False))


def _walk(node: ast.AST, file: Path, *, lazy: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            for alias in child.names:
                yield Import(file, child.lineno, alias.name, lazy)
        elif isinstance(child, ast.ImportFrom):
            origin = "." * child.level + (child.module or "")
            for alias in child.names:
                yield Import(file, child.lineno, f"{origin}.{alias.name}", lazy)
        else:
            yield from _walk(child, file, lazy=lazy or _is_deferred(child))


def _is_deferred(node: ast.AST) -> bool:
    if isinstance(node, ast.If):
        return "TYPE_CHECKING" in ast.unparse(node.test)
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
