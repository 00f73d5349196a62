"""Plugins are loaded when they are named; what is wrong with one is said with its name, version and cause."""

from __future__ import annotations

import logging
import subprocess
import sys
from types import SimpleNamespace

import pytest

from querygen_core.api import API, Component, Options, hookimpl
from querygen_core.contracts.errors import ConfigError, PluginError
from querygen_core.registry import Plugin, Registry
from tests.demo_plugin import Demo, registry

COMPONENT = Component("thing", Options, print, "A thing.")

GOOD = """
from querygen_core.api import Component, Options, hookimpl

@hookimpl
def querygen_sinks():
    return [Component("good", Options, print, "Good.")]
"""


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Installs a distribution of one module with one entry point, as pip would."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))

    def install(distribution, version, name, code, *, metadata=""):
        module = f"installed_{distribution.replace('-', '_')}_{tmp_path.name}"
        info = site / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n{metadata}")
        (info / "entry_points.txt").write_text(f"[querygen]\n{name} = {module}\n")
        (site / f"{module}.py").write_text(code)
        return module

    return install


def refusal(action, *arguments) -> str:
    with pytest.raises(PluginError) as caught:
        action(*arguments)
    message = str(caught.value)
    assert "\n" not in message, "a user sees one line, no traceback"
    return message


def declare(**hooks) -> str:
    """Why a plugin with these hooks is refused."""
    return refusal(Registry().register, SimpleNamespace(**hooks), "bad", "querygen-bad", "0.3")


def list_nothing():
    return []


def hook(name, result):
    def declared():
        if isinstance(result, Exception):
            raise result
        return result

    declared.__name__ = name
    return {name: hookimpl(declared)}


def test_a_component_comes_with_its_origin():
    registered = registry().component("sink", "demo/table")
    assert (registered.use, registered.plugin, registered.distribution, registered.version, registered.kind) == (
        "demo/table",
        "demo",
        "querygen-demo",
        "1.2",
        "sink",
    )


def test_core_is_a_plugin_like_any_other():
    uses = {(one.kind, one.use) for one in Registry().components("core")}
    assert uses == {
        ("generator", "core/prompt"),
        ("secret", "core/env"),
        ("secret", "core/file"),
        ("storage", "core/file"),
    }
    assert Registry().component("secret", "core/file").component is not Registry().component("storage", "core/file")


@pytest.mark.parametrize(
    ("kind", "use", "message"),
    [
        ("sink", "demo/tabel", "'demo/tabel' is not a sink; did you mean 'demo/table'?"),
        ("sink", "demo/catalogue", "'demo/catalogue' is an input, not a sink"),
        ("input", "demo/filter", "'demo/filter' is a postprocessor and a preprocessor, not an input"),
        ("input", "demo/zzz", "'demo/zzz' is not an input; plugin 'demo' has demo/catalogue"),
        ("sink", "core/zzz", "'core/zzz' is not a sink; plugin 'core' has no sinks"),
        ("secret", "core/enf", "'core/enf' is not a secret resolver; did you mean 'core/env'?"),
        ("sink", "dmeo/table", "plugin 'dmeo' is not installed; did you mean 'demo'?"),
        ("sink", "table", "'table' should be 'plugin/component', such as 'files/jsonl'"),
        ("sink", "demo/", "'demo/' should be 'plugin/component', such as 'files/jsonl'"),
        ("sink", "/table", "'/table' should be 'plugin/component', such as 'files/jsonl'"),
    ],
)
def test_what_is_not_there_is_said_with_what_was_meant(kind, use, message):
    assert refusal(registry().component, kind, use) == message


def test_an_unknown_plugin_is_said_with_those_that_are_there():
    message = refusal(registry().component, "sink", "quite-unknown/x")
    assert message.startswith("plugin 'quite-unknown' is not installed; installed are aws, core, demo")


