"""Start a plugin: a small distribution of one kind, with working code and a passing contract test."""

from __future__ import annotations

import argparse
import keyword
import re
import shutil
from pathlib import Path
from shlex import quote

from querygen_core.cli.main import print_result
from querygen_core.cli.parser import KINDS
from querygen_core.contracts.errors import Exit, UsageError
from querygen_core.registry import Registry

_TEMPLATES = Path(__file__).with_name("templates")
_PLACEHOLDER = "yourname"
_RESERVED = ("all", "core", "embedded", "testing")  # `querygen_core` would shadow the framework
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_COMPILED = "__pycache__"  # pip compiles the templates of an installed wheel
_WORKSPACE = "\n[tool.uv.sources]\nquerygen = { workspace = true }\n"


def new(arguments: argparse.Namespace) -> int:
    """Write a plugin into a new folder.

    Raises:
        UsageError: the name is not valid or taken, the kind is missing, the folder exists already or cannot be written.
    """
    name: str = arguments.name
    if not _NAME.fullmatch(name) or keyword.iskeyword(name):
        raise UsageError(f"{name!r} cannot name a plugin: use lower-case words of letters and digits, joined by dashes")
    if arguments.kind is None:
        raise UsageError(f"the kind of plugin is missing: --kind {'|'.join(KINDS)}")
    if name in {*_RESERVED, *(plugin.name for plugin in Registry().installed())}:
        raise UsageError(f"{name!r} is the name of an installed plugin or of an extra of querygen; choose another name")
    target = Path(arguments.folder) if arguments.folder else _default_folder(name)
    if target.exists():
        raise UsageError(f"{target} exists already; choose another folder with --folder")
    try:
        write(arguments.kind, name, target)
    except OSError as exc:
        shutil.rmtree(target, ignore_errors=True)  # half a plugin would be in the way of the next attempt
        raise UsageError(f"{target} cannot be written: {exc.strerror or exc}") from None
    print_result(_next_steps(arguments.kind, name, target))
    return Exit.DONE


def write(kind: str, name: str, target: Path) -> None:
    """The scaffold of `kind` under the plugin name `name` in `target`."""
    for template in (_TEMPLATES / "common", _TEMPLATES / kind):
        for source in sorted(template.rglob("*")):
            if source.is_file() and _COMPILED not in source.parts:
                file = target / _renamed(str(source.relative_to(template)), name, as_module=True)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(_renamed(source.read_text("utf-8"), name), encoding="utf-8")
    if _is_in_workspace(target):
        with (target / "pyproject.toml").open("a", encoding="utf-8") as project:
            project.write(_WORKSPACE)


def _default_folder(name: str) -> Path:
    return Path("plugins") / name if Path("plugins").is_dir() else Path(name)


def _is_in_workspace(target: Path) -> bool:
    """Whether `target` is a plugin of a checkout: uv refuses a member that does not take querygen from there."""
    project = target.absolute().parent.parent / "pyproject.toml"
    return project.is_file() and "[tool.uv.workspace]" in project.read_text("utf-8")


def _renamed(text: str, name: str, *, as_module: bool = False) -> str:
    """The text with the plugin's name for the placeholder; as part of a module's name it has `_` for `-`."""
    module = name.replace("-", "_")
    text = text.replace(f"querygen_{_PLACEHOLDER}", f"querygen_{module}")
    return text.replace(_PLACEHOLDER, module if as_module else name)


def _next_steps(kind: str, name: str, target: Path) -> str:
    article = "An" if kind[0] in "aeiou" else "A"
    package = f"querygen_{name.replace('-', '_')}"
    if _is_in_workspace(target):
        steps = f"""
  cd {quote(str(target))}
  uv run pytest                      # install it and check it against the contract of its kind
  querygen plugins info {name}"""
    else:
        steps = f"""
  cd {quote(str(target))}
  pip install -e .                   # install it, so that querygen finds it; in an environment of uv's: uv pip install
  pip install 'querygen[testing]'    # get pytest
  pytest                             # check it against the contract of its kind
  querygen plugins info {name}"""
    return f"""{article} {kind} plugin is in {target}. It works as it is; change {package}/ to your needs.

Next steps:{steps}
{target / "README.md"} shows how a config uses it."""
