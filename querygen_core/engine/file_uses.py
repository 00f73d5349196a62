"""Refuses a job that would overwrite a file that it needs: its catalogue, config, prompts, state, or another output."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from querygen_core.api import Context, FileUse, Options, PromptRef
from querygen_core.config import ComponentConfig, Pipeline, references_in, revealed
from querygen_core.config.options import names_in
from querygen_core.contracts.errors import ConfigError
from querygen_core.engine.build import Builder
from querygen_core.strict_yaml.diagnostics import one_line

_ANSWERS = "answers."  # begins the names of the files in the state folder that all jobs share


@dataclass(frozen=True, slots=True)
class _Place:
    """A file or folder, and what it is to the job."""

    path: Path
    what: str  # ends the sentence `out.jsonl is …`
    folder: bool = False
    owner: ComponentConfig | None = None

    def holds(self, file: Path) -> bool:
        """Whether writing `file` would change this place, whatever the two are called."""
        if not self.folder:
            return _location(file) == _location(self.path)
        return any(_location(parent) == _location(self.path) for parent in _real(file).parents)


@dataclass(frozen=True, slots=True)
class _SharedState:
    """What the state folder holds of other jobs and of all. Found by what is written, since there may be many jobs."""

    state_dir: Path
    owner: None = None

    what = "in the folder of another job's state, or where the answers of all jobs are kept"

    def holds(self, file: Path) -> bool:
        real = _real(file)
        for entry in (real, *real.parents):
            if _location(entry.parent) == _location(self.state_dir):
                return entry.name.startswith(_ANSWERS) or (entry / "journal.sqlite").exists()
        return False


def check_files(builder: Builder) -> None:
    """Make sure that no component writes a file that the job reads or that another component writes.

    Raises:
        ConfigError: with every such file, and the two places of the config.
    """
    uses = [(config, *use) for config in _components(builder.pipeline) for use in _uses(config, builder).items()]
    taken: list[_Place | _SharedState] = [*_own_places(builder)]
    taken += (_place_of(config, use, when) for config, use, when in uses if not use.writes)
    problems: dict[str, str] = {}  # place in the config → what is wrong; a file's partial file is wrong where it is
    for config, use, when in uses:
        if use.writes:
            if place := next((place for place in taken if place.owner is not config and place.holds(use.path)), None):
                message = f"{one_line(str(use.path))} is {place.what}; choose another path"
                problems.setdefault(_option(config, use), message)
            taken.append(_place_of(config, use, when))
    if problems:
        raise ConfigError([f"{builder.pipeline.origin}: {where}: {message}" for where, message in problems.items()])


def _components(pipeline: Pipeline) -> Iterator[ComponentConfig]:
    yield pipeline.input
    yield from pipeline.preprocessors
    yield from (model.component for model in pipeline.models.values())
    yield from (generator.component for generator in pipeline.generators)
    yield from pipeline.postprocessors
    yield from (sink.component for sink in pipeline.sinks)
    yield from pipeline.observers


def _uses(config: ComponentConfig, builder: Builder) -> Mapping[FileUse, str]:
    """The files of whole runs and of samples, which must not overwrite what the others write; each with when it is
    used, to end a sentence.
    """
    if config.registered.component.options.files_used is Options.files_used:
        return {}
    options = revealed(config)
    guard = config.registered.guard(path=config.path)
    context = builder.context(config.use)
    found: dict[FileUse, str] = {}
    for sample, when in ((False, ""), (True, " in a sample")):
        with guard:
            uses: list[object] = list(options.files_used(replace(context, sample=sample)))
        for use in uses:
            if not isinstance(use, FileUse):
                raise guard.violation(f"its files_used gave {type(use).__name__}, not FileUse")
            found.setdefault(use, when)
    return found


def _place_of(config: ComponentConfig, use: FileUse, when: str) -> _Place:
    what = f"{_option(config, use)} {'writes' if use.writes else 'reads'}{when}"
    return _Place(use.path, f"in the folder that {what}" if use.folder else f"the file that {what}", use.folder, config)


def _option(config: ComponentConfig, use: FileUse) -> str:
    return f"{config.path}.{use.option}" if use.option else config.path


def _own_places(builder: Builder) -> Iterator[_Place | _SharedState]:
    """What querygen itself reads and writes."""
    pipeline = builder.pipeline
    yield _Place(pipeline.config_file, "this config")
    yield from _prompts(builder)
    context = builder.context("core/file")
    for reference in references_in(pipeline.resolved):
        if reference.use == "core/file":
            yield _Place(context.find(reference.name), "the file of a secret of this config")
    yield from _state(builder, context)


def _prompts(builder: Builder) -> Iterator[_Place]:
    for config in _components(builder.pipeline):
        for _, name in names_in(config.options, PromptRef):
            for path in builder.library.load(name).paths:
                yield _Place(path, f"a prompt that {config.path} uses")


def _state(builder: Builder, context: Context) -> Iterator[_Place | _SharedState]:
    yield _Place(context.state_dir, "in the folder of this job's state", folder=True)
    yield _SharedState(Path(builder.pipeline.runtime.state_dir))
    url = builder.pipeline.journal.url or ""
    if url.startswith("file:"):
        yield _Place(Path(url2pathname(urlsplit(url).path)), "in the folder of journal.url", folder=True)


def _location(path: Path) -> tuple[int, int, tuple[str, ...]]:
    """Equal for two spellings of one file: device and number of the file or, if there is none, of the nearest folder
    that exists, and the names from there on.
    """
    real = _real(path)
    for nearest in (real, *real.parents):
        try:
            status = nearest.stat()
        except (OSError, ValueError):
            continue
        names = real.relative_to(nearest).parts
        if names and _ignores_case(nearest):
            names = tuple(unicodedata.normalize("NFC", name).casefold() for name in names)
        return status.st_dev, status.st_ino, names
    return 0, 0, real.parts


def _real(path: Path) -> Path:
    try:
        return Path(os.path.realpath(path))
    except (OSError, ValueError):  # a NUL, a loop of symbolic links: no file that could be written
        return path.absolute()


def _ignores_case(folder: Path) -> bool:
    """Whether the disk takes `OUT` and `out` for one name, as those of macOS and Windows do."""
    for place in (folder, *folder.parents):
        other = place.with_name(place.name.swapcase())
        if place.name != other.name:
            return other.exists() and other.samefile(place)
    return False
