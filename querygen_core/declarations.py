"""What one plugin module declares, checked before anything of it is used."""

from __future__ import annotations

import inspect
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, get_args

import pluggy

from querygen_core import __version__
from querygen_core.api import API, Component, Hooks, Options
from querygen_core.errors import PluginError
from querygen_core.suggest import hint

Kind = Literal[
    "input",
    "preprocessor",
    "provider",
    "generator",
    "postprocessor",
    "sink",
    "observer",
    "journal",
    "secret",
    "storage",
    "submitter",
]
KINDS: tuple[Kind, ...] = get_args(Kind)

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_HOOKS = frozenset(f"querygen_{kind}s" for kind in KINDS)


@dataclass(frozen=True, slots=True)
class Plugin:
    """An installed plugin. name: its entry point, the first half of `use: plugin/component`."""

    name: str
    distribution: str
    version: str

    def __str__(self) -> str:
        return f"plugin {self.name!r} ({self.distribution} {self.version})"


@dataclass(frozen=True, slots=True)
class Registered:
    """A component and where it comes from. plugin: the entry point's name; version: of the distribution."""

    component: Component[Any, Any]
    plugin: str
    distribution: str
    version: str
    kind: Kind

    @property
    def use(self) -> str:
        return f"{self.plugin}/{self.component.name}"


def read_declarations(module: Any, plugin: Plugin) -> tuple[Registered, ...]:
    """Every component that a plugin module declares.

    Raises:
        PluginError: it is of another major, or breaks a rule of declaring; the message names it with its version.
    """
    _check_major(module, plugin)
    _check_hooks(module, plugin)
    manager = pluggy.PluginManager("querygen")
    manager.add_hookspecs(Hooks)
    try:
        manager.register(module, name=plugin.name)
        manager.check_pending()
    except pluggy.PluginValidationError as exc:
        raise PluginError(f"{plugin} declares a hook wrongly: {' '.join(str(exc).split())}") from None
    found = [_register(item, kind, plugin) for kind in KINDS for item in _declared(manager, kind, plugin)]
    for (kind, use), count in Counter((item.kind, item.use) for item in found).items():
        if count > 1:
            raise PluginError(f"{plugin} declares the {kind} {use!r} {count} times")
    return tuple(found)


def cause_of(error: BaseException) -> str:
    """Type and message in one line, without a traceback."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:500]


def _check_major(module: Any, plugin: Plugin) -> None:
    major = getattr(module, "querygen_api", 1)
    if major != API:
        raise PluginError(
            f"{plugin} was written for plugin interface {major!r}, but querygen {__version__} has {API}; "
            f"install a release of {plugin.distribution} for interface {API}"
        )


def _check_hooks(module: Any, plugin: Plugin) -> None:
    """For what pluggy lets pass or only names: a hook without `@hookimpl`, a misspelt one."""
    for name, function in inspect.getmembers(module, inspect.isroutine):
        marked = hasattr(function, "querygen_impl")
        if (marked or name.startswith("querygen_")) and name not in _HOOKS:
            raise PluginError(f"{plugin} declares an unknown hook {name!r}{hint(name, _HOOKS)}")
        if name in _HOOKS and not marked:
            raise PluginError(f"{plugin} declares {name} without @hookimpl")


def _declared(manager: pluggy.PluginManager, kind: Kind, plugin: Plugin) -> Iterator[object]:
    hook = f"querygen_{kind}s"
    try:
        # Not by calling the hook: pluggy passes over an implementation that returns None.
        for implementation in getattr(manager.hook, hook).get_hookimpls():
            declared = implementation.function()
            if not isinstance(declared, Iterable):
                raise TypeError(f"it returned {type(declared).__name__}, not a list of Component")  # noqa: TRY301
            yield from declared
    except (Exception, SystemExit) as exc:  # noqa: BLE001 - a plugin's code
        raise PluginError(f"{plugin}: {hook} failed: {cause_of(exc)}") from None


def _register(item: object, kind: Kind, plugin: Plugin) -> Registered:
    if not isinstance(item, Component):
        raise PluginError(f"{plugin}: querygen_{kind}s gave {type(item).__name__}, not a Component")
    name: object = item.name
    options: object = item.options
    if not (isinstance(name, str) and _NAME.fullmatch(name)):
        raise PluginError(f"{plugin} declares the {kind} {name!r}; a name is lower-case words joined by '-'")
    if not (isinstance(options, type) and issubclass(options, Options)):
        raise PluginError(f"{plugin}: the options of {name!r} are not a subclass of querygen_core.api.Options")
    return Registered(item, plugin.name, plugin.distribution, plugin.version, kind)
