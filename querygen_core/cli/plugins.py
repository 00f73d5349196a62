"""`querygen plugins`: lists and describes the installed plugins."""

from __future__ import annotations

import argparse
import json
from typing import Any

from querygen_core.cli.component_info import component_lines
from querygen_core.cli.main import print_result
from querygen_core.contracts.errors import Exit, PluginError, UsageError
from querygen_core.registry import Registry


def list_plugins(arguments: argparse.Namespace) -> int:
    """List the components of every installed plugin. A plugin that cannot be loaded is one row with the reason."""
    rows = [row for plugin in Registry().installed() for row in _rows(plugin.name)]
    if arguments.json:
        print_result(json.dumps(rows, ensure_ascii=False))
        return Exit.DONE
    for row in rows:
        print_result(f"{row['use']:<24} {row['kind']:<15} {row['summary']}")
    return Exit.DONE


def _rows(plugin: str) -> list[dict[str, Any]]:
    try:
        components = Registry().components(plugin)
    except PluginError as exc:
        return [{"use": plugin, "kind": "broken", "summary": str(exc), "distribution": "", "version": ""}]
    return [
        {
            "use": registered.use,
            "kind": registered.kind,
            "summary": registered.component.summary,
            "distribution": registered.distribution,
            "version": registered.version,
        }
        for registered in components
    ]


def info(arguments: argparse.Namespace) -> int:
    plugin, _, name = arguments.name.partition("/")
    components = [item for item in Registry().components(plugin) if name in ("", item.component.name)]
    if not components:
        message = f"plugin {plugin!r} has no component {name!r}; `querygen plugins info {plugin}` lists its components"
        raise UsageError(message)
    print_result(f"{plugin}: {components[0].distribution} {components[0].version}")
    for registered in components:
        print_result("")
        print_result("\n".join(component_lines(registered, with_common_keys=bool(name))))
    return Exit.DONE