def test_a_plugin_that_is_an_extra_is_said_how_to_install(install):
    install("querygen", "9", "core", GOOD, metadata="Provides-Extra: kafka\nProvides-Extra: all\n")
    assert refusal(Registry().components, "kafka") == (
        "plugin 'kafka' is not installed (try: pip install 'querygen[kafka]')"
    )
    assert refusal(Registry().components, "kafak") == "plugin 'kafak' is not installed; did you mean 'kafka'?"
    assert "pip install" not in refusal(Registry().components, "all")


def test_an_installed_plugin_is_found_and_loaded_only_when_named(install):
    module = install("querygen-good", "1.5", "good", GOOD)
    found = Registry()
    assert Plugin("good", "querygen-good", "1.5") in found.installed()
    assert module not in sys.modules
    assert found.component("sink", "good/good").version == "1.5"
    assert module in sys.modules


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        ("import no_such_sdk", "ModuleNotFoundError: No module named 'no_such_sdk'"),
        ("raise RuntimeError('two\\nlines')", "RuntimeError: two lines"),
        ("import sys; sys.exit('bye')", "SystemExit: bye"),
        ("def", "SyntaxError: "),
    ],
)
def test_a_plugin_that_cannot_be_imported_stops_only_who_names_it(install, code, cause):
    install("querygen-broken", "2.0", "broken", code)
    found = Registry()
    assert found.component("storage", "core/file")
    for _ in range(2):
        message = refusal(found.component, "sink", "broken/x")
        assert message.startswith(f"plugin 'broken' (querygen-broken 2.0) cannot be imported: {cause}")


def test_a_plugin_that_cannot_be_imported_is_tried_once(install):
    install("querygen-broken", "2.0", "broken", "import os\nos.mkdir('tried')\nos.nothing")
    found = Registry()
    reasons = {refusal(found.components, "broken") for _ in range(3)}
    assert len(reasons) == 1
    assert "AttributeError" in reasons.pop()


def test_two_distributions_with_one_name_are_both_named(install):
    install("querygen-one", "1.0", "twice", GOOD)
    install("querygen-two", "2.0", "twice", GOOD)
    message = refusal(Registry().components, "twice")
    assert message.startswith("plugin 'twice' is declared by querygen-")
    assert "querygen-one 1.0" in message
    assert "querygen-two 2.0" in message
    assert Registry().components("core")
    assert [plugin.name for plugin in Registry().installed()].count("twice") == 2


def test_another_major_is_refused_and_both_are_named():
    message = declare(querygen_api=API + 1)
    assert message.startswith(
        f"plugin 'bad' (querygen-bad 0.3) was written for plugin interface {API + 1}, but querygen"
    )
    assert f"has {API};" in message
    Registry().register(SimpleNamespace(), "old", "querygen-old", "0.1")


@pytest.mark.parametrize(
    ("hooks", "message"),
    [
        (hook("querygen_sniks", []), "declares an unknown hook 'querygen_sniks'; did you mean 'querygen_sinks'?"),
        ({"querygen_snik": list_nothing}, "declares an unknown hook 'querygen_snik'; did you mean 'querygen_sinks'?"),
        ({"querygen_sinks": list_nothing}, "declares querygen_sinks without @hookimpl"),
        (hook("querygen_sinks", 5), ": querygen_sinks returned int, not a list of Component"),
        (hook("querygen_sinks", None), ": querygen_sinks returned NoneType, not a list of Component"),
        (hook("querygen_sinks", ["x"]), ": querygen_sinks returned str, not a Component"),
        (hook("querygen_sinks", ValueError("a\nb")), ": querygen_sinks failed: ValueError: a b"),
        (hook("querygen_sinks", [COMPONENT, COMPONENT]), "declares the sink 'bad/thing' 2 times"),
        (
            hook("querygen_sinks", [Component("Thing", Options, print, "")]),
            "declares the sink 'Thing'; a name is lower-case words joined by '-'",
        ),
        (
            hook("querygen_sinks", [Component("thing", dict, print, "")]),
            ": the options of 'thing' are not a subclass of querygen_core.api.Options",
        ),
    ],
)
def test_a_wrong_declaration_is_refused(hooks, message):
    refused = declare(**hooks)
    assert refused.startswith("plugin 'bad' (querygen-bad 0.3)")
    assert refused.endswith(message)


