"""Prompts by name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import querygen_core
from querygen_core.errors import ConfigError
from querygen_core.prompts.file import PromptFile
from querygen_core.prompts.sources import inside
from querygen_core.suggest import hint

SUFFIX = ".j2"


def default_directories(prompts_dir: str | None, config_dir: Path) -> list[Path]:
    """Where prompts are looked for: `prompts_dir` alone, or here, beside the config, and among the packaged ones."""
    if prompts_dir is not None:
        given = Path(prompts_dir).expanduser()
        return [given if given.is_dir() else config_dir / given]
    folders = [Path("prompts"), config_dir / "prompts", config_dir.parent / "prompts", packaged()]
    unique: dict[Path, Path] = {}
    for folder in folders:
        unique.setdefault(folder.resolve(), folder)
    return list(unique.values())


def packaged() -> Path:
    """The prompts that come with querygen: in the wheel, or at the top of a checkout."""
    package = Path(querygen_core.__file__).parent
    shipped = package / "_prompts"
    return shipped if shipped.is_dir() else package.parent / "prompts"


class PromptLibrary:
    """Loads each prompt once. beside: where a relative path is looked for, too (the config's folder)."""

    def __init__(self, directories: Sequence[Path], beside: Path | None = None) -> None:
        self._directories = tuple(directories)
        self._beside = beside
        self._loaded: dict[str, PromptFile] = {}

    def load(self, name: str) -> PromptFile:
        """The prompt called `name`, or at the path `name`.

        Raises:
            ConfigError: it is missing or wrong.
        """
        if name not in self._loaded:
            self._loaded[name] = PromptFile(self._find(name), self._directories)
        return self._loaded[name]

    def names(self) -> list[str]:
        """Every name that a file in the directories has."""
        files = (file for folder in self._directories for file in folder.glob(f"*{SUFFIX}"))
        return sorted({file.stem for file in files})

    def _find(self, name: str) -> Path:
        if "/" in name or "\\" in name:
            return self._at(name)
        for folder in self._directories:
            path = inside(folder, name.removesuffix(SUFFIX) + SUFFIX)
            if path.is_file():
                return path
        if Path(name).is_file():
            return Path(name)
        looked = ", ".join(map(str, self._directories))
        raise ConfigError(f"there is no prompt {name!r} in {looked}{hint(name, self.names())}")

    def _at(self, name: str) -> Path:
        path = Path(name).expanduser()
        choices = [path, *([self._beside / path] if self._beside else [])]
        for choice in choices:
            if choice.is_file():
                return choice
        raise ConfigError(f"there is no prompt file {' or '.join(map(str, choices))}")
