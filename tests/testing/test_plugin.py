from __future__ import annotations

import sys

import pytest

from querygen_core.testing import PluginContract
from querygen_core.testing.imports import imports_of
from tests.testing.verdict import catches

RIGHT = """
from __future__ import annotations

import json
from pydantic import Field
from querygen_core.api import Component, Context, Options, Provider, hookimpl

querygen_api = 1


class ModelOptions(Options):
    not_in_key = frozenset({"timeout"})
    timeout: float = Field(10.0, description="seconds")


def build_model(options: ModelOptions, context: Context) -> Provider:
    import sqlalchemy_like_sdk

    return sqlalchemy_like_sdk.Model(options)


@hookimpl
def querygen_providers():
    return [Component("a-model", ModelOptions, build_model, "A model of no importance")]
"""

NESTED = """class Inner(BaseModel):
    colour: str


class ModelOptions(Options):
    inner: list[Inner] | None = Field(None, description="nested")
"""

WRONG = {
    "test_says_which_interface_it_was_written_for": [("querygen_api = 1", "querygen_api = 2")],
    "test_declaring_imports_nothing_heavy": [
        ("import json", "import yaml"),
        ("    return [Component", "    import yaml\n    return [Component"),
        ("import json", "import not_installed_at_all"),
    ],
    "test_every_hook_is_known_and_marked": [
        ("def querygen_providers", "def querygen_provider"),
        ("@hookimpl\n", ""),
    ],
    "test_components_have_a_name_and_a_summary": [
        ('"a-model"', '"A_Model"'),
        ('"A model of no importance"', '""'),
        ('"A model of no importance"', '"two\\nlines"'),
        ("return [Component", "return [] and [Component"),
        ('importance")]', 'importance")] * 2'),
    ],
    "test_options_are_strict_and_described": [
        (', description="seconds"', ""),
        ('{"timeout"}', '{"time_out"}'),
        ("    not_in_key", '    model_config = {"extra": "ignore"}\n    not_in_key'),
        ("class ModelOptions(Options):\n    not_in_key", "class ModelOptions(BaseModel):\n    not_in_key"),
        ("import Field", "import BaseModel, Field"),
    ],
    "test_imports_only_the_interface": [
        ("import json", "from querygen_core.contracts.records import Product"),
        ("    import sqlalchemy_like_sdk\n", "    from querygen_text import rules\n    import sqlalchemy_like_sdk\n"),
    ],
    "test_readme_names_every_component": [("# example/a-model", "# a model")],
    "test_is_an_entry_point": [("example = querygen_example", "example = querygen_other")],
}


def plant(folder, old="", new=""):
    """An installed plugin in `folder`, a checkout; `old` in any of its files is replaced by `new`."""
    source = RIGHT
    if new == "import BaseModel, Field":
        start, end = source.index("class ModelOptions"), source.index("def build_model")
        source = source[:start] + NESTED + "\n\n" + source[end:]
    files = {
        ".git": "",
        "pyproject.toml": "",
        "README.md": "# example/a-model\n",
        "querygen_example/__init__.py": source,
        "querygen_example/model.py": "",
        "querygen_example-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: querygen-example\nVersion: 1.0\n",
        "querygen_example-1.0.dist-info/entry_points.txt": "[querygen]\nexample = querygen_example\n",
    }
    assert not old or any(old in text for text in files.values()), f"nothing to replace: {old}"
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace(old, new) if old else text)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith("querygen_example")]:
        del sys.modules[name]


class Judged(PluginContract):
    """Not called `Test…`: pytest is not to collect it."""

    package = "querygen_example"


TESTS = sorted(name for name in dir(Judged) if name.startswith("test_"))


def test_every_test_has_a_wrong_plugin():
    assert set(WRONG) == set(TESTS)


@pytest.mark.parametrize("test", TESTS)
def test_a_right_plugin_passes(test, folder):
    plant(folder)
    getattr(Judged(), test)()


@pytest.mark.parametrize(("test", "change"), [(test, change) for test, changes in WRONG.items() for change in changes])
def test_a_wrong_plugin_is_caught(test, change, folder, tmp_path_factory):
    plant(folder, *change)
    assert catches(Judged, test, tmp_path_factory.mktemp("judged"))


def test_a_library_that_the_contract_names_may_be_imported(folder):
    class WithLibrary(Judged):
        libraries = frozenset({"querygen_library"})

    plant(folder)
    model = folder / "querygen_example" / "model.py"
    model.write_text(f"{model.read_text()}\nimport querygen_library\n")
    WithLibrary().test_imports_only_the_interface()
    with pytest.raises(AssertionError, match="querygen_library"):
        Judged().test_imports_only_the_interface()


@pytest.mark.parametrize("missing", [".git", "pyproject.toml"])
def test_a_plugin_of_one_file_outside_a_checkout_passes(missing, folder):
    """Without Git; or installed into an environment that lies in the checkout of something else."""
    plant(folder)
    module = folder / "querygen_example" / "__init__.py"
    module.rename(folder / "querygen_example.py")
    (folder / "querygen_example" / "model.py").unlink()
    (folder / "querygen_example").rmdir()
    for name in ("README.md", missing):
        (folder / name).unlink()
    for test in TESTS:
        if test == "test_readme_names_every_component":
            with pytest.raises(pytest.skip.Exception):
                getattr(Judged(), test)()
        else:
            getattr(Judged(), test)()


def test_imports_are_read_from_the_source(tmp_path):
    file = tmp_path / "module.py"
    file.write_text(
        "import os.path as path, json\n"
        "from a.b import c, d\n"
        "from . import e\n"
        "if TYPE_CHECKING:\n    import f\n"
        "try:\n    import g\nexcept ImportError:\n    pass\n"
        "class H:\n    import i\n    def j(self):\n        from k import l\n"
    )
    assert [(item.line, item.target, item.lazy) for item in imports_of(file)] == [
        (1, "os.path", False),
        (1, "json", False),
        (2, "a.b.c", False),
        (2, "a.b.d", False),
        (3, "..e", False),
        (5, "f", True),
        (7, "g", False),
        (11, "i", False),
        (13, "k.l", True),
    ]
    first = imports_of(file)[2]
    assert first.is_of("a.b.c")
    assert first.is_of("x", "a")
    assert not first.is_of("a.b.cc", "a.")
    assert str(first) == f"{file}:2: imports a.b.c"