def test_a_hook_that_wants_arguments_is_refused():
    def querygen_sinks(config):
        return [config]

    message = declare(querygen_sinks=hookimpl(querygen_sinks))
    assert "declares a hook wrongly" in message
    assert "config" in message
    assert "\n" not in message


def test_one_name_may_serve_two_kinds():
    found = Registry()
    plugin = SimpleNamespace(**hook("querygen_sinks", [COMPONENT]), **hook("querygen_observers", [COMPONENT]))
    found.register(plugin, "both", "querygen-both", "1")
    assert found.component("sink", "both/thing").kind == "sink"
    assert found.component("observer", "both/thing").kind == "observer"


def test_a_storage_is_built_once():
    found = registry()
    assert found.storage("demo") is found.storage("demo")


def test_a_storage_is_looked_for_in_every_plugin_and_broken_ones_are_left_out(install, caplog):
    install("querygen-broken", "2.0", "a-broken", "import no_such_sdk")
    built = "lambda *_: SimpleNamespace(open=print, list=len)"
    code = f"from types import SimpleNamespace\n{GOOD.replace('sinks', 'storages').replace('print', built)}"
    install("querygen-store", "1", "store", code)
    with caplog.at_level(logging.WARNING):
        assert Registry().storage("good").list is len
        with pytest.raises(ConfigError, match="no installed plugin reads 'nope://'"):
            Registry().storage("nope")
    assert "skipped a plugin: plugin 'a-broken' (querygen-broken 2.0) cannot be imported" in caplog.text


def test_a_storage_that_cannot_be_built_is_named():
    def break_down(_options, _context):
        raise RuntimeError("no\nluck")

    found = Registry()
    plugin = SimpleNamespace(**hook("querygen_storages", [Component("bad", Options, break_down, "")]))
    found.register(plugin, "bad", "querygen-bad", "1")
    expected = "storage 'bad/bad' (querygen-bad 1) cannot be built: RuntimeError: no luck"
    assert refusal(found.storage, "bad") == expected


def test_a_storage_that_lacks_a_member_is_refused():
    found = Registry()
    half = Component("half", Options, lambda *_: SimpleNamespace(open=print), "")
    found.register(SimpleNamespace(**hook("querygen_storages", [half])), "bad", "querygen-bad", "1")
    expected = "storage 'bad/half' (querygen-bad 1) broke its contract: it has no 'list'"
    assert refusal(found.storage, "half") == expected


def test_importing_config_and_loading_core_imports_no_plugin_and_no_template_engine():
    code = """
import sys
import querygen_core.config, querygen_core.registry
assert "querygen_core.builtin" not in sys.modules
querygen_core.registry.Registry().installed()
querygen_core.registry.Registry().component("storage", "core/file")
names = {name.partition(".")[0] for name in sys.modules}
assert not [name for name in names if name.startswith("querygen_") and name != "querygen_core"], names
assert not names & {"jinja2", "sqlite3", "rich"}, names
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_a_plain_object_is_a_plugin():
    assert {one.kind for one in registry().components("demo")} >= {"input", "sink", "provider", "storage"}
    assert registry().components("demo")[0].component in Demo().querygen_inputs()


def test_only_allowed_plugins_are_loaded(install):
    module = install("querygen-good", "1.0", "good", GOOD)
    plugins = Registry()
    plugins.allow(["goods"])
    assert refusal(plugins.component, "sink", "good/good") == (
        "plugin 'good' is not among the config's `plugins`; did you mean 'goods'?"
    )
    with pytest.raises(ConfigError, match="no plugin among the config's `plugins` reads 's3://'"):
        plugins.storage_of("s3")
    assert module not in sys.modules
    assert plugins.storage_of("file").plugin == "core", "which is always allowed"
    plugins.allow(["good"])
    assert plugins.component("sink", "good/good").plugin == "good"
