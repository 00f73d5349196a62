"""From `plugin/name` to a component. Loads what is named, when it is named, and nothing else.

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
from typing import Any

from querygen_core.api import Context, SecretResolver, Storage
from querygen_core.declarations import Kind, Plugin, Registered, cause_of, read_declarations
from querygen_core.errors import ConfigError, PluginError, QuerygenError
from querygen_core.suggest import hint

__all__ = ["Kind", "Plugin", "Registered", "Registry"]

GROUP = "querygen"
_ROOT = "querygen"
_NOT_PLUGINS = frozenset({"all", "embedded", "testing"})

_log = logging.getLogger("querygen.plugins")


class Registry:
    """environ: what resolvers and storages see as the process's environment."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._environ = environ
        self._found: dict[str, list[metadata.EntryPoint]] | None = None
        self._loaded: dict[str, tuple[Registered, ...] | PluginError] = {}
        self._built: dict[tuple[str, Path], Any] = {}
        self._building = RLock()

    def component(self, kind: Kind, use: str) -> Registered:
        """The component of this kind called `use`, its plugin loaded.

        Raises:
            PluginError: no such plugin or component, with what was meant; or the plugin cannot be loaded.
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
            PluginError: it is not installed or cannot be loaded.
        """
        if plugin not in self._loaded:
            try:
                self._loaded[plugin] = self._load(plugin)
            except PluginError as exc:
                self._loaded[plugin] = exc
        loaded = self._loaded[plugin]
        if isinstance(loaded, PluginError):
            raise PluginError(str(loaded))
        return loaded

    def installed(self) -> tuple[Plugin, ...]:
        """All plugins that are installed, by name, none loaded. A name that is taken twice is there twice."""
        return tuple(_plugin(entry) for name in sorted(self._entries()) for entry in self._entries()[name])

    def register(self, module: Any, name: str, distribution: str, version: str) -> None:
        """Take a module, or any object with hooks, as a plugin without an entry point."""
        self._loaded[name] = read_declarations(module, Plugin(name, distribution, version))

    def resolver(self, use: str, config_dir: Path = Path()) -> SecretResolver:
        """The resolver behind `${secret:plugin/name:…}`; relative paths are also looked up in `config_dir`.

        Raises:
            PluginError: see `component`.
        """
        built: SecretResolver = self._build(self.component("secret", use), config_dir)
        return built

    def storage(self, scheme: str, config_dir: Path = Path()) -> Storage:
        """What reads `scheme://…`: of core, else of a plugin loaded already, else of any that is installed.

        Raises:
            ConfigError: nothing does.
        """
        for plugin in ("core", *self._loaded_names(), *sorted(self._entries())):
            for registered in self._components_if_sound(plugin):
                if (registered.kind, registered.component.name) == ("storage", scheme):
                    built: Storage = self._build(registered, config_dir)
                    return built
        raise ConfigError(f"no installed plugin reads '{scheme}://'; install the one that does")

    def sound_components(self) -> tuple[Registered, ...]:
        """Everything that every plugin declares; a plugin that cannot be loaded is left out with a warning."""
        names = {*self._entries(), *self._loaded_names()}
        return tuple(registered for name in sorted(names) for registered in self._components_if_sound(name))

    def _loaded_names(self) -> list[str]:
        return [name for name, loaded in self._loaded.items() if not isinstance(loaded, PluginError)]

    def _components_if_sound(self, plugin: str) -> Iterable[Registered]:
        try:
            return self.components(plugin)
        except PluginError as exc:
            _log.warning("left out: %s", exc)
            return ()

    def _build(self, registered: Registered, config_dir: Path) -> Any:
        """Once, whichever threads ask: a resolver may keep what it fetched."""
        key = f"{registered.kind} {registered.use}", config_dir
        with self._building:
            if key not in self._built:
                self._built[key] = self._new(registered, config_dir)
            return self._built[key]

    def _new(self, registered: Registered, config_dir: Path) -> Any:
        context = Context(
            job_id="", component=registered.use, state_dir=Path(), config_dir=config_dir, environ=self._environ
        )
        try:
            return registered.component.build(registered.component.options(), context)
        except QuerygenError:
            raise
        except Exception as exc:  # noqa: BLE001 - a plugin's code
            raise PluginError(f"{registered.use!r} cannot be built: {cause_of(exc)}") from None

    def _entries(self) -> dict[str, list[metadata.EntryPoint]]:
        if self._found is None:
            self._found = {}
            for entry in metadata.entry_points(group=GROUP):
                self._found.setdefault(entry.name, []).append(entry)
        return self._found

    def _load(self, name: str) -> tuple[Registered, ...]:
        entries = self._entries().get(name, [])
        if not entries:
            raise PluginError(_not_installed(name, {*self._entries(), *self._loaded_names()}))
        plugins = [_plugin(entry) for entry in entries]
        if len(plugins) > 1:
            owners = " and ".join(f"{plugin.distribution} {plugin.version}" for plugin in plugins)
            raise PluginError(f"plugin {name!r} is declared by {owners}; uninstall one of them")
        try:
            module = entries[0].load()
        except (Exception, SystemExit) as exc:  # noqa: BLE001 - a plugin's code
            raise PluginError(f"{plugins[0]} cannot be imported: {cause_of(exc)}") from None
        return read_declarations(module, plugins[0])


def _plugin(entry: metadata.EntryPoint) -> Plugin:
    if entry.dist is None:
        return Plugin(entry.name, "unknown distribution", "")
    return Plugin(entry.name, entry.dist.name, entry.dist.version)


def _not_installed(name: str, installed: set[str]) -> str:
    extras = _extras()
    if name in extras:
        return f"plugin {name!r} is not installed (try: pip install '{_ROOT}[{name}]')"
    near = hint(name, installed | extras)
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
    known = f"; {use.partition('/')[0]!r} has {', '.join(same_kind) or 'none'}"
    return f"{use!r} is not {_a(kind)}{hint(use, same_kind) or known}"


def _a(kind: Kind) -> str:
    word = "secret resolver" if kind == "secret" else kind
    return f"{'an' if word[0] in 'aio' else 'a'} {word}"
