from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import pluggy
import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from querygen_core.api import API, Component, Hooks, Options
from querygen_core.testing.imports import imports_of

KINDS = tuple(name for name in vars(Hooks) if name.startswith("querygen_"))

ALLOWED = re.compile(r"querygen_core|pydantic\w*|pluggy|annotated_types|typing_\w+|_sysconfigdata.*")
"""What a declaration may import besides the standard library and its own package."""

_DECLARE = """
import json, pluggy, sys
sys.path[:] = json.loads(sys.argv[2])
from querygen_core.api import Hooks
before = set(sys.modules)
module = __import__(sys.argv[1], fromlist=["*"])
manager = pluggy.PluginManager("querygen")
manager.add_hookspecs(Hooks)
manager.register(module)
declared = [list(components) for caller in vars(manager.hook).values() for components in caller()]
print(json.dumps(sorted(set(sys.modules) - before)))
"""


class PluginContract:
    """Checks that a plugin declares its components completely, and without importing what they need.

    class TestPlugin(PluginContract):
        package = "querygen_example"
    """

    package: ClassVar[str]
    """The module that the entry point names. The plugin must be installed; `pip install -e` will do."""

    libraries: ClassVar[frozenset[str]] = frozenset()
    """Packages of other querygen distributions that the plugin imports although they may not be installed."""

    def test_is_an_entry_point(self) -> None:
        assert self.entry_point().name.replace("-", "").isalnum()

    def test_says_which_interface_it_was_written_for(self) -> None:
        assert getattr(self.module(), "querygen_api", None) == API, f"{self.package} needs `querygen_api = {API}`"

    def test_declaring_imports_nothing_heavy(self) -> None:
        """In a new interpreter, because another test may have imported the SDK already."""
        command = [sys.executable, "-c", _DECLARE, self.package, json.dumps(sys.path)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603 - ours
        assert done.returncode == 0, done.stderr
        tops = {name.partition(".")[0] for name in json.loads(done.stdout)}
        strangers = tops - sys.stdlib_module_names - {self.package.partition(".")[0]}
        heavy = {name for name in strangers if not ALLOWED.fullmatch(name)}
        assert not heavy, (
            f"importing {self.package} imports {sorted(heavy)}: import it in a module that `build_…` imports"
        )

    def test_every_hook_is_known_and_marked(self) -> None:
        functions = {
            name for name, value in vars(self.module()).items() if re.match("querygen_", name) and callable(value)
        }
        unknown = functions - set(KINDS)
        assert not unknown, f"{sorted(unknown)} is not a hook; the hooks are {', '.join(KINDS)}"
        unmarked = {name for name in functions if not hasattr(getattr(self.module(), name), "querygen_impl")}
        assert not unmarked, f"{sorted(unmarked)}: put @hookimpl above the function"

    def test_components_have_a_name_and_a_summary(self) -> None:
        seen = set()
        for kind, component in self.components():
            assert isinstance(component, Component), f"{kind} returns {component!r}, not a Component"
            assert re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", component.name), (
                f"{component.name!r} cannot name a component: use lower-case words joined by dashes"
            )
            assert (kind, component.name) not in seen, f"two {kind} are called {component.name!r}"
            assert re.fullmatch(r"\S.*", component.summary), f"{component.name} needs a summary: one line"
            assert callable(component.build)
            seen.add((kind, component.name))
        assert seen, f"{self.package} declares no component"

    def test_options_are_strict_and_described(self) -> None:
        for kind, component in self.components():
            assert issubclass(component.options, Options), f"{component.name}: options must be a subclass of Options"
            _check_model(component.options)
            strangers = component.options.not_in_key - set(component.options.model_fields)
            assert not strangers, f"{component.name}: not_in_key names {sorted(strangers)}, which are not options of it"
            component.options.model_json_schema()
            if kind in ("querygen_secrets", "querygen_storages"):
                component.options()

    def test_imports_only_the_interface(self) -> None:
        """Other modules of querygen may change in any release; other plugins may not be installed."""
        own = self.package.partition(".")[0]
        wrong = [
            item
            for file in self.files()
            for item in imports_of(file)
            if item.top.startswith("querygen_")
            and item.top not in {own, *self.libraries}
            and not item.is_of("querygen_core.api", "querygen_core.formats")
        ]
        assert not wrong, "import querygen_core.api or querygen_core.formats instead:\n" + "\n".join(map(str, wrong))

    def test_readme_names_every_component(self) -> None:
        """Only in a Git checkout: an installed wheel has no README beside it."""
        folder = self._distribution()
        tracked = any((parent / ".git").exists() for parent in (folder, *folder.parents))
        if not tracked or not (folder / "pyproject.toml").exists():
            pytest.skip("not in a checkout")
        readme = folder / "README.md"
        assert readme.exists(), f"{folder} has no README.md"
        text = readme.read_text(encoding="utf-8")
        names = {f"{self.entry_point().name}/{component.name}" for _, component in self.components()}
        missing = sorted(name for name in names if name not in text)
        assert not missing, (
            f"{readme} does not mention {missing}: say what each component does and how a config uses it"
        )

    def module(self) -> ModuleType:
        return import_module(self.package)

    def entry_point(self) -> EntryPoint:
        points = [point for point in entry_points(group="querygen") if point.module == self.package]
        assert len(points) == 1, (
            f"{len(points)} entry points in group `querygen` name {self.package}; install it with: pip install -e ."
        )
        return points[0]

    def components(self) -> Iterator[tuple[str, Component[Any, Any]]]:
        """Every component with the hook that declares it."""
        manager = pluggy.PluginManager("querygen")
        manager.add_hookspecs(Hooks)
        manager.register(self.module())
        for kind in KINDS:
            for declared in getattr(manager.hook, kind)():
                yield from ((kind, component) for component in declared)

    def files(self) -> list[Path]:
        module = self.module()
        file = Path(module.__file__ or "")
        return sorted(file.parent.rglob("*.py")) if hasattr(module, "__path__") else [file]

    def _distribution(self) -> Path:
        top = import_module(self.package.partition(".")[0])
        folder = Path(top.__file__ or "").resolve().parent
        return folder.parent if hasattr(top, "__path__") else folder


def _check_model(model: type[BaseModel]) -> None:
    where = f"{model.__module__}.{model.__qualname__}"
    assert model.model_config.get("extra") == "forbid", f'{where} must refuse unknown keys: extra="forbid"'
    assert model.model_config.get("frozen"), f"{where} must be frozen"
    for name, field in model.model_fields.items():
        assert (field.description or "").strip(), f"{where}.{name} needs Field(description=...)"
        for nested in _models_in(field):
            _check_model(nested)


def _models_in(field: FieldInfo) -> Iterator[type[BaseModel]]:
    pending: list[Any] = [field.annotation]
    while pending:
        part = pending.pop()
        if isinstance(part, type) and issubclass(part, BaseModel):
            yield part
        pending.extend(getattr(part, "__args__", ()))
