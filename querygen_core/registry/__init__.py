"""From entry points to components: the installed plugins, their declarations, and the objects that they build."""

from querygen_core.registry.built import BuiltComponent, GuardedResolver, build_component
from querygen_core.registry.declarations import Plugin, Registered
from querygen_core.registry.guard import PluginGuard
from querygen_core.registry.kinds import ComponentKind, Kind
from querygen_core.registry.registry import Registry

__all__ = [
    "BuiltComponent",
    "ComponentKind",
    "GuardedResolver",
    "Kind",
    "Plugin",
    "PluginGuard",
    "Registered",
    "Registry",
    "build_component",
]
