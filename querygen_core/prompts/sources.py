"""The files of one prompt: itself and all that it includes, imports or extends, each read once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from jinja2 import TemplateSyntaxError, nodes

from querygen_core.contracts.canonical import digest
from querygen_core.contracts.errors import ConfigError
from querygen_core.prompts.front_matter import split
from querygen_core.prompts.sandbox import Sandbox
from querygen_core.strict_yaml.diagnostics import Location, Problem, lines
from querygen_core.strict_yaml.encoding import decode

MAX_BYTES = 64 * 1024
MAX_DEPTH = 8
MAX_FILES = 50

Reference = nodes.Include | nodes.Import | nodes.FromImport | nodes.Extends


@dataclass(slots=True)
class PromptSource:
    """One file of a prompt."""

    name: str
    """As other files include it."""
    path: Path
    """Where it was read."""
    text: str
    """The whole file."""
    front: str
    """Its front matter; "" if it has none."""
    tree: nodes.Template
    """The parsed template."""
    isolated: bool
    """Whether all references import it without context, so that it sees only the arguments of its macros."""

    def problem(self, line: int, message: str, word: str = "") -> Problem:
        """A problem in a line (from 1): at `word` if the line has it, else at its first character."""
        rows = self.text.split("\n")
        row = rows[line - 1] if 0 < line <= len(rows) else ""
        column = max(row.find(word), 0) if word else len(row) - len(row.lstrip())
        return Problem(Location(str(self.path), line, column + 1), message)


def combined_hash(parts: Sequence[PromptSource]) -> str:
    """SHA-256 over names and texts of all files, as hex."""
    return digest({part.name: hashlib.sha256(part.text.encode()).hexdigest() for part in parts})


def collect(path: Path, folders: Sequence[Path]) -> tuple[list[PromptSource], Sandbox]:
    """The files of the prompt at `path`, itself first, and a sandbox that can load them by name.

    Raises:
        ConfigError: a file is missing, too large, outside of `folders`, or not a valid template.
    """
    collector = _Collector([path.parent, *folders])
    collector.add(path.name, path, (), isolated=False)
    return list(collector.parts.values()), collector.sandbox


class _Collector:
    def __init__(self, folders: Sequence[Path]) -> None:
        self.parts: dict[str, PromptSource] = {}
        self._bodies: dict[str, tuple[str, str]] = {}
        self._folders = folders
        self.sandbox = Sandbox(self._bodies)

    def add(self, name: str, path: Path, chain: tuple[str, ...], *, isolated: bool) -> None:
        if name in self.parts:
            self.parts[name].isolated &= isolated
            return
        text = read_text(path)
        front, body = _split(text, path)
        part = PromptSource(name, path, text, front, self._parse(body, path), isolated)
        self.parts[name] = part
        self._bodies[name] = (body, str(path))
        for reference in references(part.tree):
            self._follow(reference, part, (*chain, name))

    def _follow(self, reference: Reference, part: PromptSource, chain: tuple[str, ...]) -> None:
        name = target(reference)
        if name is None:
            raise _refusal(part, reference, "the name of another file must be a plain quoted string")
        if name in chain:
            raise _refusal(part, reference, f"{name!r} includes itself, by way of {' → '.join(chain)}")
        if len(chain) > MAX_DEPTH or len(self.parts) > MAX_FILES:
            raise _refusal(part, reference, f"too many files: at most {MAX_FILES}, {MAX_DEPTH} deep")
        isolated = isinstance(reference, nodes.Import | nodes.FromImport) and not reference.with_context
        self.add(name, self._find(name, reference, part), chain, isolated=isolated)

    def _find(self, name: str, reference: Reference, part: PromptSource) -> Path:
        for folder in self._folders:
            try:
                path = path_within(folder, name)
            except ConfigError as exc:
                raise _refusal(part, reference, str(exc)) from None
            if path.is_file():
                return path
        searched = ", ".join(dict.fromkeys(map(str, self._folders)))
        raise _refusal(part, reference, f"there is no {name!r} in {searched}")

    def _parse(self, body: str, path: Path) -> nodes.Template:
        try:
            return self.sandbox.parse(body)
        except TemplateSyntaxError as exc:
            raise ConfigError(lines([Problem(Location(str(path), exc.lineno, 1), f"{exc.message}")])) from None
        except (ValueError, RecursionError) as exc:  # a number of 5,000 digits, brackets 1,000 deep
            raise ConfigError(lines([Problem(Location(str(path)), f"is not a valid template: {exc}")])) from None


def references(tree: nodes.Template) -> Iterator[Reference]:
    yield from tree.find_all(nodes.Include)
    yield from tree.find_all(nodes.Import)
    yield from tree.find_all(nodes.FromImport)
    yield from tree.find_all(nodes.Extends)


def target(reference: Reference) -> str | None:
    """The name of the file, or None if it is an expression that only rendering could evaluate."""
    name = reference.template
    return name.value if isinstance(name, nodes.Const) and isinstance(name.value, str) else None


def _split(text: str, path: Path) -> tuple[str, str]:
    try:
        return split(text)
    except ValueError as exc:
        raise ConfigError(lines([Problem(Location(str(path), 1, 1), str(exc))])) from None


def path_within(folder: Path, name: str) -> Path:
    """Return `folder/name`.

    Raises:
        ConfigError: that is outside of `folder`, through `..`, an absolute path or a symbolic link.
    """
    parts = PurePosixPath(name).parts
    if parts and parts[0] != "/" and ".." not in parts and "\\" not in name and name.isprintable():
        path = folder / name
        if path.resolve().is_relative_to(folder.resolve()):
            return path
    raise ConfigError(f"{name!r} leads outside of {folder}")


def read_text(path: Path) -> str:
    """The text of one file, with newlines as the only line ends.

    Raises:
        ConfigError: it cannot be read, is too large or not UTF-8.
    """
    file = str(path)
    try:
        if not path.is_file():
            raise ConfigError(f"{file}: is not a file")
        with path.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except OSError as exc:
        raise ConfigError(f"{file}: cannot be read: {exc.strerror}") from None
    if len(content) > MAX_BYTES:
        raise ConfigError(f"{file}: is larger than {MAX_BYTES // 1024} KiB, the most that a prompt file may have")
    return decode(content, file).replace("\r\n", "\n")


def _refusal(part: PromptSource, reference: Reference, message: str) -> ConfigError:
    return ConfigError(lines([part.problem(reference.lineno, message)]))
