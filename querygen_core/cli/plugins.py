"""What can be used in a config, and how to make more of it."""

from __future__ import annotations

import argparse
import json
import keyword
import re
from pathlib import Path
from typing import Any

from querygen_core.api import Options
from querygen_core.errors import Exit, PluginError, UsageError
from querygen_core.registry import Registered, Registry

_TEMPLATE = "offline"
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_SKIPPED = {"__pycache__", ".pytest_cache", ".mypy_cache"}


def list_plugins(arguments: argparse.Namespace) -> int:
    """Every installed plugin with its components; one that is broken is said to be, and the others are listed."""
    rows = [row for plugin in Registry().installed() for row in _rows(plugin.name)]
    if arguments.json:
        print(json.dumps(rows, ensure_ascii=False))
        return Exit.DONE
    for row in rows:
        print(f"{row['use']:<24} {row['kind']:<15} {row['summary']}")
    return Exit.DONE


def _rows(plugin: str) -> list[dict[str, Any]]:
    try:
        components = Registry().components(plugin)
    except PluginError as exc:
        return [{"use": plugin, "kind": "broken", "summary": str(exc), "distribution": "", "version": ""}]
    return [
        {
            "use": one.use,
            "kind": one.kind,
            "summary": one.component.summary,
            "distribution": one.distribution,
            "version": one.version,
        }
        for one in components
    ]


def info(arguments: argparse.Namespace) -> int:
    plugin, _, component = arguments.name.partition("/")
    found = [one for one in Registry().components(plugin) if component in ("", one.component.name)]
    if not found:
        raise UsageError(f"plugin {plugin!r} has no component {component!r}; see: querygen plugins info {plugin}")
    print(f"{plugin}: {found[0].distribution} {found[0].version}")
    for one in found:
        print(f"\n{one.use}  ({one.kind})\n  {one.component.summary}")
        for line in option_lines(one):
            print(f"    {line}")
    return Exit.DONE


def option_lines(registered: Registered) -> list[str]:
    """One line per option: name, type, default, description."""
    options: type[Options] = registered.component.options
    properties = options.model_json_schema().get("properties", {})
    lines = []
    for name, field in options.model_fields.items():
        kind = properties.get(name, {}).get("type", "")
        default = "required" if field.is_required() else f"default {field.get_default(call_default_factory=True)!r}"
        lines.append(f"{name}: {kind}{', ' if kind else ''}{default}. {field.description}")
    return lines


def new(arguments: argparse.Namespace) -> int:
    """Copy the template plugin under another name."""
    name: str = arguments.name
    if not _NAME.fullmatch(name) or keyword.iskeyword(name):
        raise UsageError(f"{name!r} is no plugin name: lower-case letters, digits and single dashes, a letter first")
    target = Path(arguments.folder) if arguments.folder else _default_folder(name)
    if target.exists():
        raise UsageError(f"{target} is there already")
    _copy(_template(), target, name)
    if not (target.parent.parent / "pyproject.toml").is_file():
        _leave_workspace(target / "pyproject.toml")
    print(f"{target}: a provider plugin that works. Try it:")
    print(f"  pip install -e {target}")
    print(f"  querygen plugins info {name}")
    return Exit.DONE


def _default_folder(name: str) -> Path:
    return Path("plugins") / name if Path("plugins").is_dir() else Path(name)


def _template() -> Path:
    """The template in an installed wheel or, in a checkout, the plugin itself."""
    package = Path(__file__).parents[1]
    for folder in (package / "_template", package.parent / "plugins" / _TEMPLATE):
        if (folder / "pyproject.toml").is_file():
            return folder
    raise PluginError("the plugin template is not part of this installation")


def _copy(source: Path, target: Path, name: str) -> None:
    module = name.replace("-", "_")
    for path in sorted(source.rglob("*")):
        if path.is_dir() or _SKIPPED & set(path.parts):
            continue
        relative = str(path.relative_to(source)).replace(_TEMPLATE, module)
        copy = target / relative
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(_renamed(path.read_text("utf-8"), name, module), encoding="utf-8")


def _leave_workspace(project: Path) -> None:
    """Outside a checkout of querygen there is no workspace to take it from."""
    text = project.read_text("utf-8").replace("\n[tool.uv.sources]\nquerygen = { workspace = true }\n", "")
    project.write_text(text, encoding="utf-8")


def _renamed(text: str, name: str, module: str) -> str:
    text = text.replace(f"querygen_{_TEMPLATE}", f"querygen_{module}")
    text = text.replace(_TEMPLATE.capitalize(), "".join(part.capitalize() for part in name.split("-")))
    return text.replace(_TEMPLATE, name)
