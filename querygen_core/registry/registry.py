"""From `plugin/name` to a component. Only the plugins that are asked for are loaded, when they are asked for.

A plugin that is asked for and cannot be loaded is an error with name, version and cause; one that nobody asked for
can never break a command.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path
from threading import RLock
from typing import TypeVar

from querygen_core.api import Context, KeepsObjects, Storage
from querygen_core.contracts.errors import ConfigError, PluginError
from querygen_core.registry.built import BuiltComponent, GuardedObjects, GuardedResolver, build_component
from querygen_core.registry.declarations import Plugin, Registered, read_declarations
from querygen_core.registry.guard import PluginGuard
from querygen_core.registry.kinds import SECRET, STORAGE, ComponentKind, Kind, noun_of
from querygen_core.strict_yaml.suggest import did_you_mean

GROUP = "querygen"
T = TypeVar("T")

_CORE = "core"
_ROOT = "querygen"
_NOT_PLUGINS = frozenset({"all", "embedded", "testing"})

_log = logging.getLogger("querygen.plugins")


class Registry:
    """The plugins of this process. Resolvers and storages, which have no options, are built here and shared."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        """environ: the environment that resolvers and storages see."""
        self._environ = environ
        self._allowed: frozenset[str] | None = None
        self._entry_points: dict[str, list[metadata.EntryPoint]] | None = None
        self._loaded: dict[str, tuple[Registered, ...] | PluginError] = {}
        self._resolvers: dict[tuple[str, Path], GuardedResolver] = {}
        self._storages: dict[tuple[str, Path], BuiltComponent[Storage]] = {}
        # Any thread may ask. Reentrant, since a resolver may use a storage.
        self._building = RLock()

    def allow(self, plugins: Iterable[str]) -> None:
        """From now on load no plugin but these and `core`."""
        self._allowed = frozenset({_CORE, *plugins})

    def component(self, kind: Kind, use: str) -> Registered:
        """The component of this kind called `use`, its plugin loaded.

        Raises:
            PluginError: there is no such plugin or component, with the nearest name; or it cannot be loaded.
        """
        plugin, slash, name = use.partition("/")
        if not (plugin and slash and name):
            raise PluginError(f"{use!r} should be 'plugin/component', such as 'files/jsonl'")
        components = self.components(plugin)
        for registered in components:
            if (registered.kind, registered.component.name) == (kind, name):
                return registered
        raise PluginError(_no_component(kind, use, components))

    def components(self, plugin: str) -> tuple[Registered, ...]:
        """Everything one plugin declares; loads it.

        Raises:
            PluginError: it is not installed, not allowed, or cannot be loaded.
        """
        if not self._allows(plugin):
            near = did_you_mean(plugin, self._allowed or ()) or "; add it there"
            raise PluginError(f"plugin {plugin!r} is not among the config's `plugins`{near}")
        if plugin not in self._loaded:
            try:
                self._loaded[plugin] = self._load(plugin)
            except PluginError as exc:
                self._loaded[plugin] = exc
        loaded = self._loaded[plugin]
        if isinstance(loaded, PluginError):
            # A new exception, because raising the stored one again would extend its traceback each time.
            raise PluginError(str(loaded))
        return loaded

    def installed(self) -> tuple[Plugin, ...]:
        """All installed plugins, sorted by name, without loading any; a name that two distributions use, twice."""
        return tuple(_plugin(entry) for name in sorted(self._entries()) for entry in self._entries()[name])

    def register(self, module: object, name: str, distribution: str, version: str) -> None:
        """Add a module, or any object with hooks, as a plugin that has no entry point."""
        self._loaded[name] = read_declarations(module, Plugin(name, distribution, version))

    def resolver(self, use: str, config_dir: Path = Path()) -> GuardedResolver:
        """The resolver behind `${secret:plugin/name:…}`; relative paths are also looked up in `config_dir`.

        One for all callers: a resolver may keep what it fetched.

        Raises:
            PluginError: see `component`.
        """
        with self._building:
            if (use, config_dir) not in self._resolvers:
                component = self._build(self.component("secret", use), SECRET, config_dir)
                self._resolvers[use, config_dir] = GuardedResolver.of(component)
            return self._resolvers[use, config_dir]

    def storage(self, scheme: str, config_dir: Path = Path()) -> Storage:
        """The storage that reads `scheme://…`: core's, else a loaded plugin's, else that of any installed plugin.

        Raises:
            ConfigError: there is none.
        """
        return self._storage(self.storage_of(scheme), config_dir).instance

    def object_store(self, url: str) -> KeepsObjects:
        """The storage of a URL's scheme as an object store, behind its guard.

        Raises:
            ConfigError: there is none, or it cannot write on conditions.
        """
        component = self._storage(self.storage_of(url.partition("://")[0]), Path())
        if not isinstance(component.instance, KeepsObjects):
            raise ConfigError(f"{component.use} cannot keep a journal, because it only reads: {url}")
        return GuardedObjects(component.instance, component.guard)

    def storage_of(self, scheme: str) -> Registered:
        """The storage of `scheme://…`, not built yet: core's, else a loaded plugin's, else any installed one's.

        Raises:
            ConfigError: there is none.
        """
        # Core first, so that reading a local file loads no plugin.
        for plugin in filter(self._allows, (_CORE, *self._loaded_names(), *sorted(self._entries()))):
            for registered in self._components_if_sound(plugin):
                if (registered.kind, registered.component.name) == ("storage", scheme):
                    return registered
        if self._allowed is not None:
            raise ConfigError(f"no plugin among the config's `plugins` reads '{scheme}://'; add the one that does")
        raise ConfigError(f"no installed plugin reads '{scheme}://'; install the one that does")

    def sound_components(self) -> tuple[Registered, ...]:
        """The components of all plugins; a plugin that cannot be loaded is left out with a warning."""
        names = {*self._entries(), *self._loaded_names()}
        return tuple(registered for name in sorted(names) for registered in self._components_if_sound(name))

    def _allows(self, plugin: str) -> bool:
        return self._allowed is None or plugin in self._allowed

    def _loaded_names(self) -> list[str]:
        return [name for name, loaded in self._loaded.items() if not isinstance(loaded, PluginError)]

    def _components_if_sound(self, plugin: str) -> Iterable[Registered]:
        try:
            return self.components(plugin)
        except PluginError as exc:
            _log.warning("skipped a plugin: %s", exc)
            return ()

    def _storage(self, registered: Registered, config_dir: Path) -> BuiltComponent[Storage]:
        key = registered.use, config_dir
        with self._building:
            if key not in self._storages:
                self._storages[key] = self._build(registered, STORAGE, config_dir)
            return self._storages[key]

    def _build(self, registered: Registered, kind: ComponentKind[T], config_dir: Path) -> BuiltComponent[T]:
        context = Context(
            job_id="", component=registered.use, state_dir=Path(), config_dir=config_dir, environ=self._environ
        )
        with registered.guard(failed="cannot be built"):
            options = registered.component.options()
        return build_component(registered, kind, options, context)

    def _entries(self) -> dict[str, list[metadata.EntryPoint]]:
        if self._entry_points is None:
            self._entry_points = {}
            for entry in metadata.entry_points(group=GROUP):
                self._entry_points.setdefault(entry.name, []).append(entry)
        return self._entry_points

    def _load(self, name: str) -> tuple[Registered, ...]:
        entries = self._entries().get(name, [])
        if not entries:
            raise PluginError(_not_installed(name, {*self._entries(), *self._loaded_names()}))
        plugins = [_plugin(entry) for entry in entries]
        if len(plugins) > 1:
            owners = " and ".join(f"{plugin.distribution} {plugin.version}" for plugin in plugins)
            raise PluginError(f"plugin {name!r} is declared by {owners}; uninstall one of them")
        package = entries[0].module.partition(".")[0]
        # No error passes: even querygen's own, raised by an import, is a defect of the plugin.
        with PluginGuard(str(plugins[0]), package, failed="cannot be imported", passes=()):
            module = entries[0].load()
        return read_declarations(module, plugins[0])


def _plugin(entry: metadata.EntryPoint) -> Plugin:
    if entry.dist is None:
        return Plugin(entry.name, "unknown distribution", "")
    return Plugin(entry.name, entry.dist.name, entry.dist.version)


def _not_installed(name: str, installed: set[str]) -> str:
    extras = _extras()
    if name in extras:
        return f"plugin {name!r} is not installed (try: pip install '{_ROOT}[{name}]')"
    near = did_you_mean(name, installed | extras)
    return f"plugin {name!r} is not installed{near or '; installed are ' + ', '.join(sorted(installed))}"


def _extras() -> frozenset[str]:
    try:
        names = metadata.metadata(_ROOT).get_all("Provides-Extra") or []
    except metadata.PackageNotFoundError:
        names = []
    return frozenset(names) - _NOT_PLUGINS


def _no_component(kind: Kind, use: str, components: Iterable[Registered]) -> str:
    same_kind = sorted(item.use for item in components if item.kind == kind)
    others = sorted({item.kind for item in components if item.use == use})
    if others:
        return f"{use!r} is {' and '.join(map(_a, others))}, not {_a(kind)}"
    plugin = use.partition("/")[0]
    known = f"; plugin {plugin!r} has {', '.join(same_kind) or f'no {noun_of(kind)}s'}"
    return f"{use!r} is not {_a(kind)}{did_you_mean(use, same_kind) or known}"


def _a(kind: Kind) -> str:
    noun = noun_of(kind)
    return f"{'an' if noun[0] in 'aio' else 'a'} {noun}"
