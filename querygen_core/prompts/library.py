"""Finds and loads prompts by name or path."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import querygen_core
from querygen_core.contracts.errors import ConfigError
from querygen_core.prompts.file import PromptFile
from querygen_core.prompts.sources import path_within
from querygen_core.strict_yaml.suggest import did_you_mean

SUFFIX = ".j2"


def default_directories(prompts_dir: str | None, config_dir: Path) -> list[Path]:
    """Where prompts are looked for, in order: in `prompts_dir` only, if it is set.

    Otherwise in `prompts/` of the current folder, beside the config, beside the config's folder, and in the wheel.
    """
    if prompts_dir is not None:
        folder = Path(prompts_dir).expanduser()
        return [folder if folder.is_dir() else config_dir / folder]
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
    """Loads each prompt once.

    directories: searched for names, first to last. beside: a second folder for relative paths, that of the config.
    """

    def __init__(self, directories: Sequence[Path], beside: Path | None = None) -> None:
        self._directories = tuple(directories)
        self._beside = beside
        self._loaded: dict[str, PromptFile] = {}

    def load(self, name: str) -> PromptFile:
        """The prompt with this name, or at this path if `name` holds a slash.

        Raises:
            ConfigError: it is missing or wrong.
        """
        if name not in self._loaded:
            self._loaded[name] = PromptFile(self._find(name), self._directories)
        return self._loaded[name]

    def names(self) -> list[str]:
        """The names of all prompts in the directories, for suggestions."""
        files = (file for folder in self._directories for file in folder.glob(f"*{SUFFIX}"))
        return sorted({file.stem for file in files})

    def _find(self, name: str) -> Path:
        if "/" in name or "\\" in name:
            return self._find_path(name)
        for folder in self._directories:
            path = path_within(folder, name.removesuffix(SUFFIX) + SUFFIX)
            if path.is_file():
                return path
        if Path(name).is_file():
            return Path(name)
        searched = ", ".join(map(str, self._directories))
        raise ConfigError(f"there is no prompt {name!r} in {searched}{did_you_mean(name, self.names())}")

    def _find_path(self, name: str) -> Path:
        path = Path(name).expanduser()
        choices = [path, *([self._beside / path] if self._beside else [])]
        for choice in choices:
            if choice.is_file():
                return choice
        raise ConfigError(f"there is no prompt file {' or '.join(map(str, choices))}")
