"""A plugin module's declarations, checked before anything of the plugin is used."""

from __future__ import annotations

import inspect
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import pluggy

from querygen_core import __version__
from querygen_core.api import API, Component, Hooks, Options
from querygen_core.contracts.errors import InputError, PluginError
from querygen_core.registry.guard import PluginGuard
from querygen_core.registry.kinds import KINDS, Kind, noun_of
from querygen_core.strict_yaml.suggest import did_you_mean

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_HOOKS = frozenset(f"querygen_{kind}s" for kind in KINDS)


@dataclass(frozen=True, slots=True)
class Plugin:
    """An installed plugin."""

    name: str
    """Its entry point, the first half of `use: plugin/component`."""
    distribution: str
    """The distribution that declares the entry point."""
    version: str
    """The distribution's version, "" if unknown."""

    def __str__(self) -> str:
        return f"plugin {self.name!r} ({self.distribution} {self.version})"


@dataclass(frozen=True, slots=True)
class Registered:
    """A component and the plugin that declares it."""

    component: Component[Any, object]
    """The declaration. Its options type is known at run time only, hence `Any`."""
    plugin: str
    """The name of the plugin's entry point."""
    distribution: str
    """The plugin's distribution."""
    version: str
    """The distribution's version; part of outcome keys."""
    kind: Kind
    """The hook that returned it."""
    package: str
    """The top package of the plugin's code."""

    @property
    def use(self) -> str:
        """`plugin/component`, as a config names it."""
        return f"{self.plugin}/{self.component.name}"

    def guard(
        self, error: type[PluginError | InputError] = PluginError, *, failed: str = "failed", path: str = ""
    ) -> PluginGuard:
        """The guard for calls of this component; see `PluginGuard`. path: its place in the config, for messages."""
        label = f"{noun_of(self.kind)} {self.use!r} ({self.distribution} {self.version})"
        return PluginGuard(
            f"{path}: {label}" if path else label,
            self.package,
            failed,
            error,
            is_secret=self.kind == "secret",
            use=self.use,
        )


def read_declarations(module: object, plugin: Plugin) -> tuple[Registered, ...]:
    """Every component that a plugin module declares.

    Raises:
        PluginError: it is of another major, or breaks a rule of declaring; the message names it with its version.
    """
    _check_major(module, plugin)
    _check_hooks(module, plugin)
    # One manager per plugin, so that a broken plugin cannot affect the hooks of another.
    manager = pluggy.PluginManager("querygen")
    manager.add_hookspecs(Hooks)
    try:
        manager.register(module, name=plugin.name)
        manager.check_pending()
    except pluggy.PluginValidationError as exc:
        raise PluginError(f"{plugin} declares a hook wrongly: {' '.join(str(exc).split())}") from None
    package = (module.__name__ if isinstance(module, ModuleType) else type(module).__module__).partition(".")[0]
    registered = [
        _register(item, kind, plugin, package) for kind in KINDS for item in _declared(manager, kind, plugin, package)
    ]
    for (kind, use), count in Counter((item.kind, item.use) for item in registered).items():
        if count > 1:
            raise PluginError(f"{plugin} declares the {kind} {use!r} {count} times")
    return tuple(registered)


def _check_major(module: object, plugin: Plugin) -> None:
    major = getattr(module, "querygen_api", 1)
    if major != API:
        raise PluginError(
            f"{plugin} was written for plugin interface {major!r}, but querygen {__version__} has {API}; "
            f"install a release of {plugin.distribution} for interface {API}"
        )


def _check_hooks(module: object, plugin: Plugin) -> None:
    """For what pluggy lets pass or only names: a hook without `@hookimpl`, a misspelt one."""
    for name, function in inspect.getmembers(module, inspect.isroutine):
        marked = hasattr(function, "querygen_impl")
        if (marked or name.startswith("querygen_")) and name not in _HOOKS:
            raise PluginError(f"{plugin} declares an unknown hook {name!r}{did_you_mean(name, _HOOKS)}")
        if name in _HOOKS and not marked:
            raise PluginError(f"{plugin} declares {name} without @hookimpl")


def _declared(manager: pluggy.PluginManager, kind: Kind, plugin: Plugin, package: str) -> Iterator[object]:
    hook = f"querygen_{kind}s"
    guard = PluginGuard(f"{plugin}: {hook}", package, passes=())
    # Not by calling the hook: pluggy passes over an implementation that returns None.
    for implementation in getattr(manager.hook, hook).get_hookimpls():
        with guard:
            declared: object = implementation.function()
        if not isinstance(declared, Iterable):
            raise PluginError(f"{plugin}: {hook} returned {type(declared).__name__}, not a list of Component")
        # Listed within the guard, because a generator runs the plugin's code only now.
        with guard:
            items = list(declared)
        yield from items


def _register(item: object, kind: Kind, plugin: Plugin, package: str) -> Registered:
    if not isinstance(item, Component):
        raise PluginError(f"{plugin}: querygen_{kind}s returned {type(item).__name__}, not a Component")
    name: object = item.name
    options: object = item.options
    if not (isinstance(name, str) and _NAME.fullmatch(name)):
        raise PluginError(f"{plugin} declares the {kind} {name!r}; a name is lower-case words joined by '-'")
    if not (isinstance(options, type) and issubclass(options, Options)):
        raise PluginError(f"{plugin}: the options of {name!r} are not a subclass of querygen_core.api.Options")
    return Registered(item, plugin.name, plugin.distribution, plugin.version, kind, package)
