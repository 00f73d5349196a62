"""What a job needs to run elsewhere: its config written out and the prompts it uses. Nothing else of this machine."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from querygen_core.api import NamesAPrompt, Secret
from querygen_core.canonical import digest
from querygen_core.config import Part, Pipeline
from querygen_core.config.options import leaves, names_in
from querygen_core.errors import ConfigError, InputError, MissingInput
from querygen_core.interpolation import Variable, pieces
from querygen_core.masking import MASK, mask
from querygen_core.problems import Trail, show
from querygen_core.prompts import PromptFile, PromptLibrary, default_directories
from querygen_core.vault import Reference

CONFIG = "config.json"
_PLAIN = "a secret is written in plain here and would be uploaded; write ${secret:env:NAME}, or another resolver's"
_LIKELY = "holds what looks like a password or key, and would be uploaded; take it out, or write ${secret:env:NAME}"
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._-]")


def bundle(pipeline: Pipeline) -> tuple[dict[str, bytes], str]:
    """The files by name, the config last, and the config's name; all in one folder that is called by their hash.

    Raises:
        ConfigError: a secret is written in plain somewhere; or a prompt is not there any more.
    """
    if problems := [f"{pipeline.origin}: {show(trail)}: {what}" for trail, what in _secrets_in_plain(pipeline)]:
        raise ConfigError(problems)
    config: dict[str, Any] = json.loads(json.dumps(pipeline.resolved))
    config.pop("submit", None)  # the image that runs it need not know by whom
    config["prompts_dir"] = None
    texts = _take_prompts(pipeline, config)
    texts[CONFIG] = f"{json.dumps(config, ensure_ascii=False, indent=1)}\n"
    folder = digest(texts)
    files = {f"{folder}/{name}": text.encode() for name, text in texts.items()}
    return files, f"{folder}/{CONFIG}"


def products_of(path: str) -> tuple[str, Path]:
    """A file of products, and its name beside the bundles: by its own hash, so that it is sent once.

    Raises:
        MissingInput: it is not there. InputError: it cannot be read.
    """
    file = Path(path).expanduser()
    try:
        with file.open("rb") as stream:
            hashed = hashlib.file_digest(stream, "sha256").hexdigest()
    except FileNotFoundError:
        raise MissingInput(f"{path}: there is no such file") from None
    except (OSError, ValueError) as exc:
        raise InputError(f"{path}: cannot be read: {getattr(exc, 'strerror', None) or exc}") from None
    return f"products/{hashed}/{_NOT_IN_NAMES.sub('_', file.name)}", file


def _take_prompts(pipeline: Pipeline, config: dict[str, Any]) -> dict[str, str]:
    """The files of all prompts, each prompt in a folder of its own; `config` names them there.

    The folder is called by the prompt's hash, so another prompt of that name where the job runs cannot take its place.
    """
    library = PromptLibrary(default_directories(pipeline.prompts_dir, pipeline.config_dir), pipeline.config_dir)
    texts = {}
    for place, part in _parts(pipeline):
        for trail, name in names_in(part.options, NamesAPrompt):
            prompt = library.load(name)
            folder, own = f"prompts/{prompt.hash[:16]}", next(iter(prompt.sources))
            texts.update(_files_of(prompt, folder))
            _put(config, (*place, *trail), f"{folder}/{own}")
    return texts


def _files_of(prompt: PromptFile, folder: str) -> dict[str, str]:
    return {f"{folder}/{name}": text for name, text in prompt.sources.items()}


def _parts(pipeline: Pipeline) -> Iterator[tuple[Trail, Part]]:
    """Every part but the submitter, and where `Pipeline.resolved` has it."""
    yield ("input",), pipeline.input
    yield ("journal",), pipeline.journal
    yield from ((("models", name), one.part) for name, one in pipeline.models.items())
    for section, parts in {
        "preprocessors": pipeline.preprocessors,
        "generators": [one.part for one in pipeline.generators],
        "postprocessors": pipeline.postprocessors,
        "sinks": [one.part for one in pipeline.sinks],
        "observers": pipeline.observers,
    }.items():
        yield from (((section, index), part) for index, part in enumerate(parts))


def _put(config: Any, trail: Trail, value: str) -> None:
    for step in trail[:-1]:
        config = config[step]
    config[trail[-1]] = value


def _secrets_in_plain(pipeline: Pipeline) -> Iterator[tuple[Trail, str]]:
    for place, part in _parts(pipeline):
        for trail, leaf in leaves(part.options):
            if isinstance(leaf, Secret) and _is_plain(leaf):
                yield (*place, *trail), _PLAIN
    for trail, leaf in leaves({key: value for key, value in pipeline.resolved.items() if key != "submit"}):
        if isinstance(leaf, str) and leaf != MASK and mask(_literal(leaf)) != _literal(leaf):
            yield trail, _LIKELY


def _is_plain(secret: Secret) -> bool:
    """Whether the value is known from the text itself. `${NAME:-x}` beside a reference may be a host's name."""
    if secret.reference == MASK:
        return True
    parts = list(pieces(secret.reference))
    filled_in = any(isinstance(part, Variable) and part.default for part in parts)
    return filled_in and not any(isinstance(part, Reference) for part in parts)


def _literal(text: str) -> str:
    """What of a text is not taken from elsewhere."""
    written = (part.default if isinstance(part, Variable) else part for part in pieces(text))
    return "".join(part for part in written if isinstance(part, str))
