"""The generated parts of the READMEs, here and in plugins/: `uv run python -m tests.readme` writes them, a test says
when they are stale.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from pydantic.fields import FieldInfo

from querygen_core.cli.parser import EXIT_CODES, build_parser
from querygen_core.config import Journal, Runtime
from querygen_core.registry import Kind, Registry

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
READMES = (README, *sorted(ROOT.glob("plugins/*/README.md")))
_BLOCK = re.compile(r"<!-- generated: (?P<name>[a-z-]+)(?P<words>[^>]*) -->\n.*?<!-- end -->", re.DOTALL)
_FILE = re.compile(r"<!-- file: (?P<name>\S+) -->\n```\w+\n(?P<text>.*?)```", re.DOTALL)


def table(head: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def settings(section: str) -> str:
    fields = {"journal": Journal, "runtime": Runtime}[section].model_fields.items()
    rows = ((f"`{section}.{name}`", f"{field.default}", field.description or "") for name, field in fields)
    return table(
        ("key", "default", "what it does"), ((key, "" if value == "None" else value, text) for key, value, text in rows)
    )


def components() -> str:
    registry = Registry()
    found = [one for plugin in registry.installed() for one in registry.components(plugin.name)]
    return table(("use", "kind", ""), ((f"`{one.use}`", one.kind, one.component.summary) for one in found))


def exit_codes() -> str:
    return table(("code", "meaning"), ((str(int(code)), meaning) for code, meaning in EXIT_CODES.items()))


def commands() -> str:
    return table(("command", "does"), ((f"`{usage}`", text) for usage, text in _usages(build_parser())))


def _usages(parser: argparse.ArgumentParser) -> Iterator[tuple[str, str]]:
    below = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    for action in below:
        for child in action.choices.values():
            yield from _usages(child)
    if not below:
        yield (
            " ".join(parser.format_usage().removeprefix("usage: ").replace(" [-h]", "").split()),
            parser.description or "",
        )


def options(use: str, kind: Kind, which: str = "all") -> str:
    """A component's options, a row each. which: `own` or `inherited` for a part of them, where several share some."""
    model = Registry().component(kind, use).component.options
    wanted = {"all": lambda _: True, "own": model.__annotations__.__contains__}
    chosen = wanted.get(which, lambda name: name not in model.__annotations__)
    fields = ((field.alias or name, field) for name, field in model.model_fields.items() if chosen(name))
    rows = ((f"`{name}`", _default(field), field.description or "") for name, field in fields)
    return table(("option", "default", "meaning"), rows)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    return "" if value is None else f"`{value}`"


GENERATED: dict[str, Callable[..., str]] = {
    "settings": settings,
    "components": components,
    "exit-codes": exit_codes,
    "commands": commands,
    "options": options,
}


def generate(text: str) -> str:
    """`text` with every generated block as it should be."""

    def block(match: re.Match[str]) -> str:
        name, words = match["name"], match["words"]
        return f"<!-- generated: {name}{words} -->\n\n{GENERATED[name](*words.split())}\n\n<!-- end -->"

    return _BLOCK.sub(block, text)


def files(text: str) -> dict[str, str]:
    """The example files in the page, by name."""
    return {match["name"]: match["text"] for match in _FILE.finditer(text)}


if __name__ == "__main__":
    for path in READMES:
        path.write_text(generate(path.read_text("utf-8")), encoding="utf-8")
