"""Objects of plugins that answer to names dynamically, or whose attributes fail, are named and never crash a run."""

from __future__ import annotations

import pytest

from querygen_core.api import Component, Context, InputError, Options, ProviderError, SinkError
from querygen_core.contracts.errors import PluginError
from querygen_core.registry import Registered
from querygen_core.registry.built import build_component
from querygen_core.registry.guard import cause_of
from querygen_core.registry.kinds import GENERATOR, INPUT, SINK
from querygen_core.testing import ListInput, MemorySink, context


class Proxy:
    """Hands every name on to another object, as a lazy wrapper does."""

    def __init__(self, target: object) -> None:
        self._target = target

    def __getattr__(self, name: str) -> object:
        return getattr(self._target, name)


class AnswersAll:
    def __getattr__(self, name: str) -> object:
        return AnswersAll()


class BadDatabase(ListInput):
    @property
    def database(self):
        raise ValueError("plain boom")


class BadText(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


def build(instance, kind, tmp_path):
    def make(_options: Options, _context: Context) -> object:
        return instance

    component = Component("odd", Options, make, "An odd object")
    registered = Registered(component, "odd", "querygen-odd", "9.9", kind.name, __name__.partition(".")[0])
    return build_component(registered, kind, Options(), context(tmp_path))


@pytest.mark.parametrize(("target", "kind"), [(ListInput([]), INPUT), (MemorySink(), SINK)], ids=["input", "sink"])
def test_a_proxy_has_the_members_of_its_target(target, kind, tmp_path):
    assert build(Proxy(target), kind, tmp_path).instance is not target


def test_an_object_that_answers_to_any_name_has_no_database_unless_its_kind_may(tmp_path):
    assert build(AnswersAll(), GENERATOR, tmp_path).database is None


def test_an_ability_that_fails_names_the_plugin(tmp_path):
    with pytest.raises(PluginError, match=r"odd/odd.*9\.9.*ValueError: plain boom"):
        build(BadDatabase([]), INPUT, tmp_path)


def test_an_exception_without_a_text_is_still_named():
    assert cause_of(BadText()) == "BadText: its message cannot be read"


@pytest.mark.parametrize(
    "make",
    [
        lambda: ProviderError("weird", "no"),
        lambda: SinkError("weird", "no"),
        lambda: InputError("no", kind="weird"),
    ],
    ids=["provider", "sink", "input"],
)
def test_a_misspelt_kind_of_error_is_refused_where_it_is_made(make):
    with pytest.raises(ValueError, match=r"unknown kind of error 'weird'; known kinds: .*retry"):
        make()
