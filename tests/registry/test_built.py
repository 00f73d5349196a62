"""A component is built once, checked against its kind, and its abilities are known from then on."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from querygen_core.api import Component, Options, SecretResolver
from querygen_core.contracts.errors import PluginError
from querygen_core.registry import BuiltComponent, GuardedResolver, Registered, build_component
from querygen_core.registry.kinds import INPUT, OBSERVER, SECRET, SINK, ComponentKind
from querygen_core.testing import context

SINK_MEMBERS = dict.fromkeys(("identity", "check", "apply", "aclose"), print)
DATABASE_MEMBERS = dict.fromkeys(("identity", "init", "inspect", "query"), print)


def build(folder: Path, kind: ComponentKind[Any], instance: object, path: str = "") -> BuiltComponent[Any]:
    component = Component("part", Options, lambda *_: instance, "-")
    registered = Registered(component, "shop", "querygen-shop", "1.2", kind.name, "querygen_shop")
    return build_component(registered, kind, Options(), context(folder), path=path)


def test_a_minimal_object_has_no_abilities(tmp_path: Path):
    observer = SimpleNamespace(identity="x", on_event=print)
    built = build(tmp_path, OBSERVER, observer)
    assert built.instance is observer
    assert (built.checkable, built.closable, built.database) == (None, None, None)


def test_abilities_are_found_by_their_members(tmp_path: Path):
    database = SimpleNamespace(**DATABASE_MEMBERS)
    sink = SimpleNamespace(**SINK_MEMBERS, database=database)
    built = build(tmp_path, SINK, sink)
    assert built.checkable is built.closable is sink
    assert built.database is database
    assert build(tmp_path, SINK, SimpleNamespace(**SINK_MEMBERS, database=None)).database is None


@pytest.mark.parametrize("missing", SINK_MEMBERS)
def test_a_required_member_that_is_missing_is_named(tmp_path: Path, missing: str):
    sink = SimpleNamespace(**{name: member for name, member in SINK_MEMBERS.items() if name != missing})
    with pytest.raises(PluginError) as caught:
        build(tmp_path, SINK, sink, path="sinks[0]")
    label = "sinks[0]: sink 'shop/part' (querygen-shop 1.2)"
    assert str(caught.value) == f"{label} broke its contract: it has no {missing!r}"


@pytest.mark.parametrize("missing", DATABASE_MEMBERS)
def test_a_database_that_lacks_a_member_is_refused(tmp_path: Path, missing: str):
    members = {name: member for name, member in DATABASE_MEMBERS.items() if name != missing}
    with pytest.raises(PluginError, match=f"its database has no '{missing}'"):
        build(tmp_path, SINK, SimpleNamespace(**SINK_MEMBERS, database=SimpleNamespace(**members)))


def test_a_builder_that_returns_nothing_is_named(tmp_path: Path):
    with pytest.raises(PluginError, match=r"input 'shop/part' .* it has no 'read'"):
        build(tmp_path, INPUT, None)


def test_only_a_resolver_that_keeps_values_is_told_to_forget(tmp_path: Path):
    class Plain:
        def resolve(self, reference: str, field: str | None) -> str:
            return f"{reference}/{field}"

    class Caching(Plain):
        def __init__(self) -> None:
            self.forgotten: list[str] = []

        def forget(self, reference: str) -> None:
            self.forgotten.append(reference)

    def guarded(resolver: SecretResolver) -> GuardedResolver:
        return GuardedResolver.of(build(tmp_path, SECRET, resolver))

    caching = Caching()
    for resolver in map(guarded, (Plain(), caching)):
        assert resolver.resolve("key", "password") == "key/password"
        resolver.forget("key")
    assert caching.forgotten == ["key"]
